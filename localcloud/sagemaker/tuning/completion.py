"""When the search is over (shapes ResourceLimits and TuningJobCompletionCriteria)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.tuning.trial import Trial, best

Document = dict[str, Any]

# So many training jobs without a result, and the tuning job gives up.
_ATTEMPTS = 5
_SEE_FAILURES = "Please take a look at the training job failures to get more details."
_SEE_METRICS = (
    "Please ensure that the custom algorithm is emitting the objective metric as defined by the regular expression "
    "provided."
)


def ending(tuning_job: Document, trials: Sequence[Trial], *, more: bool, now: float) -> Document | None:
    """Why the search is over, as ``{"Status": ..., "Reason"?: ...}``; None while it goes on.

    Training jobs that still run are then stopped, and the tuning job ends with them.

    Args:
        more: whether there is anything left to launch.
    """
    over = not more and all(trial.ended for trial in trials)
    if tuning_job["HyperParameterTuningJobStatus"] == "Stopping":
        return {"Status": "Stopped"}
    if reason := _hopeless(trials, over):
        return {"Status": "Failed", "Reason": reason}
    config = tuning_job["HyperParameterTuningJobConfig"]
    if over or _late(tuning_job, now) or _satisfied(config.get("TuningJobCompletionCriteria", {}), trials):
        return {"Status": "Completed"}
    return None


def deadline(tuning_job: Document) -> float | None:
    """When MaxRuntimeInSeconds is over, in epoch seconds."""
    seconds = tuning_job["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxRuntimeInSeconds")
    return None if seconds is None else tuning_job["CreationTime"] + seconds


def not_improving(trials: Sequence[Trial]) -> int:
    """How many training jobs in a row have ended, since the best one did, without being better."""
    ended = sorted(
        (trial for trial in trials if trial.ended and not trial.lost), key=lambda trial: trial.job["TrainingEndTime"]
    )
    found = best(ended)
    return len(ended) - 1 - ended.index(found) if found else 0


def _late(tuning_job: Document, now: float) -> bool:
    end = deadline(tuning_job)
    return end is not None and now >= end


def _satisfied(criteria: Document, trials: Sequence[Trial]) -> bool:
    found = best(trials)
    if found is None:
        return False
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and found.score >= (target if found.definition.maximize else -target):
        return True
    patience = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
    return patience is not None and not_improving(trials) >= patience


def _hopeless(trials: Sequence[Trial], over: bool) -> str | None:
    ended = [trial for trial in trials if trial.ended and not trial.lost]
    if not ended or any(trial.objective is not None for trial in ended):
        return None
    if not over and len(ended) < _ATTEMPTS:
        return None
    if any(trial.status != "Failed" for trial in ended):
        return f"No objective metrics found after running {len(ended)} training jobs. {_SEE_METRICS}"
    if over and len(ended) < _ATTEMPTS:
        return f"All training jobs failed. {_SEE_FAILURES}"
    return f"No training job succeeded after {len(ended)} attempts. {_SEE_FAILURES}"
