"""`python -m localcloud.images`, as people and shims call it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALCLOUD_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "localcloud.images", *arguments], capture_output=True, text=True)

    return run


def test_environment_prints_an_interpreter_that_has_the_requirements(call, requirements) -> None:
    done = call("environment", str(requirements("greeting==1.0")), str(requirements("farewell", name="more.txt")))
    assert done.returncode == 0, done.stderr
    python = done.stdout.strip()
    assert "\n" not in python
    assert subprocess.run([python, "-c", "import greeting, farewell"]).returncode == 0


def test_environment_can_start_from_an_image(call, requirements) -> None:
    done = call("environment", "--image", f"python:{RUNNING}-slim", str(requirements("greeting")))
    assert subprocess.run([done.stdout.strip(), "-c", "import greeting"]).returncode == 0


def test_prepare_builds_the_images_that_are_given(call) -> None:
    done = call("prepare", f"python:{RUNNING}-slim")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["environment", "nowhere.txt"], "Error: nowhere.txt: no such requirement file"),
        (["environment", "--image", "ubuntu:24.04"], "Error: No such image: ubuntu:24.04"),
        (["docker", "build", "-t", "x:1", "nowhere"], "Error: LOCALCLOUD_ACCOUNT is not set"),
        (["docker", "run", "x"], "invalid choice: 'run'"),
        (["aws", "s3", "ls"], "invalid choice: 's3'"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(call, arguments: list[str], message: str) -> None:
    done = call(*arguments)
    assert done.returncode != 0
    assert message in done.stderr and "Traceback" not in done.stderr
