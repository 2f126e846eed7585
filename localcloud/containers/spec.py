"""What one container runs, and the same said for a machine that forbids mount namespaces."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.containers.cleanup import remove_folder

if TYPE_CHECKING:
    from localcloud.images import Image

ML_ROOT = "/opt/ml"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PRIVATE_TMP = "/tmp"  # noqa: S108  (this names the folder that is replaced, nothing is written to the shared one)


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container.

    Attributes:
        image: where the interpreter, the files and the image's own environment come from.
        folder: the container's own folder on the host; `folder/ml` is its `/opt/ml`. Must exist.
        argv: program and arguments, found through the image's PATH.
        environment: what the request and the service add to the image's environment; nothing comes from the host.
        hostname: the container's name for itself.
        hosts: name -> address, added to the container's /etc/hosts.
        read_only: folders below /opt/ml that the container cannot write to; a machine that forbids mount namespaces
            leaves them writable.
        network: the files of a PrivateNetwork; the host's network when empty.
        needs_imports: its program imports the image's packages, so they may be preloaded for it.
    """

    image: Image
    folder: Path
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    hostname: str = "localhost"
    hosts: Mapping[str, str] = field(default_factory=dict)
    read_only: Sequence[str] = ()
    network: Sequence[str] = ()
    needs_imports: bool = False

    @property
    def ml(self) -> Path:
        """The host's folder that the container sees as /opt/ml."""
        return self.folder / "ml"


def host_path(spec_folder: Path, container_path: str) -> Path:
    """The host's path of a container path at or below /opt/ml. Raises ValueError for any other path."""
    relative = Path(os.path.normpath(container_path))
    if not relative.is_relative_to(ML_ROOT):
        raise ValueError(f"{container_path!r} is not below {ML_ROOT}; only that folder is shared with the host")
    return spec_folder / "ml" / relative.relative_to(ML_ROOT)


def launch_request(spec: ContainerSpec, namespaces: str | None) -> dict:
    """The document that the launcher reads (see launcher.py).

    Of what an earlier container in the same folder left, only /opt/ml is kept.
    """
    for name in ("work", "home", "tmp", "mounts"):
        remove_folder(spec.folder / name)
        (spec.folder / name).mkdir()
    spec.ml.mkdir(exist_ok=True)
    environment = _environment(spec)
    workdir = spec.image.workdir or str(spec.folder / "work")
    request = {
        "argv": list(spec.argv),
        "environment": environment,
        "workdir": workdir,
        "namespaces": namespaces,
        "hostname": spec.hostname,
        "network": list(spec.network),
        "scratch": str(spec.folder / "mounts"),
        "private_tmp": None,
        "mounts": [],
    }
    return _with_mounts(spec, request) if namespaces else _with_mapped_paths(spec, request)


def _environment(spec: ContainerSpec) -> dict[str, str]:
    path = os.pathsep.join([*map(str, spec.image.path_entries), _SYSTEM_PATH])
    base = {"PATH": path, "LANG": "C.UTF-8", "HOME": str(spec.folder / "home")}
    return {**base, **spec.image.environment, **spec.environment}


def _with_mounts(spec: ContainerSpec, request: dict) -> dict:
    environment = spec.image.python.parent.parent
    mounts: list[tuple[str, str, str]] = [
        (str(spec.folder / "tmp"), _PRIVATE_TMP, "shared"),
        # Other containers use the same environment and the same files: what this one changes stays its own.
        *([(str(environment), str(environment), "private")] if (environment / "pyvenv.cfg").exists() else []),
        *((str(source), destination, "private") for source, destination in spec.image.files),
        (str(spec.ml), ML_ROOT, "shared"),
        *((str(host_path(spec.folder, path)), path, "read-only") for path in spec.read_only),
    ]
    if spec.hosts:
        mounts.append((str(_write_hosts(spec)), "/etc/hosts", "read-only"))
    needed = _entries_below(_PRIVATE_TMP, _host_paths(spec))
    if needed:
        # The container's own folder or its interpreter lies in the shared folder: show those entries, hide the others.
        return {**request, "mounts": mounts[1:], "private_tmp": [_PRIVATE_TMP, sorted(needed)]}
    return {**request, "mounts": mounts}


def _host_paths(spec: ContainerSpec) -> list[Path]:
    paths = [spec.folder, spec.image.python, *spec.image.path_entries, *(source for source, _ in spec.image.files)]
    return [*paths, *(path.resolve() for path in paths)]


def _entries_below(folder: str, paths: list[Path]) -> set[str]:
    return {path.relative_to(folder).parts[0] for path in paths if path.is_relative_to(folder) and path != Path(folder)}


def _write_hosts(spec: ContainerSpec) -> Path:
    lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{address} {name}" for name, address in spec.hosts.items())]
    path = spec.folder / "hosts"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def _with_mapped_paths(spec: ContainerSpec, request: dict) -> dict:
    places = {ML_ROOT: str(spec.ml), **{destination: str(source) for source, destination in spec.image.files}}
    environment = {name: map_paths(value, places) for name, value in request["environment"].items()}
    environment["SLIPWAY_ML_ROOT"] = str(spec.ml)
    return {
        **request,
        "argv": [map_paths(argument, places) for argument in request["argv"]],
        "environment": environment,
        "workdir": map_paths(request["workdir"], places),
    }


def map_paths(text: str, places: Mapping[str, str]) -> str:
    """Replaces every path of `places` (container -> host) that occurs in `text` as a whole path or its beginning."""
    longest_first = sorted(places, key=len, reverse=True)
    pattern = "|".join(re.escape(place.rstrip("/")) for place in longest_first)
    return re.sub(rf"(?<![\w./-])(?:{pattern})(?![\w.-])", lambda found: places[found.group(0)], text)
