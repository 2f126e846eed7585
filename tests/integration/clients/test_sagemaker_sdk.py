"""The SageMaker Python SDK, unmodified: its programs run as processes of their own against the embedded cloud."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import BYOC, IRIS, Account, interpreter, run
from tests.support.embedded_cloud import allow, unique

PROGRAMS = Path(__file__).parent / "sagemaker_sdk"
TRAIN = """
import argparse, json, os, pathlib
from tinyloss import loss

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--rate", type=float)
parser.add_argument("--network")
options = parser.parse_args()
train = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv").read_text()
test = pathlib.Path(os.environ["SM_CHANNEL_TEST"], "test.csv").read_text()
for epoch in range(options.epochs):
    print(f"loss={loss(epoch, options.rate)}")
facts = {**vars(options), "train": train, "test": test, "flavour": os.environ["FLAVOUR"], "folder": os.getcwd()}
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(facts))
"""


class Sdk:
    """The SDK as installed, and an account whose keys it finds in its environment."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.folder = account, folder
        self.python = interpreter("sagemaker-sdk")
        (folder / "config.yaml").write_text(
            "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
        )
        self.environment = {
            **account.environment(folder),
            # The SDK asks IAM's simulator about the role by default.
            "SAGEMAKER_VALIDATE_ROLE": "false",
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "config.yaml"),
        }

    def run(self, program: str, *arguments: str | Path) -> dict[str, Any]:
        """The JSON document that the program writes to the file that is its first argument."""
        result = self.folder / f"{program}.json"
        run(
            [str(self.python), str(PROGRAMS / program), str(result), *map(str, arguments)],
            self.environment,
            self.folder,
        )
        return json.loads(result.read_text())


@pytest.fixture(scope="module")
def sdk(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Sdk:
    return Sdk(account, tmp_path_factory.mktemp("sdk"))


@pytest.fixture(scope="module")
def python_image(account: Account, tmp_path_factory: pytest.TempPathFactory) -> str:
    context = tmp_path_factory.mktemp("image")
    (context / "Dockerfile").write_text(f"FROM python:3.{sys.version_info.minor}\n")
    return account.image("python-only:1", context)


def _wheel(folder: Path) -> str:
    """A package to install without an index; its file name."""
    name = "tinyloss-1.0-py3-none-any.whl"
    information = "tinyloss-1.0.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("tinyloss.py", "def loss(epoch, rate):\n    return rate ** epoch\n")
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: tinyloss\nVersion: 1.0\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
    return name


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


def test_the_model_trainer_trains_a_script_with_its_requirements(sdk: Sdk, python_image: str, tmp_path: Path) -> None:
    source, local = tmp_path / "source", tmp_path / "test"
    source.mkdir()
    local.mkdir()
    (source / "train.py").write_text(TRAIN)
    (source / "requirements.txt").write_text(f"./{_wheel(source)}\n")
    (local / "test.csv").write_text("3,4")
    sdk.account.put("data/train/train.csv", b"1,2")

    job = sdk.run(
        "model_trainer.py",
        python_image,
        sdk.account.role,
        sdk.account.bucket,
        f"s3://{sdk.account.bucket}/data/train/",
        source,
        local,
    )

    assert job["status"] == "Completed"
    assert job["metrics"] == {"loss": 0.25}
    assert job["hyperparameters"]["epochs"] == "3"
    model = json.loads(_members(sdk.account.read(job["model"]))["model.json"])
    assert (model["epochs"], model["rate"], model["network"]) == (3, 0.5, "cnn")
    assert (model["train"], model["test"], model["flavour"]) == ("1,2", "3,4", "vanilla")


def test_the_resource_classes_train_process_host_and_delete(sdk: Sdk) -> None:
    image = sdk.account.image("byoc:1", BYOC)
    sdk.account.put("iris/train.csv", IRIS)
    bucket = f"s3://{sdk.account.bucket}"

    said = sdk.run("resources.py", image, sdk.account.role, f"{bucket}/iris/", f"{bucket}/resources")

    assert said["training"]["status"] == "Completed"
    assert said["training"]["listed"] == ["sdk-resources"]
    assert said["processing"]["status"] == "Completed"
    assert sdk.account.read(f"{bucket}/resources/processed/lines.txt") == b"4"
    model = json.loads(_members(sdk.account.read(said["training"]["model"]))["model.json"])
    assert model["means"] == {"low": [2.0, 3.0], "high": [11.0, 10.0]}
    assert said["hosting"] == {
        "status": "InService",
        "answer": "low\nhigh\n",
        "variant": "AllTraffic",
        "content_type": "text/csv",
        "left": 0,
    }


def test_the_tuner_finds_its_best_training_job(sdk: Sdk) -> None:
    image = sdk.account.image("tuned:1", BYOC)
    sdk.account.put("tuning/train.csv", IRIS)
    bucket = sdk.account.bucket

    found = sdk.run("tuner.py", image, sdk.account.role, bucket, f"s3://{bucket}/tuning/")

    assert (found["status"], found["completed"], found["value"]) == ("Completed", 3, 2.0)
    model = json.loads(
        _members(sdk.account.read(f"s3://{bucket}/tuned/{found['best']}/output/model.tar.gz"))["model.json"]
    )
    assert model["scale"] == float(found["scale"])


def _model_data(account: Account) -> str:
    """The S3 URI of what `serve` reads, untrained."""
    model = json.dumps({"means": {"low": [1, 1], "high": [5, 5]}, "scale": 1}).encode()
    return account.put("untrained/model.tar.gz", _archive("model.json", model))


def test_the_model_builder_deploys_an_image_of_ones_own(sdk: Sdk) -> None:
    image = sdk.account.image("byoc:1", BYOC)
    said = sdk.run("model_builder.py", image, sdk.account.role, sdk.account.bucket, _model_data(sdk.account))
    assert said == {"model": "sdk-built", "status": "InService", "answer": "low\nhigh\n"}


@pytest.mark.real_effect("CreateModelPackage", "DescribeModelPackage")
def test_a_registered_model_scores_a_file_in_a_batch(sdk: Sdk) -> None:
    image = sdk.account.image("byoc:1", BYOC)
    data = _model_data(sdk.account)
    lines = sdk.account.put("lines/iris.csv", b"1.1,1\n5,5.2\n")
    bucket = sdk.account.bucket

    said = sdk.run("register_transform.py", image, sdk.account.role, bucket, data, lines)

    assert said["registry"] == {"group": "Completed", "version": 1, "approval": "Approved", "model": "sdk-registered"}
    assert said["transform"]["status"] == "Completed"
    assert sdk.account.read(f"s3://{bucket}/scored/iris.csv.out") == b"low\nhigh\n"


PREPARE = """
import argparse, json, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--least", type=float)
parser.parse_args()
processing = pathlib.Path("/opt/ml/processing")
lines = (processing / "input/raw/train.csv").read_text()
(processing / "output/train/train.csv").write_text(lines)
(processing / "output/report/report.json").write_text(json.dumps({"lines": len(lines.splitlines())}))
"""
PIPELINE_ROLE = [
    *(f"sagemaker:{verb}{noun}" for verb in ("Create", "Describe") for noun in ("ProcessingJob", "TrainingJob")),
    *(f"sagemaker:{verb}ModelPackage" for verb in ("Create", "Describe")),
    "sagemaker:CreateModelPackageGroup",
    "iam:PassRole",
    "s3:GetObject",
]


def test_a_pipeline_processes_trains_decides_and_registers(sdk: Sdk, tmp_path: Path) -> None:
    image = sdk.account.image("byoc:1", BYOC)
    sdk.account.put("raw/train.csv", IRIS)
    script = tmp_path / "prepare.py"
    script.write_text(PREPARE)
    role = sdk.account.cloud.role(unique("pipeline"), "sagemaker.amazonaws.com", allow(PIPELINE_ROLE))

    said = sdk.run("pipeline.py", image, sdk.account.role, role, sdk.account.bucket, script)

    done = dict.fromkeys(("Prepare", "Train", "Enough"), "Succeeded")
    assert said["good"]["status"] == "Succeeded"
    assert said["good"]["steps"] == {**done, "Register": "Succeeded"}
    assert said["good"]["parameters"]["Least"] == "2.0"
    assert said["poor"]["status"] == "Failed"
    assert said["poor"]["steps"] == {**done, "TooFew": "Failed"}
    assert said["poor"]["message"] == "only 4 lines"
    assert [package["ModelApprovalStatus"] for package in said["packages"]] == ["Approved"]
    assert said["versions"] == 2


TUNE = """
import argparse, json, os, pathlib
import sklearn
from tinyloss import loss

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--rate", type=float)
parser.add_argument("--word")
options = parser.parse_args()
for epoch in range(options.epochs):
    print(f"loss={loss(epoch, options.rate)};")
facts = {**vars(options), "train": pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "train.csv").read_text()}
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(facts))
"""
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def test_the_tuner_runs_a_script_on_an_image_of_aws(sdk: Sdk, tmp_path: Path) -> None:
    (tmp_path / "tune.py").write_text(TUNE)
    (tmp_path / "requirements.txt").write_text(f"./{_wheel(tmp_path)}\n")
    data = sdk.account.put("tune/train.csv", b"1,2").rpartition("/")[0]
    bucket = sdk.account.bucket

    found = sdk.run("script_tuner.py", SKLEARN, sdk.account.role, bucket, f"{data}/", tmp_path)

    assert (found["status"], found["completed"], found["loss"]) == ("Completed", 2, 0.25)
    model = json.loads(
        _members(sdk.account.read(f"s3://{bucket}/script/{found['best']}/output/model.tar.gz"))["model.json"]
    )
    assert model == {"epochs": 2, "rate": 0.25, "word": "good day", "train": "1,2"}


@pytest.mark.real_effect("QueryLineage")
def test_lineage_is_recorded_and_followed(sdk: Sdk) -> None:
    said = sdk.run("lineage.py", sdk.account.bucket)
    assert said["ascendants"] == said["expected"]
    assert (said["trained"], said["properties"]) == ("Completed", {"rows": "10"})
    assert (said["models"], said["by_source"]) == (["model"], [True])
    assert said["associations"] == [["Produced", "Model"]]
    assert said["left"] == []
