from __future__ import annotations

import botocore.session
import pytest
from plan_rollout.serving import split_config

from infra.monitoring.monitoring import STEP as MONITORING
from infra.names import LongName, WorkloadNames
from infra.training.checks import STEP as CHECK

LONGEST = WorkloadNames(stage="a" * 6, workload="w" * 26)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("TrainingJobName", f"{LONGEST.prefix}-{'0' * 12}"),
        ("ProcessingJobName", f"{LONGEST.prefix}-{'0' * 12}-eval"),
        ("ProcessingJobName", LONGEST.processing_pattern(CHECK)),
        ("ProcessingJobName", LONGEST.processing_pattern(MONITORING)),
        ("HyperParameterTuningJobName", LONGEST.tuning_pattern),
        ("ModelName", f"{LONGEST.prefix}-v9999-{'0' * 8}"),
        ("EndpointConfigName", split_config(f"{LONGEST.prefix}-v9999-{'0' * 8}")),
        ("EndpointConfigName", f"{LONGEST.prefix}-v9999-{'0' * 8}-shadow"),
        ("EndpointName", LONGEST.prefix),
        ("EntityName", LONGEST.prefix),  # model package group
    ],
)
def test_the_longest_names_still_fit(shape: str, name: str) -> None:
    model = botocore.session.Session().get_service_model("sagemaker").shape_for(shape)
    assert len(name) <= model.metadata["max"]


def test_a_workload_whose_names_would_be_longer_is_refused() -> None:
    with pytest.raises(LongName, match="of 42 characters, in stage 'aaaaaaa': allowed: 41"):
        WorkloadNames(stage="a" * 7, workload="w" * 26)
    WorkloadNames(stage="a" * 7, workload="w" * 25)


def test_function_and_state_machine_names_fit_too() -> None:
    assert len(LONGEST.function("publish_monitoring")) <= 64  # CreateFunction, FunctionName
    assert len(LONGEST.rollout_machine) <= 80  # CreateStateMachine, Name


def test_underscores_become_dashes_where_sagemaker_names_them() -> None:
    names = WorkloadNames(stage="dev", workload="mnist_lightning")
    assert names.prefix == "slipway-dev-mnist-lightning"
    assert names.descriptor_parameter == "/slipway/dev/workloads/mnist_lightning"


def test_tuning_jobs_of_workloads_with_the_same_ending_have_names_of_their_own() -> None:
    names = {WorkloadNames(stage=stage, workload="mnist_lightning").tuning_prefix for stage in ("dev", "prod")}
    names.add(WorkloadNames(stage="dev", workload="digits_lightning").tuning_prefix)
    assert len(names) == 3
    assert all(name.startswith("lightning-") for name in names)
