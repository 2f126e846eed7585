"""One training job of a tuning job: what it was given, and what came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.jobs.failures import RESTARTED
from localcloud.sagemaker.store import NotFound, Store
from localcloud.sagemaker.tuning.definition import Definition
from localcloud.sagemaker.tuning.search import Observation, Values

Document = dict[str, Any]

FINAL = ("Completed", "Failed", "Stopped")
TRAINING_JOB = "training-job"
# The service's own fault: the only failures that may be retried.
_RETRYABLE = "InternalServerError"
_SUMMARY_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A launched combination. ``job`` is the training job's document."""

    definition: Definition
    values: Values
    job: Document
    tuning_job: str

    @property
    def name(self) -> str:
        return self.job["TrainingJobName"]

    @property
    def status(self) -> str:
        return self.job["TrainingJobStatus"]

    @property
    def ended(self) -> bool:
        return self.status in FINAL

    @property
    def lost(self) -> bool:
        """It ended with the embedded cloud, and says nothing about its combination."""
        return self.job.get("FailureReason") == RESTARTED

    @property
    def objective(self) -> float | None:
        """The last value of the objective metric; None while the job runs, when it failed and when it printed none."""
        if self.status not in ("Completed", "Stopped"):
            return None
        final = {metric["MetricName"]: metric["Value"] for metric in self.job.get("FinalMetricDataList", [])}
        return final.get(self.definition.metric)

    @property
    def objective_status(self) -> str:
        if not self.ended:
            return "Pending"
        return "Failed" if self.objective is None else "Succeeded"

    @property
    def score(self) -> float:
        """The objective, the higher the better; of trials with an objective only."""
        if self.objective is None:
            raise ValueError(f"the training job {self.name} has no objective")
        return self.objective if self.definition.maximize else -self.objective

    def observation(self) -> Observation:
        return Observation(values=self.values, objective=self.objective)

    def summary(self) -> Document:
        """Shape HyperParameterTrainingJobSummary."""
        document = {member: self.job[member] for member in _SUMMARY_MEMBERS if member in self.job}
        document |= {"TunedHyperParameters": self.values, "ObjectiveStatus": self.objective_status}
        document["TuningJobName"] = self.tuning_job
        if self.definition.name is not None:
            document["TrainingJobDefinitionName"] = self.definition.name
        if self.objective is not None:
            kind = "Maximize" if self.definition.maximize else "Minimize"
            metric = {"Type": kind, "MetricName": self.definition.metric, "Value": self.objective}
            document["FinalHyperParameterTuningJobObjectiveMetric"] = metric
        return document


def find_trials(
    store: Store, tuning_job: Document, definitions: Sequence[Definition], ended: dict[str, Document] | None = None
) -> list[Trial]:
    """The trials in the order of their launch; those whose training job was deleted are left out.

    ``ended`` keeps documents of jobs that have ended between calls, so that each is read once.
    """
    ended = {} if ended is None else ended
    trials = []
    for entry in tuning_job["_Trials"]:
        job = ended.get(entry["Name"]) or _find(store, entry["Name"])
        if job is None:
            continue
        if job["TrainingJobStatus"] in FINAL:
            ended[entry["Name"]] = job
        trials.append(
            Trial(
                definition=definitions[entry["Definition"]],
                values=entry["Values"],
                job=job,
                tuning_job=tuning_job["HyperParameterTuningJobName"],
            )
        )
    return trials


def best(trials: Sequence[Trial]) -> Trial | None:
    """The first of the best."""
    return max((trial for trial in trials if trial.objective is not None), key=lambda trial: trial.score, default=None)


def counters(trials: Sequence[Trial]) -> Document:
    """The members TrainingJobStatusCounters and ObjectiveStatusCounters."""
    statuses = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    objectives = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
    for trial in trials:
        statuses[_counter(trial)] += 1
        objectives[trial.objective_status] += 1
    return {"TrainingJobStatusCounters": statuses, "ObjectiveStatusCounters": objectives}


def _counter(trial: Trial) -> str:
    if not trial.ended:
        return "InProgress"
    if trial.status != "Failed":
        return trial.status
    retryable = trial.job.get("FailureReason", "").startswith(_RETRYABLE)
    return "RetryableError" if retryable else "NonRetryableError"


def _find(store: Store, name: str) -> Document | None:
    try:
        return store.get(TRAINING_JOB, name)
    except NotFound:
        return None
