"""The loop: a first deployment, training and answer; a retraining; and the same training and serving by hand.

    python -m benchmarks.loop [--rounds 3] [--json FILE] [--write-docs]

Each round has an embedded cloud of its own, on a machine where the same has run before (environments are built, and it
is known which of them the image trained with): `slipway up` with one workload, the first data set until the first
answer (cold), and a second one until the new model answers (retrain). What the script computes, from its first line to
its last, is taken off, and told beside it; starting it, with its imports, is not, nor what it computes after its last
line: this one exports its model then, and compares what the export answers.
By hand is what a person without any stack would do with the same code in the same environments: run `train.py`, start
the model server on what it wrote, ask it. Answers through the API are measured warm, one after the other, as many at a
time as the usage plan lets through.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import main as command
from benchmarks.containers import seconds
from benchmarks.results import Goal, Result, alternate, summarise
from cli import data, descriptors, history, runs, stack
from cli.embedded import EmbeddedCloud
from cli.predict import Api
from cli.programs import ROOT, uv_environment
from cli.target import Target

WORKLOAD = "mnist_lightning"
HYPERPARAMETERS = {"epochs": "6"}
LIMIT_SECONDS = 300.0
POLL_SECONDS = 0.02
CALLS = 200
CALLS_A_SECOND = 50  # what the stage's usage plan lets through for long
# The embedded cloud takes one environment for every tag of it.
TRAINING_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.6.0-cpu-py312"
COLD, RETRAIN = (
    "up, first training, first answer, without computing, s",
    "retrain to the new answer, without computing, s",
)
STARTED, CHECKED = "object landed -> training process, s", "object landed -> first container of the run, s"
ANSWER, BY_HAND = "API -> Lambda -> endpoint, median, ms", "retrain / by hand"
GOALS = {COLD: Goal(maximum=8), RETRAIN: Goal(maximum=2), STARTED: Goal(maximum=0.15), ANSWER: Goal(maximum=10)}


def measure(rounds: int, calls: int = CALLS) -> Result:
    """Times in seconds, of every phase of every run."""
    with tempfile.TemporaryDirectory(prefix="slipway-loop-") as folder:
        work = Path(folder)
        digits = _sample_digits(work)
        by_hand = Hand(work, digits)
        with deployed(Path(tempfile.mkdtemp(dir=work))) as target:
            Loop(target, digits).run()  # builds the environments, which are kept
        sides = {"loop": lambda: _loop(work, digits, calls), "hand": by_hand.run}
        return summarise(alternate(rounds, sides), _ratios, GOALS)


def _loop(work: Path, digits: Path, calls: int) -> dict[str, Any]:
    began = time.time()
    with deployed(Path(tempfile.mkdtemp(dir=work))) as target:
        up = time.time() - began
        loop = Loop(target, digits)
        cold, again = loop.run(), loop.run()
        answers = loop.answers(calls)
    return {"up": up, "cold": cold, "retrain": again, "answers": answers}


def _ratios(run: dict[str, Any]) -> dict[str, float]:
    loop, hand = run["loop"], run["hand"]
    cold, again = loop["cold"], loop["retrain"]
    return {
        COLD: loop["up"] + cold["total"] - cold["computing"],
        RETRAIN: again["total"] - again["computing"],
        STARTED: again["training process"],
        CHECKED: again["first container"],
        ANSWER: 1000 * statistics.median(loop["answers"]),
        BY_HAND: again["total"] / hand["total"],
    }


@contextmanager
def deployed(work: Path) -> Iterator[Target]:
    """An embedded cloud of our own on a free port, deployed to as `slipway up` does, and stopped at the end."""
    cloud = EmbeddedCloud(state=work / "cloud", port=_free_port())
    starting = cloud.begin()
    try:
        target = Target(stage="dev", endpoint=starting.endpoint)
        stack.deploy(target, workloads=[WORKLOAD], approve_all=True, ready=starting.wait)
        yield target
    finally:
        starting.wait()
        cloud.stop()


class Loop:
    """The deployed loop: upload, and ask the API until the new model answers."""

    def __init__(self, target: Target, digits: Path) -> None:
        self.target = target
        self.descriptor = descriptors.workload(target, WORKLOAD)
        self.assignment = data.assign(digits, self.descriptor["data"]["channels"])
        self.body = json.dumps(self.descriptor["serving"]["sample_request"]).encode()
        self.api = Api.of(target)

    def run(self) -> dict[str, float]:
        """Seconds from the last object to the first container, to the training process, to the answer (total); of each
        step of the two state machines, and what the script computed.
        """
        serving = self._version()
        dataset = data.upload(self.target, self.descriptor, self.assignment, HYPERPARAMETERS)
        landed = time.time()
        answered = self._await_other_than(serving)
        train = self._steps(self.descriptor["train_state_machine_arn"], dataset)
        rollout = self._steps(self.descriptor["rollout_state_machine_arn"], None)
        phases = {"object landed -> run": train[0].entered.timestamp() - landed}
        phases |= _by_title(train, runs.TRAIN)
        phases["registered -> rollout"] = (rollout[0].entered - train[-1].left).total_seconds()
        phases |= _by_title([step for step in rollout if step.entered.timestamp() <= answered], runs.ROLLOUT)
        return phases | self._training(landed) | {"total": answered - landed}

    def answers(self, count: int) -> list[float]:
        """Seconds of each answer through the API; every one is a model's."""

        def ask() -> None:
            if self._version() is None:
                raise RuntimeError("the API gave no prediction")

        ask()
        times = []
        for number in range(count):
            if number % CALLS_A_SECOND == 0:
                time.sleep(1)
            times.append(seconds(ask))
        return times

    def _training(self, landed: float) -> dict[str, float]:
        """From the newest training job's log: its driver's first line, and its script's first and last."""
        sagemaker, logs = self.target.client("sagemaker"), self.target.client("logs")
        newest = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
        name = sagemaker.list_training_jobs(**newest)["TrainingJobSummaries"][0]["TrainingJobName"]
        check = sagemaker.describe_processing_job(ProcessingJobName=f"{name}-check")["ProcessingStartTime"]
        group = "/aws/sagemaker/TrainingJobs"
        stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"][0]
        page = {"logGroupName": group, "logStreamName": stream["logStreamName"], "startFromHead": True}
        driver, *script = [event["timestamp"] / 1000 for event in logs.get_log_events(**page)["events"]]
        return {
            "first container": check.timestamp() - landed,
            "training process": driver - landed,
            "computing": script[-1] - script[0],
        }

    def _version(self) -> str | None:
        answer = self.api.predict(WORKLOAD, self.body)
        return answer.json()["model_version"] if answer.status == 200 else None

    def _await_other_than(self, serving: str | None) -> float:
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            version = self._version()
            if version not in (None, serving):
                return time.time()
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"no answer of a model other than version {serving} within {LIMIT_SECONDS:.0f} s")

    def _steps(self, machine_arn: str, dataset: str | None) -> list[history.Step]:
        """The steps of the newest execution (of a data set); waits for its end."""
        states = self.target.client("stepfunctions")
        found = runs.executions(self.target, machine_arn, limit=10)
        arn = next(item["executionArn"] for item in found if dataset is None or item["name"].startswith(dataset))
        deadline = time.monotonic() + LIMIT_SECONDS
        while states.describe_execution(executionArn=arn)["status"] == "RUNNING" and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return history.steps([event for page in pages for event in page["events"]])


class Hand:
    """The same training script and the same server, started by hand in the same environments."""

    def __init__(self, work: Path, digits: Path) -> None:
        self.work, self.digits = work, digits
        training, serving = ROOT / "training_code" / WORKLOAD, ROOT / "inference_code"
        self.trainer = _environment("--image", TRAINING_IMAGE, training / "requirements.txt")
        self.server = _environment(serving / "server" / "requirements.txt", serving / WORKLOAD / "requirements.txt")

    def run(self) -> dict[str, float]:
        """Seconds of training, of starting the server up to its first answer, and in all."""
        root = Path(tempfile.mkdtemp(dir=self.work))
        train = seconds(lambda: self._train(root / "ml" / "model"))
        serve = seconds(lambda: self._serve(root))
        return {"train": train, "serve": serve, "total": train + serve}

    def _train(self, model: Path) -> None:
        settings = [text for name, value in HYPERPARAMETERS.items() for text in (f"--{name}", value)]
        folders = ["--train", self.digits, "--test", self.digits, "--model-dir", model]
        script = ROOT / "training_code" / WORKLOAD / "train.py"
        subprocess.run([self.trainer, script, *folders, *settings], check=True, stdout=subprocess.DEVNULL)

    def _serve(self, root: Path) -> None:
        """The server finds the workload's code beside its own package, as in the image."""
        (root / "server").symlink_to(ROOT / "inference_code" / "server")
        shutil.copytree(ROOT / "inference_code" / WORKLOAD, root / "inference")
        (root / "inference" / "shared").symlink_to(ROOT / "training_code" / WORKLOAD / "shared")
        port = _free_port()
        environment = os.environ | {
            "PYTHONPATH": str(root),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SLIPWAY_BIND_ADDRESS": "127.0.0.1",
            "SLIPWAY_ML_ROOT": str(root / "ml"),
        }
        command = [self.server, "-m", "server", "serve"]
        with subprocess.Popen(command, env=environment, cwd=root, stdout=subprocess.DEVNULL) as process:
            try:
                _first_answer(port, (root / "inference" / "sample_request.json").read_bytes())
            finally:
                process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _first_answer(port: int, body: bytes) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", data=body, headers={"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                json.load(response)
                return
        except OSError:
            time.sleep(POLL_SECONDS)
    raise TimeoutError(f"the server did not answer within {LIMIT_SECONDS:.0f} s")


def _environment(*arguments: str | Path) -> Path:
    """The interpreter of the environment that the embedded cloud would use for an image and requirements."""
    command = [sys.executable, "-m", "localcloud.images", "environment", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=uv_environment(), check=True, stdout=subprocess.PIPE, text=True)
    return Path(result.stdout.strip().splitlines()[-1])


def _sample_digits(work: Path) -> Path:
    folder = work / "digits"
    script = ROOT / "training_code" / WORKLOAD / "sample_data.py"
    uv = Path(sys.executable).parent / "uv"
    command = [uv, "run", "--quiet", "--python", sys.executable, "--script", script, folder]
    subprocess.run(command, check=True, env=uv_environment())
    return folder


def _by_title(steps: list[history.Step], machine_name: str) -> dict[str, float]:
    titled: dict[str, float] = {}
    for step in steps:
        title = runs.title(machine_name, step.name)
        titled[title] = titled.get(title, 0.0) + ((step.left or step.entered) - step.entered).total_seconds()
    return titled


if __name__ == "__main__":
    command("loop", __doc__, lambda given: measure(given.rounds), rounds=3)
