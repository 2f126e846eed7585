"""Containers of one test: their files, and how they ran."""

from __future__ import annotations

from pathlib import Path

from localcloud.containers import forking, isolation
from localcloud.containers.container import Container
from localcloud.containers.spec import ContainerSpec
from tests.support.process_image import ProcessImage

LIMIT = 30.0
PRELOADED, ANEW = True, False
SLOW = "xml.dom.minidom"  # what the tests of preloading preload: none of their programs needs it


def container_spec(folder: Path, *argv: str, **environment: str) -> ContainerSpec:
    return ContainerSpec(image=ProcessImage(), folder=folder, argv=argv, environment=environment, needs_imports=True)


def write(folder: Path, name: str, text: str) -> None:
    (folder / "ml" / name).write_text(text)


def run(spec: ContainerSpec) -> tuple[int | None, list[str], bool]:
    lines: list[str] = []
    started = Container(spec, on_line=lines.append, namespaces=isolation.detect())
    code = started.wait(LIMIT)
    if code is None:
        started.kill()
    preloaded = started._process.origin is not forking.STARTER._process
    return code, [line for line in lines if line != isolation.WITHOUT_NAMESPACES], preloaded
