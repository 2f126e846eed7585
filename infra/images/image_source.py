"""What the image of a workload is built from: a folder, a Dockerfile in it, build arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.workloads import MANIFEST, CodeRoots, Workload

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
    """The workload's own Dockerfile where the manifest names one, otherwise that of `inference_code/server`.

    What that one finds in its context: the server, the workload's inference code, and what this shares with the
    training code. No other file of the training is in it, so that changing the training makes no new image.
    """
    return _own_image(scope, workload) if workload.manifest.training.own_image else _server_image(scope, workload)


def _server_image(scope: Construct, workload: Workload) -> ImageSource:
    server = workload.roots.inference / "server"
    root = _folder_above(workload.roots)
    dockerfile = (server / "Dockerfile").relative_to(root).as_posix()
    if not (root / dockerfile).is_file():
        raise MissingDockerfile(f"{dockerfile} does not exist: serving images are built from it")
    folders = [server, workload.inference_folder, workload.shared_folder]
    context = _context(scope, root, [folder for folder in folders if folder.is_dir()])
    return ImageSource(context=context, dockerfile=dockerfile, build_args={"WORKLOAD": workload.name})


def _own_image(scope: Construct, workload: Workload) -> ImageSource:
    """Its context is the training folder, so that a folder with a Dockerfile works as it is. Where the workload has an
    inference folder too, it is the folder above both, with nothing but these two in it.
    """
    training, inference = workload.training_folder, workload.inference_folder
    folders, root = [training], training
    if inference.is_dir():
        folders = [training, inference]
        root = _folder_above(workload.roots)
    dockerfile = (training / workload.manifest.training.own_image.dockerfile).relative_to(root).as_posix()
    return ImageSource(context=_context(scope, root, folders), dockerfile=dockerfile, build_args={})


def _folder_above(roots: CodeRoots) -> Path:
    return next(parent for parent in roots.training.parents if roots.inference.is_relative_to(parent))


def _context(scope: Construct, root: Path, folders: list[Path]) -> s3_assets.Asset:
    """`folders` below `root`, at their places. A changed manifest is no other image."""
    kept = [folder.relative_to(root) for folder in folders if folder != root]
    exclude = [*(_nothing_but(kept) if kept else []), *NOT_CONTENT, MANIFEST]
    return s3_assets.Asset(scope, "Context", path=str(root), exclude=exclude, ignore_mode=IgnoreMode.GIT)


def _nothing_but(folders: list[Path]) -> list[str]:
    """Patterns that exclude everything, then take back the folders on the way to these, then these."""
    above = sorted({parent for folder in folders for parent in folder.parents if parent != Path(".")})
    opened = [pattern for parent in above for pattern in (f"!/{parent.as_posix()}", f"/{parent.as_posix()}/*")]
    kept = [pattern for folder in folders for pattern in (f"!/{folder.as_posix()}", f"!/{folder.as_posix()}/**")]
    return ["/*", *opened, *kept]
