"""Every waiter of botocore's model whose operation the embedded cloud answers, to its good end and to its bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import WaiterError

from localcloud.sagemaker.resources import OPERATIONS
from tests.support import sagemaker_requests as requests
from tests.support.clients import BYOC, EVERY_SECOND, IRIS, Account
from tests.support.embedded_cloud import unique

_LOADER = botocore.session.get_session().get_component("data_loader")
_WAITERS = _LOADER.load_service_model("sagemaker", "waiters-2")["waiters"]
_COVERED = sorted(name for name, waiter in _WAITERS.items() if waiter["operation"] in OPERATIONS)

Start = Callable[[Account, Any, bool], dict[str, str]]
_STARTS: dict[str, Start] = {}


def _starts(waiter: str) -> Callable[[Start], Start]:
    """Registers what the waiter waits for: started so that it ends well or, asked with False, badly."""

    def register(start: Start) -> Start:
        _STARTS[waiter] = start
        return start

    return register


def _image(account: Account, works: bool) -> str:
    return account.image("byoc:1", BYOC) if works else requests.MISSING


@_starts("TrainingJobCompletedOrStopped")
def _training_job(account: Account, sagemaker: Any, works: bool) -> dict[str, str]:
    name, data = unique("waited"), account.put("iris/train.csv", IRIS)
    request = requests.training_job(account, name, image=_image(account, works), training=data)
    sagemaker.create_training_job(**request, HyperParameters={"scale": "1"})
    return {"TrainingJobName": name}


@_starts("ProcessingJobCompletedOrStopped")
def _processing_job(account: Account, sagemaker: Any, works: bool) -> dict[str, str]:
    name = unique("waited")
    sagemaker.create_processing_job(**requests.processing_job(account, name, image=_image(account, works)))
    return {"ProcessingJobName": name}


def _model(account: Account, sagemaker: Any, works: bool) -> str:
    data = None
    if works:
        job = _training_job(account, sagemaker, True)
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(**job, WaiterConfig=EVERY_SECOND)
        data = sagemaker.describe_training_job(**job)["ModelArtifacts"]["S3ModelArtifacts"]
    name = unique("waited")
    sagemaker.create_model(**requests.model(account, name, image=_image(account, works), data=data))
    return name


@_starts("TransformJobCompletedOrStopped")
def _transform_job(account: Account, sagemaker: Any, works: bool) -> dict[str, str]:
    name, data = unique("waited"), account.put("iris/unlabelled.csv", b"1,1\n5,5\n")
    model = _model(account, sagemaker, works)
    sagemaker.create_transform_job(**requests.transform_job(account, name, of_model=model, data=data))
    return {"TransformJobName": name}


@_starts("EndpointInService")
def _endpoint(account: Account, sagemaker: Any, works: bool) -> dict[str, str]:
    name, model = unique("waited"), _model(account, sagemaker, works)
    sagemaker.create_endpoint_config(**requests.endpoint_config(account, name, of_model=model))
    sagemaker.create_endpoint(**requests.endpoint(account, name, config=name))
    return {"EndpointName": name}


@_starts("EndpointDeleted")
def _deleted_endpoint(account: Account, sagemaker: Any, works: bool) -> dict[str, str]:
    name = _endpoint(account, sagemaker, False)
    requests.wait(lambda: sagemaker.describe_endpoint(**name), "EndpointStatus")
    if works:
        sagemaker.delete_endpoint(**name)
    return name


def test_there_are_waiters_to_hold() -> None:
    assert len(_COVERED) >= 4


@pytest.mark.parametrize("waiter", _COVERED)
@pytest.mark.parametrize("works", [True, False], ids=["success", "failure"])
def test_the_waiter_ends(account: Account, waiter: str, works: bool) -> None:
    assert waiter in _STARTS, (
        f"botocore waits by {waiter} on an operation the embedded cloud answers: say here for what"
    )
    sagemaker = account.cloud.client("sagemaker")
    arguments = _STARTS[waiter](account, sagemaker, works)
    waits = sagemaker.get_waiter(botocore.xform_name(waiter))
    if works:
        waits.wait(**arguments, WaiterConfig=EVERY_SECOND)
        return
    with pytest.raises(WaiterError) as caught:
        waits.wait(**arguments, WaiterConfig=EVERY_SECOND)
    assert "terminal failure state" in str(caught.value)
