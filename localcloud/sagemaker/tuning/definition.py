"""The training job definitions of a tuning job, each with its objective and its search space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.tuning.autotune import read_auto_parameters
from localcloud.sagemaker.tuning.search import combinations
from localcloud.sagemaker.tuning.space import Range, read_space

Document = dict[str, Any]

# https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
MOST_TRAINING_JOBS = 750


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One shape HyperParameterTrainingJobDefinition. ``name`` is None where the request gives no name."""

    name: str | None
    body: Document
    metric: str
    maximize: bool
    space: list[Range]


def read_definitions(request: Document) -> list[Definition]:
    """The definitions of a checked request or of a tuning job's document. Raises ValueError for a malformed range."""
    config = request["HyperParameterTuningJobConfig"]
    bodies = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    return [_read(body, config) for body in bodies]


def launch_limit(request: Document, definitions: list[Definition]) -> int:
    """How many training jobs the tuning job launches: for a grid, and by default, one a combination."""
    config = request["HyperParameterTuningJobConfig"]
    total = sum(combinations(definition.space) for definition in definitions)
    if config["Strategy"] == "Grid":
        return int(total)
    return config["ResourceLimits"].get("MaxNumberOfTrainingJobs") or int(min(total, MOST_TRAINING_JOBS))


def _read(body: Document, config: Document) -> Definition:
    objective = body.get("TuningObjective") or config["HyperParameterTuningJobObjective"]
    ranges = body.get("HyperParameterRanges") or config.get("ParameterRanges", {})
    return Definition(
        name=body.get("DefinitionName"),
        body=body,
        metric=objective["MetricName"],
        maximize=objective["Type"] == "Maximize",
        space=[*read_space(ranges), *read_auto_parameters(ranges)],
    )
