"""Warm start: what parent tuning jobs have found.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-warm-start.html
"""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.store import NotFound, Store
from localcloud.sagemaker.tuning.definition import Definition, read_definitions
from localcloud.sagemaker.tuning.search import Observation
from localcloud.sagemaker.tuning.trial import Trial, find_trials

Document = dict[str, Any]
TUNING_JOB = "hyper-parameter-tuning-job"


def parent_names(tuning_job: Document) -> list[str]:
    parents = tuning_job.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    return [parent["HyperParameterTuningJobName"] for parent in parents]


def parent_trials(store: Store, tuning_job: Document) -> list[Trial]:
    """The training jobs of the parents (not of theirs); a parent deleted since then has none."""
    trials: list[Trial] = []
    for name in parent_names(tuning_job):
        try:
            parent = store.get(TUNING_JOB, name)
        except NotFound:
            continue
        trials += find_trials(store, parent, read_definitions(parent))
    return trials


def prior_observations(trials: list[Trial], definition: Definition) -> list[Observation]:
    """What the parents' results say about a definition's space.

    A hyperparameter searched now may have been static then, so that all that the training job was given is looked at.
    """
    names = {part.name for part in definition.space}
    return [
        Observation(
            values={name: value for name, value in trial.job["HyperParameters"].items() if name in names},
            objective=trial.objective,
        )
        for trial in trials
        if trial.objective is not None
    ]
