"""Environments are built by the real uv, from wheels that the tests make themselves: no package index is asked."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localcloud.images import ImageRegistry

ACCOUNT = "000000000000"


@dataclass(frozen=True)
class CloudConfig:
    state_dir: Path
    account: str = ACCOUNT


@dataclass
class Project:
    """A build context on disk, and what its build said."""

    folder: Path
    registry: ImageRegistry
    log: list[str] = field(default_factory=list)

    def write(self, name: str, text: str, *, executable: bool = False) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if executable else 0o644)
        return path

    def build(self, dockerfile: str, tag: str = "test:1", **build_args: str):
        path = self.write("Dockerfile", dockerfile)
        return self.registry.build(self.folder, path, build_args, tag, log=self.log.append)


def make_wheel(folder: Path, name: str, version: str, *, body: str = "") -> None:
    """A wheel with one module `name`, whose `VERSION` is its version, and a program of the same name."""
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n\n\ndef main():\n    print(VERSION)\n{body}",
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{information}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{information}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{information}/RECORD": record}.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "greeting", "1.0")
    make_wheel(folder, "greeting", "2.0")
    make_wheel(folder, "farewell", "1.0")
    return folder


@pytest.fixture(autouse=True)
def only_own_wheels(wheels: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_FIND_LINKS", "UV_TORCH_BACKEND", "PIP_INDEX_URL", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv-cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a test's environments are kept."""
    return tmp_path / "environments"


@pytest.fixture
def registry(tmp_path: Path, root: Path) -> ImageRegistry:
    return ImageRegistry(CloudConfig(tmp_path / "state"), environments_root=root)


@pytest.fixture
def project(tmp_path: Path, registry: ImageRegistry) -> Project:
    folder = tmp_path / "context"
    folder.mkdir()
    return Project(folder, registry)


@pytest.fixture
def requirements(tmp_path: Path) -> Callable[..., Path]:
    """Writes a requirement file."""

    def write(*lines: str, name: str = "requirements.txt") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
