"""What counts as installed, so that pip does not run."""

from __future__ import annotations

from importlib import metadata

import pytest
from driver import requirements

PYTEST = metadata.version("pytest")


@pytest.mark.parametrize(
    ("line", "satisfied"),
    [
        (f"pytest=={PYTEST}", True),
        (f"PyTest == {PYTEST}", True),
        ("pytest==0.0.1", False),
        ("pytest>=1,<1000", True),
        ("pytest>1000", False),
        ("pytest==0.0.1 ; python_version < '3'", True),
        (f"pytest=={PYTEST} ; python_version > '3'", True),
        ("no-such-package==1.0", False),
        ("-r other.txt", False),
        ("--find-links /wheels", False),
        ("pytest @ file:///wheels/pytest.whl", False),
        ("pytest[dev]", False),
    ],
)
def test_a_line_is_satisfied_only_when_that_is_certain(line, satisfied):
    assert requirements.is_satisfied(line) is satisfied


def test_the_folders_that_installers_leave_are_enough_for_a_pin(tmp_path, monkeypatch):
    for folder in ("Some_Project.Name-1.2+cpu.dist-info", "other-2.0.dist-info", "other-3.0.egg-info"):
        (tmp_path / folder).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    requirements._listed.cache_clear()
    try:
        assert requirements.is_satisfied("some-project_name==1.2")
        assert requirements.is_satisfied("other==2.0")
        assert not requirements.is_satisfied("other==3.0")
        assert requirements.is_satisfied(f"pytest=={PYTEST}")
    finally:
        requirements._listed.cache_clear()


def test_of_two_versions_the_one_counts_that_is_imported(tmp_path, monkeypatch):
    for place, version in (("second", "2.0"), ("first", "1.0")):
        (tmp_path / place / f"twice-{version}.dist-info").mkdir(parents=True)
        (tmp_path / place / f"twice-{version}.dist-info" / "METADATA").write_text(f"Name: twice\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path / place)
    requirements._listed.cache_clear()
    try:
        assert requirements.is_satisfied("twice==1.0")
        assert not requirements.is_satisfied("twice==2.0")
    finally:
        requirements._listed.cache_clear()


def test_a_local_version_satisfies_the_public_one():
    assert requirements._same("2.13.0+cpu", "2.13.0")
    assert not requirements._same("2.13.0+cpu", "2.13.0+cu130")


def test_comments_hashes_and_continuations_are_not_requirements():
    text = "# note\n\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb==2  # why\n"
    assert requirements.logical_lines(text) == ["a==1", "b==2"]
