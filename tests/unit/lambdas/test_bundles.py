"""A function's bundle is its folder and shared/, on whatever Linux Lambda runs: nothing else may be imported."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[3] / "lambdas"
FUNCTIONS = [
    "accept_training",
    "check_rollout",
    "decide_gate",
    "describe_workloads",
    "plan_monitoring",
    "plan_rollout",
    "plan_training",
    "predict",
    "publish_monitoring",
    "request_training",
]
IN_THE_RUNTIME = {"boto3", "botocore"}


def imported(file: Path) -> set[str]:
    """The top-level packages that a module imports, at import or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add(str(node.module).partition(".")[0])
    return names


@pytest.mark.parametrize("folder", [*FUNCTIONS, "shared"])
def test_a_folder_imports_only_itself_shared_boto3_and_the_standard_library(folder: str) -> None:
    allowed = {folder, "shared"} | IN_THE_RUNTIME | sys.stdlib_module_names
    for file in (LAMBDAS / folder).rglob("*.py"):
        assert imported(file) <= allowed, file


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_can_be_imported_from_its_bundle_without_any_environment(function: str, tmp_path: Path) -> None:
    for folder in (function, "shared"):
        shutil.copytree(LAMBDAS / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {function}.handler as h; print(callable(h.handler))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], env={}, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_environment_is_read_only_through_settings(function: str) -> None:
    for file in (LAMBDAS / function).rglob("*.py"):
        assert "os" not in imported(file), f"{file} reads the environment itself"
