"""Every paginator of botocore's model whose operation the embedded cloud answers, page by page over real resources."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import botocore.session
import jmespath
import pytest

from localcloud.sagemaker.resources import OPERATIONS
from tests.support import sagemaker_requests as requests
from tests.support.clients import Account
from tests.support.embedded_cloud import eventually, unique

_LOADER = botocore.session.get_session().get_component("data_loader")
_MODEL = _LOADER.load_service_model("sagemaker", "paginators-1")["pagination"]
_COVERED = sorted(set(_MODEL) & set(OPERATIONS))
_COUNT = 5

# What a page's entries are told apart by, and what makes `_COUNT` of them: it returns the list's arguments.
Prepare = Callable[[Account], dict[str, Any]]
_LISTS: dict[str, tuple[str, Prepare]] = {}


def _list(operation: str, identity: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        _LISTS[operation] = (identity, prepare)
        return prepare

    return register


def _named(operation: str, noun: str, request: Callable[[Account, str], dict[str, Any]]) -> None:
    """A list operation that NameContains narrows to what was just made."""

    def prepare(account: Account) -> dict[str, Any]:
        prefix = unique("paged")
        create = getattr(account.cloud.client("sagemaker"), f"create_{operation}")
        for number in range(_COUNT):
            create(**request(account, f"{prefix}-{number}"))
        return {"NameContains": prefix}

    _list(f"List{noun}s", f"{noun}Name")(prepare)


_named("model", "Model", requests.model)
_named("endpoint_config", "EndpointConfig", requests.endpoint_config)
_named("endpoint", "Endpoint", requests.endpoint)
_named("training_job", "TrainingJob", requests.training_job)
_named("processing_job", "ProcessingJob", requests.processing_job)
_named("transform_job", "TransformJob", requests.transform_job)
_named("hyper_parameter_tuning_job", "HyperParameterTuningJob", requests.tuning_job)
_named("model_package_group", "ModelPackageGroup", requests.model_package_group)


@_list("ListModelPackages", "ModelPackageArn")
def _model_packages(account: Account) -> dict[str, Any]:
    sagemaker, group = account.cloud.client("sagemaker"), unique("paged")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    for _ in range(_COUNT):
        sagemaker.create_model_package(ModelPackageGroupName=group)
    return {"ModelPackageGroupName": group}


@_list("ListTags", "Key")
def _tags(account: Account) -> dict[str, Any]:
    tags = [{"Key": f"key-{number}", "Value": "x"} for number in range(_COUNT)]
    created = account.cloud.client("sagemaker").create_model(**requests.model(account, unique("paged")), Tags=tags)
    return {"ResourceArn": created["ModelArn"]}


@_list("ListTrainingJobsForHyperParameterTuningJob", "TrainingJobName")
def _training_jobs_of_a_tuning_job(account: Account) -> dict[str, Any]:
    sagemaker, name = account.cloud.client("sagemaker"), unique("paged")
    sagemaker.create_hyper_parameter_tuning_job(**requests.tuning_job(account, name, training_jobs=_COUNT))
    requests.wait(
        lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        "HyperParameterTuningJobStatus",
    )
    return {"HyperParameterTuningJobName": name}


def _recent(operation: str, noun: str) -> None:
    """A list operation that is narrowed by time alone."""

    def prepare(account: Account) -> dict[str, Any]:
        sagemaker, since = account.cloud.client("sagemaker"), dt.datetime.now(dt.UTC)
        for _ in range(_COUNT):
            getattr(sagemaker, f"create_{operation}")(**{f"{noun}Name": unique("paged")})
        return {"CreatedAfter": since}

    _list(f"List{noun}s", f"{noun}Name")(prepare)


_recent("experiment", "Experiment")
_recent("trial_component", "TrialComponent")


@_list("ListTrials", "TrialName")
def _trials(account: Account) -> dict[str, Any]:
    sagemaker, experiment = account.cloud.client("sagemaker"), {"ExperimentName": unique("paged")}
    sagemaker.create_experiment(**experiment)
    for _ in range(_COUNT):
        sagemaker.create_trial(TrialName=unique("paged"), **experiment)
    return experiment


def _lineage(noun: str, plural: str) -> None:
    def prepare(account: Account) -> dict[str, Any]:
        sagemaker, uri = account.cloud.client("sagemaker"), unique("s3://paged/x")
        for number in range(_COUNT):
            # An artifact is known by its source, which therefore differs.
            kinds = [{"SourceIdType": "Custom", "Value": str(number)}]
            source = {"SourceUri": uri} | ({"SourceTypes": kinds} if noun == "Artifact" else {})
            request = {f"{noun}Name": unique("paged"), "Source": source, f"{noun}Type": "x"}
            getattr(sagemaker, f"create_{noun.lower()}")(**request)
        return {"SourceUri": uri}

    _list(plural, f"{noun}Arn")(prepare)


_lineage("Artifact", "ListArtifacts")
_lineage("Action", "ListActions")
_lineage("Context", "ListContexts")


@_list("ListAssociations", "DestinationArn")
def _associations(account: Account) -> dict[str, Any]:
    sagemaker = account.cloud.client("sagemaker")
    source = sagemaker.create_experiment(ExperimentName=unique("paged"))["ExperimentArn"]
    for _ in range(_COUNT):
        component = sagemaker.create_trial_component(TrialComponentName=unique("paged"))["TrialComponentArn"]
        sagemaker.add_association(SourceArn=source, DestinationArn=component)
    return {"SourceArn": source}


def _pipeline(account: Account, name: str, steps: int = 0) -> None:
    stop = [{"Name": f"Step{number}", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}} for number in range(steps)]
    declared = [{"Name": f"p{number}", "Type": "Integer", "DefaultValue": number} for number in range(_COUNT)]
    text = json.dumps({"Version": "2020-12-01", "Parameters": declared, "Steps": stop})
    account.cloud.client("sagemaker").create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=account.role)


def _executions(account: Account, name: str, count: int) -> list[str]:
    """The ARNs of executions that have ended."""
    sagemaker = account.cloud.client("sagemaker")
    arns = [sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"] for _ in range(count)]
    for arn in arns:
        eventually(
            lambda arn=arn: (
                sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
                != "Executing"
            )
        )
    return arns


@_list("ListPipelines", "PipelineName")
def _pipelines(account: Account) -> dict[str, Any]:
    prefix = unique("paged")
    for number in range(_COUNT):
        _pipeline(account, f"{prefix}-{number}")
    return {"PipelineNamePrefix": prefix}


@_list("ListPipelineVersions", "PipelineVersionId")
def _pipeline_versions(account: Account) -> dict[str, Any]:
    name = unique("paged")
    _pipeline(account, name)
    for _ in range(_COUNT - 1):
        account.cloud.client("sagemaker").update_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": []})
        )
    return {"PipelineName": name}


@_list("ListPipelineExecutions", "PipelineExecutionArn")
def _pipeline_executions(account: Account) -> dict[str, Any]:
    name = unique("paged")
    _pipeline(account, name)
    _executions(account, name, _COUNT)
    return {"PipelineName": name}


@_list("ListPipelineExecutionSteps", "StepName")
def _pipeline_steps(account: Account) -> dict[str, Any]:
    name = unique("paged")
    _pipeline(account, name, steps=_COUNT)
    return {"PipelineExecutionArn": _executions(account, name, 1)[0]}


@_list("ListPipelineParametersForExecution", "Name")
def _pipeline_parameters(account: Account) -> dict[str, Any]:
    name = unique("paged")
    _pipeline(account, name)
    return {"PipelineExecutionArn": _executions(account, name, 1)[0]}


@_list("Search", "TrainingJob.TrainingJobName")
def _search(account: Account) -> dict[str, Any]:
    sagemaker, prefix = account.cloud.client("sagemaker"), unique("paged")
    for number in range(_COUNT):
        sagemaker.create_training_job(**requests.training_job(account, f"{prefix}-{number}"))
    found = {"Name": "TrainingJobName", "Operator": "Contains", "Value": prefix}
    return {"Resource": "TrainingJob", "SearchExpression": {"Filters": [found]}}


def test_there_are_lists_to_page_through() -> None:
    assert len(_COVERED) >= 8


@pytest.mark.parametrize("operation", _COVERED)
def test_the_paginator_gives_every_entry_once(account: Account, operation: str) -> None:
    assert operation in _LISTS, f"botocore pages {operation}, which the embedded cloud answers: say here what to list"
    identity, prepare = _LISTS[operation]
    arguments = prepare(account)
    # ListTags takes no page size under 50, and a resource has no more tags than that.
    page_size = 50 if operation == "ListTags" else 2
    pages = list(
        account.cloud.client("sagemaker")
        .get_paginator(botocore.xform_name(operation))
        .paginate(**arguments, PaginationConfig={"PageSize": page_size})
    )
    key = _MODEL[operation]["result_key"]
    found = [jmespath.search(identity, entry) for page in pages for entry in page[key]]
    assert len(found) == len(set(found)) == _COUNT
    assert [len(page[key]) for page in pages] == ([_COUNT] if page_size > _COUNT else [2, 2, 1])
