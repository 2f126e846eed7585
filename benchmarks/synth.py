"""Synthesis: the inner loop's, against the CDK's default on the same application, and how it grows with workloads.

    python -m benchmarks.synth [--workloads 100] [--rounds 2] [--json FILE] [--write-docs]

A synthesis is the application in a process of its own, as `cdk synth` starts it: the platform, the API and one
workload. The inner loop's has the environment that `slipway up` gives it. The default is the same application as the
CDK makes it: with all validations (the bundled validator of templates, cdk-nag, the types of arguments), Node and
Python as they are, and the interpreter's own end. Before anything is timed both have written the same bytes into every
template and asset; only the report of the validations is the default's alone. Growth
is measured with copies of one workload: the seconds that each further one takes, of those that the first stage takes,
and whether the second half of them costs more than the first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.command import main as command
from benchmarks.containers import seconds
from benchmarks.results import Goal, Result, alternate, summarise
from cli import node, stack
from cli.programs import ROOT
from cli.target import Endpoint, Target

WORKLOAD = "iris_byoc"
REPORT = "validation-report.json"
FASTER = "default / inner loop"
SLOPE = "each further workload / a stage with one"
BEND = "second half of the workloads / first half"
GOALS = {FASTER: Goal(minimum=2.4), SLOPE: Goal(maximum=0.2), BEND: Goal(maximum=1.3)}
# As the CDK's `init` writes it: nothing is said about the interpreter.
DEFAULT_APPLICATION = """
import sys
from pathlib import Path
from aws_cdk import App
from infra.app import build
from infra.workloads import CodeRoots

app = App()
build(app, CodeRoots(training=Path(sys.argv[1]) / "training_code", inference=Path(sys.argv[1]) / "inference_code"))
app.synth()
"""


class Application:
    """The application in a copy of the checkout with `count` workloads, which are copies of one."""

    def __init__(self, root: Path, count: int) -> None:
        self.root, self._out = root, root / "out"
        for folder in ("infra", "lambdas"):
            (root / folder).symlink_to(ROOT / folder)
        shutil.copy(ROOT / "app.py", root)
        others = {path.parent.name for path in (ROOT / "training_code").glob("*/workload.yaml")}
        for folder in ("training_code", "inference_code"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", *others))
            for number in range(count):
                self._copy(root / folder, f"w{number:03}" if count > 1 else WORKLOAD)

    def default(self) -> float:
        """Seconds."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        program = node.program()
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        return self._synthesise(
            environment | {"PATH": path, "JSII_NODE": str(program)}, "-c", DEFAULT_APPLICATION, str(self.root)
        )

    def inner_loop(self) -> float:
        """Seconds."""
        local = Endpoint("http://127.0.0.1:1", "us-east-1", "unused", "unused")
        return self._synthesise(stack.environment(Target(stage="dev", endpoint=local)), "app.py")

    def written(self) -> dict[str, bytes]:
        """Every file of the last assembly by its path, but for the report of the validations."""
        paths = (path for path in self._out.rglob("*") if path.is_file() and path.name != REPORT)
        return {str(path.relative_to(self._out)): path.read_bytes() for path in paths}

    def _copy(self, folder: Path, name: str) -> None:
        source = ROOT / folder.name / WORKLOAD
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        manifest = folder / name / "workload.yaml"
        if manifest.exists():
            manifest.write_text(manifest.read_text().replace(f"name: {WORKLOAD}", f"name: {name}", 1))

    def _synthesise(self, environment: dict[str, str], *arguments: str) -> float:
        shutil.rmtree(self._out, ignore_errors=True)
        environment = environment | {
            "PYTHONPATH": str(self.root),
            "CDK_OUTDIR": str(self._out),
            "CDK_CONTEXT_JSON": json.dumps(json.loads((ROOT / "cdk.json").read_text())["context"]),
        }
        line = [sys.executable, *arguments]
        return seconds(lambda: subprocess.run(line, cwd=self.root, env=environment, check=True, capture_output=True))


def measure(rounds: int, workloads: int) -> Result:
    """Times in seconds."""
    with tempfile.TemporaryDirectory(prefix="slipway-synth-") as folder:
        one, half, all_ = (Application(_made(folder, str(count)), count) for count in (1, workloads // 2, workloads))
        check_equal(one)
        sides = {
            "default": one.default,
            "inner loop": one.inner_loop,
            "half": half.inner_loop,
            "all": all_.inner_loop,
        }
        return summarise(alternate(rounds, sides), lambda run: _ratios(run, workloads), GOALS)


def _made(folder: str, name: str) -> Path:
    made = Path(folder) / name
    made.mkdir()
    return made


def check_equal(application: Application) -> None:
    """Raises AssertionError unless both ways write the same bytes."""
    application.default()  # the packages' caches are filled, and bytecode is written
    expected = application.written()
    application.inner_loop()
    if application.written() != expected:
        raise AssertionError("the inner loop's assembly is not the default's, byte by byte")


def _ratios(run: dict[str, Any], workloads: int) -> dict[str, float]:
    half = workloads // 2
    first = (run["half"] - run["inner loop"]) / (half - 1)
    second = (run["all"] - run["half"]) / (workloads - half)
    slope = (run["all"] - run["inner loop"]) / (workloads - 1)
    return {FASTER: run["default"] / run["inner loop"], SLOPE: slope / run["inner loop"], BEND: second / first}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workloads", type=int, default=100, help="of the largest stage (%(default)s)")


if __name__ == "__main__":
    command("synth", __doc__, lambda given: measure(given.rounds, given.workloads), rounds=2, add_options=_options)
