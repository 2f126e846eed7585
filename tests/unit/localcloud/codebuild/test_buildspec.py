from pathlib import Path

import pytest

from localcloud.codebuild import buildspec
from localcloud.codebuild.buildspec import InvalidBuildspec, Phase


def test_phases_variables_and_shell_are_read() -> None:
    found = buildspec.parse(
        "version: 0.2\n"
        "env: {shell: bash, variables: {A: 1, B: x}}\n"
        "phases:\n"
        "  build: {commands: [one, two], finally: [last], on-failure: CONTINUE}\n"
        "  install: {commands: [zero], runtime-versions: {python: 3.12}}\n"
    )
    assert list(found.phases) == ["install", "build"]
    assert found.phases["build"] == Phase(("one", "two"), ("last",), "CONTINUE")
    assert (found.variables, found.shell) == ({"A": "1", "B": "x"}, "bash")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: [", "not YAML"),
        ("- a", "a mapping is needed"),
        ("version: 0.1\nphases: {build: {commands: [a]}}", "0.1"),
        ("version: 0.2", "at least one phase"),
        ("version: 0.2\nphases: {deploy: {commands: [a]}}", "'deploy' is not supported"),
        ("version: 0.2\nphases: {build: {commands: a}}", "phases.build.commands: a list of texts"),
        ("version: 0.2\nphases: {build: {commands: [a: b]}}", "phases.build.commands: a list of texts"),
        ("version: 0.2\nphases: {build: {on-failure: MAYBE}}", "phases.build.on-failure: 'MAYBE'"),
        ("version: 0.2\nenv: {secrets-manager: {A: b}}\nphases: {build: {}}", "'secrets-manager' is not supported"),
        ("version: 0.2\nenv: {shell: powershell.exe}\nphases: {build: {}}", "env.shell: 'powershell.exe'"),
    ],
)
def test_what_is_wrong_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidBuildspec) as refused:
        buildspec.parse(text)
    assert message in str(refused.value)


def test_the_stacks_own_build_specification_is_understood() -> None:
    text = (Path(__file__).parents[4] / "infra/images/buildspec.yaml").read_text("utf-8")
    assert list(buildspec.parse(text).phases) == ["pre_build", "build"]
