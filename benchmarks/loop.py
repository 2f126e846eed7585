"""The loop: from an object that landed to the first answer of the model it trained, against the same by hand.

    python -m benchmarks.loop [--runs 3] [--json FILE]

By hand is what a person without any stack would do, with the same code in the same environments: run `train.py`, start
the model server on what it wrote, ask it. Loop and hand take turns. The loop runs on an embedded cloud of its own with
its environments built beforehand; deploying and the first run (which creates the endpoint) are reported apart.
"""

from __future__ import annotations

import argparse
import json
import os
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

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from cli import data, descriptors, history, runs, stack
from cli.embedded import EmbeddedCloud
from cli.predict import Api
from cli.programs import ROOT, uv_environment
from cli.target import Target

WORKLOAD = "mnist_lightning"
HYPERPARAMETERS = {"epochs": "6"}
LIMIT_SECONDS = 300.0
POLL_SECONDS = 0.02


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments.runs)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def measure(rounds: int) -> dict[str, Any]:
    """Ratios (medians), every run's phases in seconds, and the machine."""
    with tempfile.TemporaryDirectory(prefix="slipway-loop-") as folder:
        work = Path(folder)
        digits = _sample_digits(work)
        with embedded_cloud(work) as target:
            deploy = _seconds(lambda: (stack.bootstrap(target), stack.deploy(target, approve_all=True)))
            loop = Loop(target, digits)
            by_hand = Hand(work, digits, loop.descriptor["training"]["image_uri"])
            first = loop.run()
            pairs = [{"loop": loop.run(), "hand": by_hand.run()} for _ in range(rounds)]
    overheads = [pair["loop"]["total"] - pair["hand"]["total"] for pair in pairs]
    ratios = [pair["loop"]["total"] / pair["hand"]["total"] for pair in pairs]
    return {
        "ratios": {"loop / by hand": statistics.median(ratios)},
        "overhead_seconds": statistics.median(overheads),
        "deploy_seconds": deploy,
        "first_run": first,
        "runs": pairs,
        "machine": machine.describe(),
    }


@contextmanager
def embedded_cloud(work: Path) -> Iterator[Target]:
    """An embedded cloud of our own on a free port, stopped at the end."""
    cloud = EmbeddedCloud(state=work / "cloud", port=_free_port())
    try:
        yield Target(stage="dev", endpoint=cloud.start())
    finally:
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
        """Seconds of each step of the two state machines, of what lies between them, and in all."""
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
        return phases | {"total": answered - landed}

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

    def __init__(self, work: Path, digits: Path, training_image: str) -> None:
        self.work, self.digits = work, digits
        training, serving = ROOT / "training_code" / WORKLOAD, ROOT / "inference_code"
        self.trainer = _environment("--image", training_image, training / "requirements.txt")
        self.server = _environment(serving / "server" / "requirements.txt", serving / WORKLOAD / "requirements.txt")

    def run(self) -> dict[str, float]:
        """Seconds of training, of starting the server up to its first answer, and in all."""
        root = Path(tempfile.mkdtemp(dir=self.work))
        train = _seconds(lambda: self._train(root / "ml" / "model"))
        serve = _seconds(lambda: self._serve(root))
        return {"train": train, "serve": serve, "total": train + serve}

    def _train(self, model: Path) -> None:
        settings = [text for name, value in HYPERPARAMETERS.items() for text in (f"--{name}", value)]
        folders = ["--train", self.digits, "--test", self.digits, "--model-dir", model]
        script = ROOT / "training_code" / WORKLOAD / "train.py"
        subprocess.run([self.trainer, script, *folders, *settings], check=True, stdout=subprocess.DEVNULL)

    def _serve(self, root: Path) -> None:
        """The server finds the workload's code beside its own package, as in the image."""
        (root / "server").symlink_to(ROOT / "inference_code" / "server")
        (root / "inference").symlink_to(ROOT / "inference_code" / WORKLOAD)
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


def _seconds(action: Any) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _by_title(steps: list[history.Step], machine_name: str) -> dict[str, float]:
    titled: dict[str, float] = {}
    for step in steps:
        title = runs.title(machine_name, step.name)
        titled[title] = titled.get(title, 0.0) + ((step.left or step.entered) - step.entered).total_seconds()
    return titled


def show(result: dict[str, Any]) -> None:
    """Ratios first, then where the time goes (medians of the runs)."""
    console = Console()
    for name, ratio in result["ratios"].items():
        console.print(f"{name}: {ratio:.2f}x   overhead {result['overhead_seconds']:.1f} s (medians)")
    table = Table("phase", "median s", "min", "max")
    for side in ("loop", "hand"):
        for phase in result["runs"][0][side]:
            values = [pair[side].get(phase, 0.0) for pair in result["runs"]]
            figures = (statistics.median(values), min(values), max(values))
            table.add_row(f"{side}: {phase}", *(f"{value:.2f}" for value in figures))
    console.print(table)
    console.print(f"deploy {result['deploy_seconds']:.1f} s, first run {result['first_run']['total']:.1f} s")
    console.print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))


if __name__ == "__main__":
    main()
