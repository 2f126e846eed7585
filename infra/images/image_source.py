"""What the image of a workload is built from: a folder, a Dockerfile in it, build arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.workloads import MANIFEST, Workload

NOT_CONTENT = ["__pycache__", "*.pyc"]


class MissingDockerfile(FileNotFoundError):
    """`inference_code/server/Dockerfile` does not exist."""


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """`dockerfile` is its path in `context`."""

    context: s3_assets.Asset
    dockerfile: str
    build_args: dict[str, str]


def image_source(scope: Construct, workload: Workload) -> ImageSource:
    """The workload's own Dockerfile where the manifest names one, otherwise that of `inference_code/server`."""
    return _own_image(scope, workload) if workload.manifest.training.own_image else _server_image(scope, workload)


def _server_image(scope: Construct, workload: Workload) -> ImageSource:
    root = workload.roots.inference
    if not (root / "server" / "Dockerfile").is_file():
        raise MissingDockerfile(f"{root.name}/server/Dockerfile does not exist: serving images are built from it")
    context = _context(scope, root, [root / "server", root / workload.name])
    return ImageSource(context=context, dockerfile="server/Dockerfile", build_args={"WORKLOAD": workload.name})


def _own_image(scope: Construct, workload: Workload) -> ImageSource:
    """Its context is the training folder, so that a folder with a Dockerfile works as it is. Where the workload has an
    inference folder too, it is the folder above both, with nothing but these two in it.
    """
    training, inference = workload.training_folder, workload.inference_folder
    folders, root = [training], training
    if inference.is_dir():
        folders = [training, inference]
        root = next(parent for parent in training.parents if inference.is_relative_to(parent))
    dockerfile = (training / workload.manifest.training.own_image.dockerfile).relative_to(root).as_posix()
    return ImageSource(context=_context(scope, root, folders), dockerfile=dockerfile, build_args={})


def _context(scope: Construct, root: Path, folders: list[Path]) -> s3_assets.Asset:
    """`folders` below `root`, at their places. A changed manifest is no other image."""
    kept = [folder.relative_to(root) for folder in folders if folder != root]
    only = ["/*", *(pattern for folder in kept for pattern in _keeping(folder))] if kept else []
    exclude = [*only, *NOT_CONTENT, MANIFEST]
    return s3_assets.Asset(scope, "Context", path=str(root), exclude=exclude, ignore_mode=IgnoreMode.GIT)


def _keeping(folder: Path) -> list[str]:
    """Patterns that take this one folder back from an exclusion of everything at the top, and nothing beside it."""
    above = [parent.as_posix() for parent in reversed(folder.parents) if parent != Path(".")]
    opened = [pattern for parent in above for pattern in (f"!/{parent}", f"/{parent}/*")]
    return [*opened, f"!/{folder.as_posix()}", f"!/{folder.as_posix()}/**"]
