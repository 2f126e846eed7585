"""The CreateHyperParameterTuningJob request of a run whose manifest has ranges."""

from typing import Any

from shared.descriptor import Descriptor, Tuning
from shared.errors import SlipwayError
from shared.names import run_hash

from plan_training.hyperparameters import to_text
from plan_training.places import Run, artifacts, tags

# Members that a training job definition has under the same names as CreateTrainingJob.
_SAME = (
    "RoleArn",
    "OutputDataConfig",
    "CheckpointConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableManagedSpotTraining",
    "EnableNetworkIsolation",
    "Environment",
)
_SCALES = {
    "auto": "Auto",
    "linear": "Linear",
    "logarithmic": "Logarithmic",
    "reverse_logarithmic": "ReverseLogarithmic",
}
STARTER = "starter"


class TunedHyperparameter(SlipwayError):
    """A run sets a hyperparameter that its tuning job searches."""


def tuning(
    descriptor: Descriptor, run: Run, training_job: dict[str, Any], overrides: dict[str, Any]
) -> dict[str, Any] | None:
    """`{"job": <request>, "hyperparameters", "models_uri"}`, or None for a workload without ranges.

    `hyperparameters` are those that all training jobs share; a training job's model is
    `{models_uri}{training job}/output/model.tar.gz`.
    """
    given = descriptor["tuning"]
    if given is None:
        return None
    for name in given["ranges"].keys() & overrides.keys():
        raise TunedHyperparameter(f"hyperparameter {name} is searched by the tuning job: a run cannot set it")
    shared = {name: text for name, text in training_job["HyperParameters"].items() if name not in given["ranges"]}
    request = {
        "HyperParameterTuningJobName": f"{given['job_prefix']}-{run_hash(run.name)}",
        "HyperParameterTuningJobConfig": _config(descriptor, given),
        "TrainingJobDefinition": _definition(given, training_job, shared),
        "Tags": tags(run),
    }
    return {"job": request, "hyperparameters": shared, "models_uri": artifacts(descriptor, "training/")}


def _config(descriptor: Descriptor, given: Tuning) -> dict[str, Any]:
    limits = {"MaxNumberOfTrainingJobs": given["max_jobs"], "MaxParallelTrainingJobs": given["max_parallel_jobs"]}
    return {
        "Strategy": given["strategy"].capitalize(),
        "HyperParameterTuningJobObjective": {"Type": given["goal"].capitalize(), "MetricName": given["objective"]},
        "ResourceLimits": limits,
        "ParameterRanges": _ranges(descriptor, given),
    }


def _ranges(descriptor: Descriptor, given: Tuning) -> dict[str, list[dict[str, Any]]]:
    types = {name: spec["type"] for name, spec in descriptor["training"]["hyperparameters"].items()}
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, one in given["ranges"].items():
        if one.get("values") is not None:
            values = [to_text(value) for value in one["values"]]
            ranges.setdefault("CategoricalParameterRanges", []).append({"Name": name, "Values": values})
            continue
        kind = "IntegerParameterRanges" if types[name] == "int" else "ContinuousParameterRanges"
        bounds = {"MinValue": to_text(one["minimum"]), "MaxValue": to_text(one["maximum"])}
        ranges.setdefault(kind, []).append({"Name": name, **bounds, "ScalingType": _SCALES[one["scale"]]})
    return ranges


def _definition(given: Tuning, training_job: dict[str, Any], shared: dict[str, str]) -> dict[str, Any]:
    """A training job definition has no ContainerEntrypoint: the image's own `train` is told to start the starter, which
    starts the driver (hyperparameters of AWS's training toolkit, in all of its framework images).
    """
    algorithm = training_job["AlgorithmSpecification"]
    channels, starts = training_job["InputDataConfig"], {}
    if "ContainerEntrypoint" in algorithm:
        source = {"S3DataType": "S3Prefix", "S3Uri": given["starter_uri"], "S3DataDistributionType": "FullyReplicated"}
        channels = [*channels, {"ChannelName": STARTER, "DataSource": {"S3DataSource": source}, "InputMode": "File"}]
        starts = {
            "sagemaker_program": given["starter_uri"].rsplit("/", 1)[-1],
            "sagemaker_submit_directory": f"/opt/ml/input/data/{STARTER}",
        }
    return {
        **{member: training_job[member] for member in _SAME},
        "AlgorithmSpecification": {
            member: value for member, value in algorithm.items() if member != "ContainerEntrypoint"
        },
        "InputDataConfig": channels,
        "StaticHyperParameters": {**shared, **starts},
    }
