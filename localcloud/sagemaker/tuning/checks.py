"""What SageMaker refuses in a CreateHyperParameterTuningJob request beyond the traits of its shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.errors import ResourceLimitExceeded, ValidationException
from localcloud.sagemaker.limits import require_member, require_one_of, require_s3_uri, require_unique
from localcloud.sagemaker.tuning.definition import MOST_TRAINING_JOBS, Definition, launch_limit, read_definitions
from localcloud.sagemaker.tuning.hyperband import read_hyperband
from localcloud.sagemaker.tuning.search import combinations
from localcloud.sagemaker.tuning.space import CategoricalRange

Document = dict[str, Any]

# https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
_MOST_PARAMETERS = 30
_MOST_METRICS = 20
_MOST_PARALLEL = 100


def check(request: Document) -> list[Definition]:
    """The definitions of an acceptable request. Raises ValidationException and ResourceLimitExceeded."""
    config = request["HyperParameterTuningJobConfig"]
    _check_places(request, config)
    try:
        definitions = read_definitions(request)
    except ValueError as error:
        raise ValidationException(f"Invalid hyperparameter range: {error}") from error
    for definition in definitions:
        _check_definition(definition)
    _check_definitions(definitions)
    _check_strategy(request, definitions)
    _check_limits(config["ResourceLimits"], launch_limit(request, definitions))
    _check_coverage(config)
    return definitions


def _check_places(request: Document, config: Document) -> None:
    """Objective and ranges stand with the tuning job, or with each of several definitions."""
    ranges = [config.get("ParameterRanges", {})]
    ranges += [each.get("HyperParameterRanges", {}) for each in request.get("TrainingJobDefinitions", [])]
    if any(each.get("AutoParameters") for each in ranges) and "Autotune" not in request:
        raise ValidationException("AutoParameters can be specified only when Autotune is Enabled")
    kind = require_one_of(request, ("TrainingJobDefinition", "TrainingJobDefinitions"), "the request")
    if kind == "TrainingJobDefinition":
        definition = request[kind]
        if "TuningObjective" not in definition:
            path = "hyperParameterTuningJobConfig.hyperParameterTuningJobObjective"
            require_member(config, "HyperParameterTuningJobObjective", path)
        if "HyperParameterRanges" not in definition:
            require_member(config, "ParameterRanges", "hyperParameterTuningJobConfig.parameterRanges")
        return
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if member in config:
            raise ValidationException(f"{member} cannot be specified with TrainingJobDefinitions; give one in each")
    for index, definition in enumerate(request[kind], 1):
        for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
            require_member(definition, member, f"trainingJobDefinitions.{index}.member.{member[0].lower()}{member[1:]}")
    require_unique((definition["DefinitionName"] for definition in request[kind]), "training job definition name")


def _check_definition(definition: Definition) -> None:
    names = [part.name for part in definition.space]
    if not names:
        raise ValidationException("At least one hyperparameter range must be specified")
    if len(names) > _MOST_PARAMETERS:
        raise _exceeded("hyperparameters that can be searched", _MOST_PARAMETERS, len(names))
    require_unique(names, "hyperparameter name")
    if both := sorted(set(names) & definition.body.get("StaticHyperParameters", {}).keys()):
        raise ValidationException(
            f"The hyperparameter '{both[0]}' cannot be both static and tunable: "
            "it is in StaticHyperParameters and in the parameter ranges"
        )
    metrics = definition.body["AlgorithmSpecification"].get("MetricDefinitions", [])
    if len(metrics) > _MOST_METRICS:
        raise _exceeded("metrics defined per hyperparameter tuning job", _MOST_METRICS, len(metrics))
    if definition.metric not in [metric["Name"] for metric in metrics]:
        raise ValidationException(
            "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
            f"definitions. There is none named '{definition.metric}'"
        )
    if "CheckpointConfig" in definition.body:
        require_s3_uri(definition.body["CheckpointConfig"]["S3Uri"], "trainingJobDefinition.checkpointConfig.s3Uri")


def _check_definitions(definitions: Sequence[Definition]) -> None:
    if len({definition.maximize for definition in definitions}) > 1:
        raise ValidationException("The objectives of all training job definitions must be of the same type")


def _check_strategy(request: Document, definitions: Sequence[Definition]) -> None:
    config = request["HyperParameterTuningJobConfig"]
    limits, strategy = config["ResourceLimits"], config["Strategy"]
    maximum = limits.get("MaxNumberOfTrainingJobs")
    if strategy == "Grid":
        _check_grid(definitions, maximum)
    elif maximum is None and "MaxRuntimeInSeconds" not in limits:
        raise ValidationException(
            f"MaxNumberOfTrainingJobs or MaxRuntimeInSeconds must be specified for the strategy {strategy}"
        )
    total = sum(combinations(definition.space) for definition in definitions)
    if maximum is not None and total < maximum:
        raise ValidationException(
            "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter "
            f"combinations for the provided ranges [{total}] must be equal or greater than the value of "
            f"MaxNumberOfJobs, [{maximum}]. Provide additional ranges."
        )
    if strategy == "Hyperband":
        _check_hyperband(config, definitions)
    elif "StrategyConfig" in config:
        raise ValidationException(f"StrategyConfig is for the strategy Hyperband; the strategy is {strategy}")


def _check_grid(definitions: Sequence[Definition], maximum: int | None) -> None:
    for definition in definitions:
        for part in definition.space:
            if not isinstance(part, CategoricalRange):
                raise ValidationException(
                    f"The strategy Grid takes only categorical parameter ranges; '{part.name}' is not categorical"
                )
    total = sum(int(combinations(definition.space)) for definition in definitions)
    if maximum is not None and maximum < total:
        raise ValidationException(
            f"MaxNumberOfTrainingJobs, [{maximum}], must be equal to the total number of categorical combinations, "
            f"[{total}], for the strategy Grid"
        )


def _check_hyperband(config: Document, definitions: Sequence[Definition]) -> None:
    if config.get("TrainingJobEarlyStoppingType") == "Auto":
        raise ValidationException("TrainingJobEarlyStoppingType must be Off for the strategy Hyperband")
    for definition in definitions:
        try:
            read_hyperband(config, definition)
        except ValueError as error:
            raise ValidationException(str(error)) from error


def _check_limits(limits: Document, launches: int) -> None:
    parallel = limits["MaxParallelTrainingJobs"]
    if launches > MOST_TRAINING_JOBS:
        raise _exceeded("training jobs per hyperparameter tuning job", MOST_TRAINING_JOBS, launches)
    if parallel > launches:
        raise ValidationException(
            f"The value of MaxParallelTrainingJobs, [{parallel}], must be less than or equal to the value of "
            f"MaxNumberOfTrainingJobs, [{launches}]"
        )
    if parallel > _MOST_PARALLEL:
        raise _exceeded("parallel training jobs per hyperparameter tuning job", _MOST_PARALLEL, parallel)


def _check_coverage(config: Document) -> None:
    convergence = config.get("TuningJobCompletionCriteria", {}).get("ConvergenceDetected", {})
    if convergence.get("CompleteOnConvergence") == "Enabled":
        raise ValidationException("The embedded cloud does not cover ConvergenceDetected: AWS does not say what it is")


def _exceeded(what: str, limit: int, found: int) -> ResourceLimitExceeded:
    return ResourceLimitExceeded(
        f"The account-level service limit 'Number of {what}' is {limit}, with a request of {found}."
    )
