"""Bring your own container, line by line with the AWS command line: build, push, train, host, invoke, delete.

The image has no framework toolkit: `train` and `serve` on the PATH, and /opt/ml as the documentation lays it out.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.images.docker import ACCOUNT_VARIABLE, STATE_VARIABLE
from tests.support.clients import BYOC, IRIS, PROGRAM_SECONDS, Account, interpreter
from tests.support.embedded_cloud import ROOT

# Wrong keys and values are refused by the command line itself before anything is sent, hence the exact flags.
TRAIN = """sagemaker create-training-job --training-job-name {job} --role-arn {role}
  --algorithm-specification TrainingImage={image},TrainingInputMode=File
  --hyper-parameters scale={scale}
  --input-data-config '[{{"ChannelName": "training", "ContentType": "text/csv", "DataSource": {{"S3DataSource":
    {{"S3DataType": "S3Prefix", "S3Uri": "s3://{bucket}/iris", "S3DataDistributionType": "FullyReplicated"}}}}}}]'
  --output-data-config S3OutputPath=s3://{bucket}/output
  --resource-config InstanceType=ml.m4.xlarge,InstanceCount=1,VolumeSizeInGB=5
  --stopping-condition MaxRuntimeInSeconds=300"""
CONFIG = """sagemaker create-endpoint-config --endpoint-config-name byoc --production-variants
  InstanceType=ml.m4.xlarge,InitialVariantWeight=1,InitialInstanceCount=1,ModelName=byoc,VariantName=AllTraffic"""


class CommandLine:
    """``aws`` as installed from PyPI, with the account's keys in its environment."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.folder = account, folder
        self._program = interpreter("aws-cli").with_name("aws")
        self.environment = {**account.environment(folder), "AWS_PAGER": ""}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._program), *shlex.split(line)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )

    def __call__(self, line: str) -> Any:
        """The JSON document that ``aws LINE`` prints, or None where it prints nothing."""
        done = self.run(line)
        assert done.returncode == 0, f"aws {line}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def docker(self, line: str, given: str = "") -> None:
        """``docker LINE`` as a build of the embedded cloud has it, with ``given`` on its standard input."""
        mine = {STATE_VARIABLE: str(self.account.cloud.state_dir), ACCOUNT_VARIABLE: self.account.cloud.account}
        subprocess.run(
            [sys.executable, "-m", "localcloud.images", "docker", *shlex.split(line)],
            cwd=ROOT,
            env={**self.account.own_environment(), **mine, "DOCKER_CONFIG": str(self.folder / "docker")},
            input=given,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=True,
        )


@pytest.fixture(scope="module")
def aws(account: Account, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    account.put("iris/train.csv", IRIS)
    return CommandLine(account, tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def image(aws: CommandLine) -> str:
    """The image in the account's registry, put there by the article's build_and_push.sh."""
    repository = aws("ecr create-repository --repository-name decision-trees")["repository"]
    uri = f"{repository['repositoryUri']}:latest"
    password = aws.run("ecr get-login-password").stdout
    aws.docker(f"login --username AWS --password-stdin {uri.partition('/')[0]}", given=password)
    aws.docker(f"build -t decision-trees {BYOC}")
    aws.docker(f"tag decision-trees {uri}")
    aws.docker(f"push {uri}")
    return uri


def _trained(aws: CommandLine, image: str, job: str, scale: str) -> dict[str, Any]:
    account = aws.account
    aws(TRAIN.format(job=job, role=account.role, image=image, bucket=account.bucket, scale=scale))
    account.wait("training_job_completed_or_stopped", TrainingJobName=job, allow_failure=True)
    return aws(f"sagemaker describe-training-job --training-job-name {job}")


def test_the_article_line_by_line(aws: CommandLine, image: str) -> None:
    job = _trained(aws, image, "byoc", "1")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["SecondaryStatus"] == "Completed"
    artifacts = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifacts == f"s3://{aws.account.bucket}/output/byoc/output/model.tar.gz"
    aws("sagemaker wait training-job-completed-or-stopped --training-job-name byoc")

    container = f"Image={image},ModelDataUrl={artifacts}"
    model = aws(
        f"sagemaker create-model --model-name byoc --execution-role-arn {aws.account.role} "
        f"--primary-container {container}"
    )
    assert model["ModelArn"].endswith(":model/byoc")
    aws(CONFIG)
    endpoint = aws("sagemaker create-endpoint --endpoint-name byoc --endpoint-config-name byoc")
    assert endpoint["EndpointArn"].endswith(":endpoint/byoc")
    aws.account.wait("endpoint_in_service", EndpointName="byoc")
    aws("sagemaker wait endpoint-in-service --endpoint-name byoc")

    (aws.folder / "payload.csv").write_text("1.1,1\n5,5.2\n")
    said = aws(
        "sagemaker-runtime invoke-endpoint --endpoint-name byoc --content-type text/csv --body file://payload.csv out"
    )
    assert said == {"ContentType": "text/csv", "InvokedProductionVariant": "AllTraffic"}
    assert (aws.folder / "out").read_text() == "low\nhigh\n"

    for kind in ("endpoint", "endpoint-config", "model"):
        assert aws(f"sagemaker delete-{kind} --{kind}-name byoc") is None
    aws.account.wait("endpoint_deleted", EndpointName="byoc")
    aws("sagemaker wait endpoint-deleted --endpoint-name byoc")
    assert aws("sagemaker list-models --name-contains byoc") == {"Models": []}


def test_what_a_failing_run_writes_is_what_the_command_line_shows(aws: CommandLine, image: str) -> None:
    job = _trained(aws, image, "byoc-fails", "many")
    assert job["TrainingJobStatus"] == "Failed"
    assert "could not convert string to float: 'many'" in job["FailureReason"]
    refused = aws.run("sagemaker wait training-job-completed-or-stopped --training-job-name byoc-fails")
    assert refused.returncode == 255 and "terminal failure state" in refused.stderr


def test_pages_are_followed_and_queried(aws: CommandLine) -> None:
    tags = [{"Key": "team", "Value": "iris"}, {"Key": "stage", "Value": "dev"}]
    for number in range(3):
        aws.account.cloud.client("sagemaker").create_model_package_group(
            ModelPackageGroupName=f"cli-{number}", Tags=tags
        )
    found = aws("sagemaker list-model-package-groups --page-size 1 --name-contains cli-")
    names = {group["ModelPackageGroupName"] for group in found["ModelPackageGroupSummaryList"]}
    assert names == {"cli-0", "cli-1", "cli-2"}
    two = aws("sagemaker list-model-package-groups --max-items 2 --name-contains cli-")
    assert len(two["ModelPackageGroupSummaryList"]) == 2 and two["NextToken"]
    arn = found["ModelPackageGroupSummaryList"][0]["ModelPackageGroupArn"]
    keys = aws(f"sagemaker list-tags --resource-arn {arn} --query 'Tags[].Key'")
    assert sorted(keys) == ["stage", "team"]


def test_a_refusal_is_printed_in_awss_words(aws: CommandLine) -> None:
    done = aws.run("sagemaker describe-endpoint --endpoint-name nowhere")
    assert done.returncode in (254, 255)
    assert "(ValidationException) when calling the DescribeEndpoint operation: Could not find endpoint" in done.stderr
