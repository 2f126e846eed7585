"""Who may import whom, and who may know which cloud answers (`docs/contract.md`), over the syntax trees."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = {
    "app",
    "benchmarks",
    "cli",
    "headline",
    "inference_code",
    "infra",
    "lambdas",
    "localcloud",
    "training_code",
} | {
    "server",
    "shared",
}
FUNCTIONS = {path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py")}
MAY_IMPORT = {
    "app.py": {"infra"},
    "infra": {"infra"},
    "localcloud": {"localcloud"},
    "cli": {"cli"},
    "headline": {"headline"},
    "scripts": {"infra", "localcloud"},
}
"""Top folder (or file) -> the project's packages that it may import. Lambdas and containers have rules of their own."""
SERVED_BESIDE = {"server.formats", "server.artifacts"}
"""What of the model server, which lies beside it in the image, a workload's inference code may import."""
SERVER = ROOT / "inference_code" / "server"
AT_THE_ROOT_OF_THE_SERVER = {"settings", "errors", "memory"}
"""Its modules that every package of the server may import."""
OF_THE_SERVER = {
    "metrics": set(),
    "artifacts": set(),
    "formats": set(),
    "model": {"artifacts", "formats"},
    "batching": {"metrics", "model"},
    "serving": {"metrics", "model", "batching"},
    "http": {"metrics", "model", "serving"},
    "processes": {"metrics", "model", "batching", "serving", "http"},
    "evaluate": {"formats", "model"},
}
"""Package of the model server -> those of its others that it may import: each only those above it here."""
SHARED = "shared"
"""The package of a workload's training folder that lies in its inference folder, too, in the image."""
TELLS_WHICH_CLOUD = re.compile(
    r"localhost|127\.0\.0\.1|\[::1\]|AWS_ENDPOINT_URL|endpoint_url|localcloud|localstack|ministack|is_local|4566",
    re.IGNORECASE,
)
BLIND_TO_THE_CLOUD = ["app.py", "infra", "lambdas", "training_code", "inference_code"]


def sources(top: str) -> list[Path]:
    path = ROOT / top
    return [path] if path.is_file() else sorted(p for p in path.rglob("*.py") if "__pycache__" not in p.parts)


def imports(path: Path) -> Iterator[str]:
    """Absolute module names; a relative import becomes one, so that it cannot slip out of its folder."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield ".".join([*package[: -node.level], *([node.module] if node.module else [])])
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def parts_of_the_server(path: Path) -> Iterator[str]:
    """`server.formats`, for `from server import formats` as well."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "server")
        elif isinstance(node, ast.ImportFrom) and node.module == "server":
            yield from (f"server.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("server."):
            yield str(node.module)


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("top", MAY_IMPORT)
def test_a_part_imports_only_what_it_may(top: str) -> None:
    allowed = MAY_IMPORT[top]
    forbidden = (PROJECT | FUNCTIONS) - allowed
    assert {str(path.relative_to(ROOT)): found for path in sources(top) if (found := tops(path) & forbidden)} == {}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_imports_itself_and_the_shared_parts_only(function: str) -> None:
    forbidden = (PROJECT | FUNCTIONS) - {function, "shared", "lambdas"}
    for path in sources(f"lambdas/{function}"):
        found = tops(path)
        assert found & forbidden == set(), path
        within = [name for name in imports(path) if name.startswith("lambdas.")]
        assert all(name.split(".")[1] in {function, "shared"} for name in within), path


def test_the_shared_parts_import_no_function() -> None:
    for path in sources("lambdas/shared"):
        assert tops(path) & ((PROJECT | FUNCTIONS) - {"shared", "lambdas"}) == set(), path


@pytest.mark.parametrize("top", ["training_code", "inference_code"])
def test_containers_import_no_package_of_the_project(top: str) -> None:
    """Within their own folder, as it lies in the container, they may: the server its package, a script its sibling."""
    for path in sources(top):
        own = path.relative_to(ROOT / top).parts[0]
        siblings = {p.stem for p in (ROOT / top / own).iterdir()} | {own}
        beside = {"server"} | ({SHARED} if (ROOT / "training_code" / own / SHARED).is_dir() else set())
        allowed = siblings | (beside if top == "inference_code" else set())
        assert tops(path) & (PROJECT | FUNCTIONS) - allowed == set(), path


def test_what_training_and_serving_both_need_stands_once() -> None:
    """In `shared`; a module of one name in both folders of a workload would be another copy."""
    for training in (path.parent for path in (ROOT / "training_code").glob("*/workload.yaml")):
        serving = ROOT / "inference_code" / training.name
        assert {path.name for path in training.glob("*.py")} & {path.name for path in serving.glob("*.py")} == set()


def test_inference_code_imports_of_the_server_only_what_is_made_for_it() -> None:
    for path in sources("inference_code"):
        if path.relative_to(ROOT / "inference_code").parts[0] != "server":
            assert set(parts_of_the_server(path)) <= SERVED_BESIDE, path


@pytest.mark.parametrize("package", OF_THE_SERVER)
def test_a_package_of_the_server_imports_only_what_lies_below_it(package: str) -> None:
    allowed = OF_THE_SERVER[package] | AT_THE_ROOT_OF_THE_SERVER | {package}
    for path in (SERVER / package).glob("*.py"):
        assert {name.split(".")[1] for name in parts_of_the_server(path)} <= allowed, path


def test_the_modules_at_the_root_of_the_server_import_no_package_of_it() -> None:
    assert {path.name for path in SERVER.iterdir() if (path / "__init__.py").is_file()} == set(OF_THE_SERVER)
    above = list(OF_THE_SERVER)
    assert all(above.index(one) < above.index(package) for package in above for one in OF_THE_SERVER[package])
    for name in AT_THE_ROOT_OF_THE_SERVER:
        assert set(parts_of_the_server(SERVER / f"{name}.py")) == set()


def test_every_part_is_looked_at() -> None:
    """A folder that moved would otherwise pass by having no files."""
    assert {top for top in [*MAY_IMPORT, *BLIND_TO_THE_CLOUD] if not sources(top)} == set()
    assert FUNCTIONS


@pytest.mark.parametrize("top", BLIND_TO_THE_CLOUD)
def test_nothing_outside_the_embedded_cloud_and_the_command_line_can_tell_which_cloud_answers(top: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{token.start[0]}: {token.string}"
        for path in sources(top)
        for token in tokens(path)
        if TELLS_WHICH_CLOUD.search(token.string)
    ]
    assert found == []


@pytest.mark.parametrize("top", BLIND_TO_THE_CLOUD[1:])
def test_neither_do_the_other_files_of_these_parts(top: str) -> None:
    kinds = ("*.yaml", "*.yml", "*.json", "*.in", "*.txt", "Dockerfile")
    paths = [path for kind in kinds for path in (ROOT / top).rglob(kind)]
    assert [str(path) for path in paths if TELLS_WHICH_CLOUD.search(path.read_text("utf-8"))] == []


def tokens(path: Path) -> list[tokenize.TokenInfo]:
    """Names, strings and comments: what a program, or a person, could tell it by."""
    with path.open("rb") as file:
        return [
            token for token in tokenize.tokenize(file.readline) if token.type not in (tokenize.NEWLINE, tokenize.NL)
        ]
