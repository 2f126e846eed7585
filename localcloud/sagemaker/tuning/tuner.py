"""One running tuning job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from localcloud.sagemaker.errors import ApiError, ValidationException
from localcloud.sagemaker.jobs.metric_history import MetricHistory
from localcloud.sagemaker.resources.resource import Call
from localcloud.sagemaker.resources.training_job import OPERATIONS
from localcloud.sagemaker.steady import steady
from localcloud.sagemaker.tuning import completion
from localcloud.sagemaker.tuning.definition import launch_limit, read_definitions
from localcloud.sagemaker.tuning.early_stopping import EarlyStopping
from localcloud.sagemaker.tuning.launcher import Launcher
from localcloud.sagemaker.tuning.trial import Trial, best, counters, find_trials
from localcloud.sagemaker.tuning.warm_start import TUNING_JOB, parent_trials

log = logging.getLogger(__name__)
Document = dict[str, Any]

# A change of a training job wakes the tuner; this is only for one that goes unnoticed.
_LONGEST_WAIT_SECONDS = 5.0


class Tuner:
    """Launches, watches and stops the training jobs of one tuning job, on one thread calling ``run``.

    Args:
        call: SageMaker itself as the caller; what it creates needs nobody's further permission.
    """

    def __init__(self, call: Call, name: str, history: MetricHistory) -> None:
        self._call, self._name, self._history = call, name, history
        self._steady = steady(call.plane.now, call.plane.monotonic)
        document = self._read()
        self.created: float = document["CreationTime"]
        self._definitions = read_definitions(document)
        self._parallel = document["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
        self._parents = parent_trials(call.store, document)
        limit = launch_limit(document, self._definitions)
        self._launcher = Launcher(call, self._definitions, limit, self._parents, history)
        self._early_stopping = EarlyStopping(document["HyperParameterTuningJobConfig"], history)
        self._ended: dict[str, Document] = {}
        self._changed = threading.Event()
        self._abandoned = threading.Event()

    def run(self) -> None:
        """Runs the search to its end and writes how it ended; never raises."""
        try:
            self._launcher.resume(self._read())
            while not self._abandoned.is_set() and not self._step():
                self._changed.wait(self._patience())
        except Exception as error:
            log.exception("tuning job %s", self._name)
            self._give_up(error)

    def wake(self) -> None:
        """Something about a training job, or about the tuning job itself, has changed."""
        self._changed.set()

    def abandon(self) -> None:
        """Ends the thread; the tuning job goes on when the embedded cloud starts again."""
        self._abandoned.set()
        self._changed.set()

    def _step(self) -> bool:
        """One look at everything, and at most one launch; True when the tuning job has ended."""
        self._changed.clear()
        document = self._read()
        trials = find_trials(self._call.store, document, self._definitions, self._ended)
        now = self._steady()
        more = self._launcher.has_more(document, trials)
        ending = document.get("_Ending") or completion.ending(document, trials, more=more, now=now)
        running = [trial for trial in trials if not trial.ended]
        self._reflect(trials, ending)
        if ending is not None:
            self._stop(running)
            if not running:
                self._finish(ending, trials)
            return not running
        self._stop(self._early_stopping.doomed(trials))
        if more and len(running) < self._parallel:
            self._launcher.launch(document, trials)
            self._changed.set()
        return False

    def _reflect(self, trials: Sequence[Trial], ending: Document | None) -> None:
        """Write what the training jobs amount to."""
        found, overall = best(trials), best([*self._parents, *trials])

        def change(document: Document) -> None:
            document.update(counters(trials))
            details = {"NumberOfTrainingJobsObjectiveNotImproving": completion.not_improving(trials)}
            document["TuningJobCompletionDetails"] = details
            if found:
                document["BestTrainingJob"] = found.summary()
            if overall and document.get("WarmStartConfig", {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
                document["OverallBestTrainingJob"] = overall.summary()
            if ending is not None:
                document["_Ending"] = ending

        self._call.store.update(TUNING_JOB, self._name, change)

    def _stop(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            if trial.status == "Stopping":
                continue
            try:
                OPERATIONS["StopTrainingJob"](self._call, {"TrainingJobName": trial.name})
            except ValidationException as ended:
                log.info("%s cannot be stopped: %s", trial.name, ended)  # it was faster

    def _finish(self, ending: Document, trials: Sequence[Trial]) -> None:
        now = self._call.plane.now()

        def change(document: Document) -> None:
            document["HyperParameterTuningJobStatus"] = ending["Status"]
            document["HyperParameterTuningEndTime"] = document["LastModifiedTime"] = now
            document["ConsumedResources"] = {"RuntimeInSeconds": round(now - document["CreationTime"])}
            if "Reason" in ending:
                document["FailureReason"] = ending["Reason"]

        self._call.store.update(TUNING_JOB, self._name, change)
        for trial in trials:
            self._history.forget(trial.name)

    def _give_up(self, error: Exception) -> None:
        """The tuning job fails, and takes its running training jobs with it."""
        message = f"ClientError: {error.message}" if isinstance(error, ApiError) else f"InternalServerError: {error!r}"
        trials = find_trials(self._call.store, self._read(), self._definitions)
        self._stop([trial for trial in trials if not trial.ended])
        self._finish({"Status": "Failed", "Reason": message[:1024]}, trials)

    def _patience(self) -> float:
        end = completion.deadline(self._read())
        left = _LONGEST_WAIT_SECONDS if end is None else end - self._steady()
        return min(max(left, 0.0), _LONGEST_WAIT_SECONDS)

    def _read(self) -> Document:
        return self._call.store.get(TUNING_JOB, self._name)
