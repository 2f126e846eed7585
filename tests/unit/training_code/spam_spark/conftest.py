"""process.py run once, as the Spark container runs it: submitted to Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.container_python import ROOT, SPARK_IMAGE, container_environment, image_python

WORKLOAD = ROOT / "training_code/spam_spark"
PROGRAMS = ROOT / "localcloud/images/programs/spark"
BUCKETS = 300
LIMIT_SECONDS = 300
# Each was chosen to be processed wrongly by something simpler than the rule.
ODD_MESSAGES = [
    "  Two  blanks,   tabs\tand a hyphen-ated word",
    "12345 £££ !!!",
    "Straße İstanbul Kelvin \u212a ñandú naïve",
    'quotes " and \\ backslashes',
    "same same same words words a ab abc abcd abcde",
]


@dataclass(frozen=True)
class Processed:
    """`folder` holds train, validation and holdout; `log` is what the submission said."""

    folder: Path
    messages: dict[str, list[str]]
    log: str


@pytest.fixture(scope="session")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample data, and messages that are hard to get right, among them some that occur twice."""
    folder = tmp_path_factory.mktemp("messages")
    command = [sys.executable, WORKLOAD / "sample_data.py", folder]
    subprocess.run(command, check=True, timeout=60, env=container_environment())
    with (folder / "ham").open("a", encoding="utf-8") as file:
        file.writelines(f"{message}\n" for message in ODD_MESSAGES * 2)
    return folder


@pytest.fixture(scope="session")
def processed(messages: Path, tmp_path_factory: pytest.TempPathFactory) -> Processed:
    folder = tmp_path_factory.mktemp("processed")
    done = submit(messages, folder, "--buckets", str(BUCKETS))
    assert done.returncode == 0, done.stderr
    lines = {name: (messages / name).read_text(encoding="utf-8").split("\n")[:-1] for name in ("ham", "spam")}
    return Processed(folder, lines, done.stdout)


def submit(messages: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outputs = [f"--output-{name}={folder / name}" for name in ("train", "validation", "holdout")]
    scripts = image_python(SPARK_IMAGE).parent
    environment = container_environment()
    path = os.pathsep.join([str(PROGRAMS), str(scripts), environment["PATH"]])
    return subprocess.run(
        ["smspark-submit", "process.py", f"--input-messages={messages}", *outputs, *arguments],
        cwd=WORKLOAD,
        # A machine's own Java may be one that this Spark does not run on.
        env=environment | {"PATH": path, "JAVA_HOME": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
