"""Which running training jobs a tuning job stops before their end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.tuning.hyperband import read_hyperband
from localcloud.sagemaker.tuning.stopping import below_median
from localcloud.sagemaker.tuning.trial import Trial


class EarlyStopping:
    """By the median rule where TrainingJobEarlyStoppingType is Auto, by successive halving with Hyperband."""

    def __init__(self, config: dict[str, Any], history: MetricHistory) -> None:
        self._config, self._history = config, history
        self._hyperband = config["Strategy"] == "Hyperband"
        self._median = config.get("TrainingJobEarlyStoppingType") == "Auto"

    def doomed(self, trials: Sequence[Trial]) -> list[Trial]:
        """Of the trials, in the order of their launch, those that run and shall not go on."""
        if not self._hyperband and not self._median:
            return []
        return [
            trial for trial in trials if trial.status == "InProgress" and self._is_doomed(trial, _rivals(trial, trials))
        ]

    def _is_doomed(self, trial: Trial, rivals: Sequence[Trial]) -> bool:
        definition, place = trial.definition, rivals.index(trial)
        series = [self._history.values(rival.name, definition.metric) for rival in rivals]
        if self._hyperband:
            rule = read_hyperband(self._config, definition)
            return rule.stops(place, series, maximize=definition.maximize)
        return below_median(series[place], series[:place], maximize=definition.maximize)


def _rivals(trial: Trial, trials: Sequence[Trial]) -> list[Trial]:
    """Those of the same definition: values of different algorithms' metrics at one epoch are not comparable."""
    return [other for other in trials if other.definition is trial.definition]
