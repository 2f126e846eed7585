"""The images that were built here, content-addressed below `<state>/images/`.

    content/<hex of the digest>/manifest.json, config.json, rootfs/
    tags/<quoted reference>        the digest, as `docker tag` would keep it
    builds/                        unfinished builds

A digest is the SHA-256 of the manifest, which names the configuration's digest, which names that of the file tree.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"


@dataclass(frozen=True)
class ImageConfig:
    """What an image is, besides its files.

    Attributes:
        python_version: "3.12", or None for the Python that runs the embedded cloud.
        layers: requirement lines, one tuple for each installation, the lowest first.
        path: container folders that the image puts in front of PATH.
        notes: what differs from the image that the Dockerfile names.
    """

    python_version: str | None = None
    layers: tuple[tuple[str, ...], ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str | None = None
    notes: tuple[str, ...] = ()


class ImageStore:
    """`root` is `<state>/images`; it is made when something is written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def new_tree(self) -> Iterator[Path]:
        """An empty folder for a build's files, removed unless `commit` has taken it."""
        builds = self._root / "builds"
        builds.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=builds))
        try:
            (folder / "rootfs").mkdir()
            yield folder / "rootfs"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def commit(self, rootfs: Path, config: ImageConfig) -> str:
        """Stores a tree from `new_tree` with its configuration; returns the digest."""
        folder = rootfs.parent
        document = {**asdict(config), "files": _tree_digest(rootfs)}
        encoded = json.dumps(document, sort_keys=True, indent=1).encode()
        manifest = _manifest(encoded)
        (folder / "config.json").write_bytes(encoded)
        (folder / "manifest.json").write_bytes(manifest)
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        target = self._folder(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_dir():
            try:
                folder.rename(target)
            except OSError:
                if not target.is_dir():  # another build of the same content was faster
                    raise
        return digest

    def contains(self, digest: str) -> bool:
        return self._folder(digest).is_dir()

    def rootfs(self, digest: str) -> Path:
        return self._folder(digest) / "rootfs"

    def manifest(self, digest: str) -> bytes:
        return (self._folder(digest) / "manifest.json").read_bytes()

    def config_bytes(self, digest: str) -> bytes:
        return (self._folder(digest) / "config.json").read_bytes()

    def config(self, digest: str) -> ImageConfig:
        document = json.loads(self.config_bytes(digest))
        document.pop("files")
        document["layers"] = tuple(tuple(layer) for layer in document["layers"])
        for name in ("path", "entrypoint", "command", "notes"):
            document[name] = tuple(document[name])
        return ImageConfig(**document)

    def tag(self, name: str, digest: str) -> None:
        path = self._root / "tags" / quote(name, safe="")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{os.getpid()}.{path.name}"[:250])
        temporary.write_text(digest, encoding="ascii")
        temporary.replace(path)

    def tagged(self, name: str) -> str | None:
        """The digest that a reference stands for on this machine, or None."""
        path = self._root / "tags" / quote(name, safe="")
        return path.read_text(encoding="ascii") if path.is_file() else None

    def tags(self) -> list[str]:
        folder = self._root / "tags"
        names = (unquote(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
        return sorted(name for name in names if not name.startswith("."))

    def _folder(self, digest: str) -> Path:
        return self._root / "content" / digest.removeprefix("sha256:")


def _manifest(config: bytes) -> bytes:
    """An image manifest (version 2, schema 2) with the configuration as its one blob."""
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    blob = {"mediaType": _CONFIG_TYPE, "size": len(config), "digest": digest}
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": blob, "layers": []}
    return json.dumps(document, sort_keys=True).encode()


def _tree_digest(rootfs: Path) -> str:
    """Over names, kinds, executable bits and contents; not over times and owners."""
    digest = hashlib.sha256()
    for path in sorted(rootfs.rglob("*")):
        kind = "folder" if path.is_dir() else "program" if path.stat().st_mode & 0o100 else "file"
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        digest.update(f"{kind} {content} {path.relative_to(rootfs)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
