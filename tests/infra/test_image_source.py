"""What a serving image is built from, and which changes make another image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, AssetStaging, Stack

from infra.images.image_source import MissingDockerfile, image_source
from infra.workloads import CodeRoots, find_workloads

WORKLOAD = "constant_answer"
SHARED = f"training_code/{WORKLOAD}/shared"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The code folders with one workload, which shares nothing between training and serving."""
    root = shutil.copytree(Path(__file__).parent / "workloads", tmp_path / "project")
    for name in ("inference_code/server/Dockerfile", "inference_code/other/inference.py", "README.md"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture
def context(project: Path, tmp_path: Path) -> Callable[[], tuple[str, set[str]]]:
    """`context()` -> its hash, which is the image's tag, and its files."""
    roots = CodeRoots(training=project / "training_code", inference=project / "inference_code")

    def _context() -> tuple[str, set[str]]:
        AssetStaging.clear_asset_hash_cache()
        app = App(outdir=str(tmp_path / "assembly"))
        asset = image_source(Stack(app, "stack"), find_workloads(roots, [WORKLOAD])[0]).context
        folder = tmp_path / "assembly" / f"asset.{asset.asset_hash}"
        found = list(folder.rglob("*"))
        assert all(any(path.iterdir()) for path in found if path.is_dir()), "a folder on the way to nothing"
        files = {path.relative_to(folder).as_posix() for path in found if path.is_file()}
        return asset.asset_hash, files

    return _context


def share(project: Path, **modules: str) -> None:
    (project / SHARED / "__pycache__").mkdir(parents=True, exist_ok=True)
    (project / SHARED / "__pycache__/rows.cpython-312.pyc").touch()
    for name, text in {"__init__": "", **modules}.items():
        (project / SHARED / f"{name}.py").write_text(text, "utf-8")


def test_an_image_is_made_of_the_server_and_the_workloads_inference_code(context, project: Path) -> None:
    served = {"inference_code/server/Dockerfile", f"inference_code/{WORKLOAD}/inference.py"}
    assert context()[1] == served
    share(project, rows="1")
    assert context()[1] == served | {f"{SHARED}/__init__.py", f"{SHARED}/rows.py"}


def test_a_change_of_what_is_shared_is_another_image_and_a_change_of_the_training_is_none(
    context, project: Path
) -> None:
    share(project, rows="1")
    first, _ = context()
    (project / "training_code" / WORKLOAD / "train.py").write_text("print()", "utf-8")
    (project / "training_code" / WORKLOAD / "network.py").touch()
    (project / "README.md").write_text("changed", "utf-8")
    assert context()[0] == first
    share(project, rows="2")
    assert context()[0] != first


def test_without_the_servers_dockerfile_there_is_no_image(context, project: Path) -> None:
    (project / "inference_code/server/Dockerfile").unlink()
    with pytest.raises(MissingDockerfile, match="inference_code/server/Dockerfile does not exist"):
        context()
