"""The request of a tuning job in the place of a training job's."""

from typing import Any

import pytest
from plan_training.handler import handler
from plan_training.tuning import TunedHyperparameter
from shared.names import run_hash

from tests.support.botocore_model import violations
from tests.support.loopback_aws import LoopbackAws, no_endpoint

DESCRIPTOR = "/slipway/dev/workloads/digits"
TUNING = {
    "job_prefix": "dev-digits-1a2b3c4d",
    "starter_uri": "s3://cdk-hnb659fds-assets-123456789012-eu-central-1/3c0f.py",
    "objective": "test:accuracy",
    "goal": "maximize",
    "strategy": "bayesian",
    "max_jobs": 5,
    "max_parallel_jobs": 2,
    "ranges": {
        "epochs": {"minimum": 2, "maximum": 9, "scale": "linear"},
        "learning_rate": {"minimum": 1e-05, "maximum": 0.1, "scale": "logarithmic"},
        "network": {"values": ["cnn", "vgg"], "scale": "auto"},
        "augment": {"values": [True, False], "scale": "auto"},
    },
}


@pytest.fixture
def event(load_event: Any) -> dict[str, Any]:
    return {**load_event("train_input"), "hyperparameters": {}}


@pytest.fixture(autouse=True)
def tuned(aws: LoopbackAws, parameters: dict[str, Any]) -> dict[str, Any]:
    aws.operations["SageMaker.DescribeEndpoint"] = no_endpoint
    aws.operations["SageMaker.ListModelPackages"] = lambda request: {"ModelPackageSummaryList": []}
    parameters[DESCRIPTOR]["tuning"] = TUNING
    return parameters[DESCRIPTOR]


def test_the_request_is_one_that_sagemaker_takes(event: Any, context: Any) -> None:
    planned = handler(event, context)
    request = planned["tuning"]["job"]
    assert violations("sagemaker", "CreateHyperParameterTuningJob", request) == []
    assert request["HyperParameterTuningJobName"] == f"dev-digits-1a2b3c4d-{run_hash(event['run'])}"
    assert planned["training_job"] is None


def test_ranges_are_of_the_kind_that_the_hyperparameter_has(event: Any, context: Any) -> None:
    config = handler(event, context)["tuning"]["job"]["HyperParameterTuningJobConfig"]
    assert config == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "test:accuracy"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "IntegerParameterRanges": [{"Name": "epochs", "MinValue": "2", "MaxValue": "9", "ScalingType": "Linear"}],
            "ContinuousParameterRanges": [
                {"Name": "learning_rate", "MinValue": "1e-05", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
            ],
            "CategoricalParameterRanges": [
                {"Name": "network", "Values": ["cnn", "vgg"]},
                {"Name": "augment", "Values": ["true", "false"]},
            ],
        },
    }


def test_what_is_not_searched_is_the_same_for_all(tuned: Any, event: Any, context: Any) -> None:
    tuned["tuning"] = {**TUNING, "ranges": {"epochs": TUNING["ranges"]["epochs"]}}
    event["hyperparameters"] = {"network": "vgg"}
    planned = handler(event, context)["tuning"]
    shared = {"learning_rate": "0.001", "network": "vgg", "augment": "false"}
    assert planned["hyperparameters"] == shared
    static = planned["job"]["TrainingJobDefinition"]["StaticHyperParameters"]
    assert {name: text for name, text in static.items() if not name.startswith("sagemaker_")} == shared


def test_the_images_own_train_program_starts_the_starter(event: Any, context: Any) -> None:
    definition = handler(event, context)["tuning"]["job"]["TrainingJobDefinition"]
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in definition["InputDataConfig"]}
    assert channels["starter"] == TUNING["starter_uri"]
    assert channels.keys() == {"entrypoint", "code", "starter", "train", "test"}
    assert definition["StaticHyperParameters"]["sagemaker_program"] == "3c0f.py"
    assert definition["StaticHyperParameters"]["sagemaker_submit_directory"] == "/opt/ml/input/data/starter"
    assert definition["Environment"]["SLIPWAY_SCRIPT"] == "train.py"


def test_the_definition_is_the_training_jobs_in_everything_else(tuned: Any, event: Any, context: Any) -> None:
    definition = handler(event, context)["tuning"]["job"]["TrainingJobDefinition"]
    tuned["tuning"] = None
    training = handler(event, context)["training_job"]
    same = definition.keys() - {"AlgorithmSpecification", "InputDataConfig", "StaticHyperParameters"}
    assert {name: definition[name] for name in same} == {name: training[name] for name in same}
    left_out = training.keys() - definition.keys()
    assert left_out == {"TrainingJobName", "HyperParameters", "Tags"}


def test_models_lie_where_their_training_jobs_put_them(event: Any, context: Any) -> None:
    planned = handler(event, context)["tuning"]
    output = planned["job"]["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"]
    assert planned["models_uri"] == f"{output}/"


def test_a_run_cannot_set_what_is_searched(event: Any, context: Any) -> None:
    event["hyperparameters"] = {"epochs": "3"}
    with pytest.raises(TunedHyperparameter, match="epochs is searched by the tuning job: a run cannot set it"):
        handler(event, context)
