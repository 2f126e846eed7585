"""What SageMaker refuses in a WarmStartConfig.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html, "Warm start tuning restrictions"
"""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.errors import ValidationException
from localcloud.sagemaker.limits import require_unique
from localcloud.sagemaker.store import NotFound, Store
from localcloud.sagemaker.tuning.definition import Definition, read_definitions
from localcloud.sagemaker.tuning.request import OBJECTIVE_HYPERPARAMETER
from localcloud.sagemaker.tuning.trial import FINAL
from localcloud.sagemaker.tuning.warm_start import TUNING_JOB, parent_names

Document = dict[str, Any]


def check(store: Store, request: Document) -> None:
    """Raises ValidationException; a request without WarmStartConfig is accepted."""
    names = parent_names(request)
    if not names:
        return
    require_unique(names, "parent hyperparameter tuning job name")
    (*more, definition) = read_definitions(request)
    if more:
        raise ValidationException("WarmStartConfig cannot be specified with several training job definitions")
    identical = request["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
    for name in names:
        _check_parent(_find(store, name), definition, identical=identical)


def _find(store: Store, name: str) -> Document:
    try:
        return store.get(TUNING_JOB, name)
    except NotFound:
        raise ValidationException(f"The parent hyperparameter tuning job '{name}' does not exist") from None


def _check_parent(parent: Document, definition: Definition, *, identical: bool) -> None:
    name, status = parent["HyperParameterTuningJobName"], parent["HyperParameterTuningJobStatus"]
    if status not in FINAL:
        raise ValidationException(
            f"The parent hyperparameter tuning job '{name}' is in status {status}; "
            f"it must be in one of {', '.join(FINAL)}"
        )
    (*more, theirs) = read_definitions(parent)
    if more:
        raise ValidationException(f"The parent hyperparameter tuning job '{name}' has several training job definitions")
    if (theirs.metric, theirs.maximize) != (definition.metric, definition.maximize):
        raise ValidationException(
            f"The objective must be that of the parent hyperparameter tuning job '{name}': "
            f"{'Maximize' if theirs.maximize else 'Minimize'} {theirs.metric}"
        )
    if _names(theirs) != _names(definition):
        raise ValidationException(
            "The static and tunable hyperparameters together must be those of the parent hyperparameter tuning job "
            f"'{name}': {sorted(_names(theirs))}; found {sorted(_names(definition))}"
        )
    if identical and _material(theirs) != _material(definition):
        raise ValidationException(
            "IdenticalDataAndAlgorithm needs the training image and the input data of the parent hyperparameter "
            f"tuning job '{name}'; use TransferLearning for others"
        )


def _names(definition: Definition) -> set[str]:
    static = definition.body.get("StaticHyperParameters", {}).keys() - {OBJECTIVE_HYPERPARAMETER}
    return static | {part.name for part in definition.space}


def _material(definition: Definition) -> tuple[Any, Any]:
    return definition.body["AlgorithmSpecification"].get("TrainingImage"), definition.body.get("InputDataConfig", [])
