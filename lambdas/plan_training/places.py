"""Where a run's data and artifacts lie in S3 (docs/contract.md, "Data bucket" and "Artifact bucket")."""

from dataclasses import dataclass

from shared.descriptor import Descriptor, step_outputs
from shared.names import job_name


@dataclass(frozen=True, kw_only=True)
class Run:
    """What names one run; `imported_model` in the place of a training job, where there is nothing to train."""

    workload: str
    dataset: str
    name: str
    imported_model: str | None = None


def run_job(descriptor: Descriptor, run: Run) -> str:
    """The name of the run's training job, with which the names of its other jobs and its folders begin."""
    return job_name(descriptor["job_prefix"], run.name)


def artifacts(descriptor: Descriptor, path: str) -> str:
    """The URI of `path` below the workload's prefix in the artifact bucket."""
    where = descriptor["artifacts"]
    return f"s3://{where['bucket']}/{where['prefix']}{path}"


def channel_uri(descriptor: Descriptor, run: Run, channel: str) -> str:
    """The folder (it ends in `/`) of a channel: of the data set, or written by one of the run's processing steps."""
    if channel in step_outputs(descriptor):
        return artifacts(descriptor, f"processed/{run_job(descriptor, run)}/{channel}/")
    return f"{dataset_uri(descriptor, run)}{channel}/"


def channel_source(descriptor: Descriptor, run: Run, channel: str) -> tuple[str, str]:
    """What a job reads for a channel, as S3Uri and S3DataType: where the channel is checked, only its good files."""
    checks = descriptor["checks"]
    if checks is not None and channel in checks["channels"]:
        return f"{checks_folder(descriptor, run)}{channel}.manifest", "ManifestFile"
    return channel_uri(descriptor, run, channel), "S3Prefix"


def dataset_uri(descriptor: Descriptor, run: Run) -> str:
    """The folder of the run's data set; it ends in `/`."""
    data = descriptor["data"]
    return f"s3://{data['bucket']}/{data['prefix']}{run.dataset}/"


def checks_folder(descriptor: Descriptor, run: Run) -> str:
    """Where the data check writes its report and the lists of good files; it ends in `/`."""
    return artifacts(descriptor, f"checks/{run_job(descriptor, run)}/")


def model_uri(descriptor: Descriptor, run: Run) -> str:
    """Where the run's model is, as SageMaker writes it: `{S3OutputPath}/{job}/output/model.tar.gz`."""
    return artifacts(descriptor, f"training/{run.imported_model or run_job(descriptor, run)}/output/model.tar.gz")


def evaluation_folder(descriptor: Descriptor, run: Run) -> str:
    return artifacts(descriptor, f"evaluation/{run_job(descriptor, run)}")


def evaluation_uri(descriptor: Descriptor, run: Run) -> str:
    return f"{evaluation_folder(descriptor, run)}/evaluation.json"


def tags(run: Run) -> list[dict[str, str]]:
    """Of every job of the run."""
    values = {"slipway:workload": run.workload, "slipway:dataset": run.dataset, "slipway:run": run.name}
    return [{"Key": key, "Value": value} for key, value in values.items()]
