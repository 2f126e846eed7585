"""What a SageMaker job is doing and what it printed: Describe calls, and the log groups that SageMaker writes to.

Log groups and stream names: https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cli.target import Target

TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
PROCESSING_LOGS = "/aws/sagemaker/ProcessingJobs"
TRANSFORM_LOGS = "/aws/sagemaker/TransformJobs"
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints/{endpoint}"
_EMBEDDED_METRICS = '{"_aws"'


def processing_suffix(state: str) -> str:
    """What a state of the train machine adds to the run's job name for its processing job; "" for any other state."""
    if state.startswith("Process "):
        return state.removeprefix("Process ")
    return {"Check": "check", "Evaluate": "eval"}.get(state, "")


def tail(target: Target, group: str, stream_prefix: str = "", lines: int = 20) -> list[str]:
    """The last lines of a log group's streams that begin with `stream_prefix`, in the order of time.

    Empty when there is no such log (yet). Streams of several hosts are merged. Metrics that a model server writes to
    its log (CloudWatch's embedded metric format) are for CloudWatch and left out.
    """
    logs = target.client("logs")
    search = (
        {"logStreamNamePrefix": stream_prefix} if stream_prefix else {"orderBy": "LastEventTime", "descending": True}
    )
    try:
        streams = logs.describe_log_streams(logGroupName=group, limit=10, **search)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    events = [
        event
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], limit=lines, startFromHead=False
        )["events"]
    ]
    told = [event for event in events if not event["message"].startswith(_EMBEDDED_METRICS)]
    return [event["message"].rstrip() for event in sorted(told, key=lambda event: event["timestamp"])][-lines:]


def training_progress(target: Target, job: str, metrics: Sequence[Mapping[str, str]]) -> str:
    """One line on a training job: its secondary status and the newest value of each metric of the manifest."""
    sagemaker = target.client("sagemaker")
    try:
        description = sagemaker.describe_training_job(TrainingJobName=job)
    except sagemaker.exceptions.ClientError as error:
        return _not_there_yet(error)
    newest = newest_metrics(tail(target, TRAINING_LOGS, f"{job}/", lines=100), metrics)
    status = description.get("SecondaryStatus") or description["TrainingJobStatus"]
    return " · ".join([status, *(f"{name} {value}" for name, value in newest.items())])


def tuning_progress(target: Target, job: str) -> str:
    """One line on a tuning job: how many of its training jobs have ended, and the best of them so far."""
    sagemaker = target.client("sagemaker")
    try:
        description = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    except sagemaker.exceptions.ClientError as error:
        return _not_there_yet(error)
    counters = description["TrainingJobStatusCounters"]
    ended = sum(counters.get(name, 0) for name in ("Completed", "Stopped", "RetryableError", "NonRetryableError"))
    most = description["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"]
    told = f"{ended} of {most} training jobs"
    best = description.get("BestTrainingJob")
    if not best or "FinalHyperParameterTuningJobObjectiveMetric" not in best:
        return told
    objective = best["FinalHyperParameterTuningJobObjectiveMetric"]
    values = ", ".join(f"{name} {value}" for name, value in sorted(best["TunedHyperParameters"].items()))
    return f"{told} · best {objective['MetricName']} {objective['Value']:g} with {values}"


def processing_progress(target: Target, job: str) -> str:
    """One line on a processing job: its status."""
    sagemaker = target.client("sagemaker")
    try:
        return sagemaker.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"]
    except sagemaker.exceptions.ClientError as error:
        return _not_there_yet(error)


def _not_there_yet(error: Any) -> str:
    """Between entering a step and its call the job does not exist (SageMaker says ValidationException to that)."""
    if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
        raise error
    return "Starting"


def newest_metrics(lines: Sequence[str], metrics: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The last value each metric's regular expression finds in the log, as SageMaker reads it (first group)."""
    newest: dict[str, str] = {}
    for metric in metrics:
        found = [match.group(1) for line in lines for match in re.finditer(metric["regex"], line) if match.groups()]
        if found:
            newest[metric["name"]] = found[-1]
    return newest
