"""From image URIs to images, and from Dockerfiles to image URIs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from localcloud.images import environments, interpreters, managed, placement, reference
from localcloud.images.dockerfile.builder import Base, Builder
from localcloud.images.dockerfile.context import BuildContext
from localcloud.images.dockerfile.copying import ImageTree
from localcloud.images.ecr import ElasticContainerRegistry
from localcloud.images.ecr_api import EcrApi
from localcloud.images.environments import Environment
from localcloud.images.errors import ImageNotFound
from localcloud.images.image import Image
from localcloud.images.managed import Managed
from localcloud.images.reference import Reference
from localcloud.images.store import ImageConfig, ImageStore


class CloudConfig(Protocol):
    """What images need of the embedded cloud's configuration."""

    @property
    def state_dir(self) -> Path: ...

    @property
    def account(self) -> str: ...


class ImageRegistry:
    """The images that containers can be started from.

    `ecr` gives the API of the embedded ECR (asked when an image of the account's own registry is named);
    `environments_root` is where Python environments are kept, by default the user's cache.
    """

    def __init__(
        self, config: CloudConfig, *, ecr: Callable[[], EcrApi] | None = None, environments_root: Path | None = None
    ) -> None:
        self._account = config.account
        self._store = ImageStore(config.state_dir / "images")
        self._ecr = ElasticContainerRegistry(ecr or (lambda: _root_ecr(config)))
        self._environments = environments_root or environments.default_root()

    def resolve(self, uri: str) -> Image:
        """The image of a URI, its environment built where it is not yet.

        Raises ImageNotFound, InvalidReference, EnvironmentBuildFailed.
        """
        config, digest = self._find(reference.parse(uri))
        return self._image(uri, config, digest)

    def empty(self) -> Image:
        """An image with nothing but the Python that runs the embedded cloud."""
        return self._image("scratch", ImageConfig(), None)

    def build(
        self,
        context: Path,
        dockerfile: Path,
        build_args: dict[str, str],
        tag: str,
        *,
        log: Callable[[str], None] = lambda line: None,
    ) -> Image:
        """Builds an image and tags it on this machine. The same context and arguments give the same digest.

        Raises DockerfileError, EnvironmentBuildFailed, InvalidReference, OSError.
        """
        name = str(reference.parse(tag))
        with self._store.new_tree() as rootfs:
            builder = Builder(BuildContext(context), ImageTree(rootfs), build_args, self._base, log)
            digest = self._store.commit(rootfs, builder.build(dockerfile))
        self._store.tag(name, digest)
        log(f"Successfully built {digest}")
        log(f"Successfully tagged {name}")
        return self._image(name, self._store.config(digest), digest)

    def tag(self, source: str, target: str) -> None:
        """Raises ImageNotFound when `source` is not on this machine."""
        self._store.tag(str(reference.parse(target)), self._local(reference.parse(source)))

    def push(self, tag: str) -> str:
        """Pushes a local image to its registry; returns its digest. Raises ImageNotFound, RegistryRefused."""
        target = reference.parse(tag)
        digest = self._local(target)
        self._ecr.push(target, manifest=self._store.manifest(digest), config=self._store.config_bytes(digest))
        return digest

    def prepare(self) -> list[Path]:
        """Builds the environments of all managed images; returns their interpreters."""
        sets = [Managed(name=name, requirements=managed.of_set(name)) for name in managed.requirement_sets()]
        return [self._packages(_managed_config(entry)).python for entry in sets]

    def _find(self, wanted: Reference) -> tuple[ImageConfig, str | None]:
        """The configuration and, for an image that was built, the digest."""
        if entry := managed.find(wanted, own_account=self._account):
            return _managed_config(entry), None
        if wanted.account is None:
            digest = self._local(wanted)
        elif wanted.account == self._account:
            digest = self._ecr.digest(wanted)
        else:
            raise ImageNotFound(
                f"{wanted}: no entry of localcloud/images/managed.toml stands for this image. Known: {managed.known()}"
            )
        if not self._store.contains(digest):
            raise ImageNotFound(
                f"{wanted}: the registry knows {digest}, but its files are gone; build and push it again"
            )
        return self._store.config(digest), digest

    def _local(self, wanted: Reference) -> str:
        digest = wanted.digest or self._store.tagged(str(wanted))
        if digest is None or not self._store.contains(digest):
            known = ", ".join(self._store.tags()) or "none"
            raise ImageNotFound(f"No such image: {wanted}. Built here: {known}. Also known: {managed.known()}")
        return digest

    def _base(self, uri: str) -> Base:
        wanted = reference.parse(uri)
        local = self._store.tagged(str(wanted))
        built = local is not None and self._store.contains(local)
        config, digest = (self._store.config(local), local) if built else self._find(wanted)
        return Base(config, self._packages(config), lambda tree: self._unpack(digest, tree))

    def _unpack(self, digest: str | None, tree: Path) -> None:
        if digest is not None:
            # Copies, since a later RUN chmod changes the file itself.
            shutil.copytree(self._store.rootfs(digest), tree, symlinks=True, dirs_exist_ok=True)

    def _image(self, uri: str, config: ImageConfig, digest: str | None) -> Image:
        rootfs = self._store.rootfs(digest) if digest else None
        return Image(
            uri=uri,
            digest=digest or _config_digest(config),
            packages=self._packages(config),
            search_path=_search_path(config, rootfs),
            environment=dict(config.environment),
            entrypoint=config.entrypoint,
            command=config.command,
            workdir=config.workdir,
            files=placement.placements(rootfs) if rootfs else (),
            notes=config.notes,
        )

    def _packages(self, config: ImageConfig) -> Environment:
        return environments.build(
            Environment(self._environments, interpreters.for_version(config.python_version), config.layers)
        )


def _managed_config(entry: Managed) -> ImageConfig:
    notes = [f"{entry.name}: {entry.differs}"] if entry.differs else []
    if entry.python_version and interpreters.is_missing(entry.python_version):
        running = interpreters.running_version()
        notes.append(f"this machine has no Python {entry.python_version}; Python {running} is used in its place")
    return ImageConfig(
        python_version=entry.python_version,
        layers=(entry.requirements,) if entry.requirements else (),
        environment=entry.environment,
        path=(str(entry.programs),) if entry.programs else (),
        command=entry.command,
        notes=tuple(notes),
    )


def _config_digest(config: ImageConfig) -> str:
    encoded = json.dumps(asdict(config), sort_keys=True).encode()
    return f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def _search_path(config: ImageConfig, rootfs: Path | None) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The host's folders for the image's PATH: what ENV PATH puts in front, and the system folders it has files in."""
    if rootfs is None:
        return tuple(map(Path, config.path)), ()
    copied = {place: rootfs / place.lstrip("/") for place in config.path}
    before = tuple(host if host.is_dir() else Path(place) for place, host in copied.items())
    return before, placement.program_folders(rootfs)


def _root_ecr(config: Any) -> EcrApi:
    return EcrApi(config.endpoint_url, config.region, config.access_key_id, config.secret_access_key)
