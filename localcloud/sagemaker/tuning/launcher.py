"""Decides on the next training job of a tuning job, and creates it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.resources.resource import Call
from localcloud.sagemaker.resources.tags import tags_of
from localcloud.sagemaker.resources.training_job import OPERATIONS, TRAINING_JOB
from localcloud.sagemaker.store import NotFound
from localcloud.sagemaker.tuning.definition import Definition
from localcloud.sagemaker.tuning.request import training_request
from localcloud.sagemaker.tuning.search import Values, combinations, propose
from localcloud.sagemaker.tuning.trial import Trial
from localcloud.sagemaker.tuning.warm_start import TUNING_JOB, prior_observations

Document = dict[str, Any]


class Launcher:
    """Args:
    call: SageMaker itself as the caller.
    limit: how many combinations are tried.
    parents: the trials of the tuning jobs that this one starts from.
    """

    def __init__(
        self, call: Call, definitions: Sequence[Definition], limit: int, parents: list[Trial], history: MetricHistory
    ) -> None:
        self._call, self._definitions, self._limit = call, definitions, limit
        self._parents, self._history = parents, history

    def has_more(self, tuning_job: Document, trials: Sequence[Trial]) -> bool:
        """Whether there is anything left to launch."""
        entries = tuning_job["_Trials"]
        return bool(_lost(entries, trials)) or len(_planned(entries)) < self._limit

    def launch(self, tuning_job: Document, trials: Sequence[Trial]) -> None:
        """Create one more training job. Raises ApiError."""
        entries: list[Document] = tuning_job["_Trials"]
        entry: Document = {"Name": _training_job_name(tuning_job, len(entries) + 1)}
        if lost := _lost(entries, trials):
            entry |= {"RetryOf": lost[0]["Name"], "Definition": lost[0]["Definition"], "Values": lost[0]["Values"]}
        else:
            number = self._next_definition(entries)
            entry |= {"Definition": number, "Values": self._propose(tuning_job, number, trials)}
        # First the decision, then what follows from it: a kill between the two loses neither (see ``resume``).
        self._call.store.update(
            TUNING_JOB, tuning_job["HyperParameterTuningJobName"], lambda job: job["_Trials"].append(entry)
        )
        self._create(tuning_job, entry)

    def resume(self, tuning_job: Document) -> None:
        """Create the training job that was decided on last, if the embedded cloud ended before it was created."""
        for entry in tuning_job["_Trials"]:
            self._history.watch(entry["Name"])
        for entry in tuning_job["_Trials"][-1:]:
            try:
                self._call.store.get(TRAINING_JOB.kind, entry["Name"])
            except NotFound:
                self._create(tuning_job, entry)

    def _create(self, tuning_job: Document, entry: Document) -> None:
        body = self._definitions[entry["Definition"]].body
        request = training_request(body, name=entry["Name"], values=entry["Values"])
        # Not a member of the request, but of what DescribeTrainingJob answers; the tags are the tuning job's.
        request |= {"TuningJobArn": tuning_job["HyperParameterTuningJobArn"], "Tags": tags_of(tuning_job)}
        self._history.watch(entry["Name"])
        OPERATIONS["CreateTrainingJob"](self._call, request)

    def _next_definition(self, entries: list[Document]) -> int:
        """The definition with the fewest training jobs so far that has combinations left."""
        launched = [entry["Definition"] for entry in _planned(entries)]
        counts = {number: launched.count(number) for number in range(len(self._definitions))}
        left = [number for number in counts if counts[number] < combinations(self._definitions[number].space)]
        return min(left or counts, key=lambda number: (counts[number], number))

    def _propose(self, tuning_job: Document, number: int, trials: Sequence[Trial]) -> Values:
        definition = self._definitions[number]
        own = [trial.observation() for trial in trials if trial.definition is definition and not _fruitless(trial)]
        return propose(
            tuning_job["HyperParameterTuningJobConfig"]["Strategy"],
            definition.space,
            [*prior_observations(self._parents, definition), *own],
            index=sum(entry["Definition"] == number for entry in _planned(tuning_job["_Trials"])),
            seed=tuning_job["_Seed"],
            maximize=definition.maximize,
        )


def _planned(entries: list[Document]) -> list[Document]:
    """Those that the search has decided on: a repetition after a restart is none."""
    return [entry for entry in entries if "RetryOf" not in entry]


def _lost(entries: list[Document], trials: Sequence[Trial]) -> list[Document]:
    """Those whose training job was lost, and that were not repeated yet."""
    names = {trial.name for trial in trials if trial.lost}
    names -= {entry["RetryOf"] for entry in entries if "RetryOf" in entry}
    return [entry for entry in entries if entry["Name"] in names]


def _fruitless(trial: Trial) -> bool:
    """It has ended without an objective, which says nothing about the objective of its neighbours."""
    return trial.ended and trial.objective is None


def _training_job_name(tuning_job: Document, number: int) -> str:
    """``<tuning job>-<number>-<8 hexadecimal digits>``, as SageMaker names them."""
    name = tuning_job["HyperParameterTuningJobName"]
    identity = f"{tuning_job['HyperParameterTuningJobArn']} {tuning_job['CreationTime']} {number}"
    return f"{name}-{number:03d}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
