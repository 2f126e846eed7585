"""What Node keeps of programs in temporary folders: it must not show in what they do."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from cli import node, stack

MAIN = """#!/usr/bin/env node
const answer = require('./lib/answer.js');
console.log(JSON.stringify({
  answer: answer.ask(), file: require('node:path').basename(__filename), main: require.main === module,
  own: new Error().stack.includes(__filename), same: require('./lib/answer.js') === answer,
  resolved: require.resolve('./lib/answer.js') in require.cache,
}));
"""
ANSWER = "exports.ask = () => module.parent.filename === require.main.filename ? 'one' : 'no';"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run(cache: Path, *, answer: str = ANSWER, arguments: str = "") -> str:
    """What the program prints, from a temporary folder of its own."""
    environment = os.environ | node.compile_cache({"XDG_CACHE_HOME": str(cache), "NODE_OPTIONS": arguments})
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "lib").mkdir()
        (Path(folder) / "main.js").write_text(MAIN)
        (Path(folder) / "lib" / "answer.js").write_text(answer)
        command = [node.program(), Path(folder) / "main.js"]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def kept(cache: Path) -> Path:
    (file,) = (cache / "slipway" / "node").glob("main.js-*")
    return file


def test_a_program_does_the_same_with_what_was_kept_and_nothing_is_compiled_again(cache: Path) -> None:
    first = run(cache)
    written = kept(cache).stat().st_ino
    assert first == '{"answer":"one","file":"main.js","main":true,"own":true,"same":true,"resolved":true}\n'
    assert run(cache) == first
    assert kept(cache).stat().st_ino == written


def test_a_script_that_has_changed_is_not_taken_for_the_old_one(cache: Path) -> None:
    run(cache)
    assert '"answer":"two"' in run(cache, answer=ANSWER.replace("one", "two"))
    assert '"answer":"one"' in run(cache)


@pytest.mark.parametrize("damage", [b"", b"\xff\xff\xff\x7f", b"\x02\0\0\0{}", b"\x09\0\0\0[[0,0,99]"])
def test_a_damaged_file_is_written_anew(cache: Path, damage: bytes) -> None:
    first = run(cache)
    kept(cache).write_bytes(damage)
    assert run(cache) == first
    assert kept(cache).stat().st_size > len(damage)


def test_where_nothing_can_be_kept_the_program_runs_all_the_same(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert '"answer":"one"' in run(cache)


def test_the_command_line_of_the_cdk_does_not_wait_for_its_compiler_twice(cache: Path) -> None:
    environment = os.environ | node.compile_cache({"XDG_CACHE_HOME": str(cache)})
    command = [node.program(), stack.CDK, "--version", "--no-notices"]
    first = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
    (file,) = (cache / "slipway" / "node").iterdir()
    written = file.stat().st_ino
    assert subprocess.run(command, env=environment, check=True, capture_output=True).stdout == first
    assert file.stat().st_ino == written


def test_two_installations_of_the_cdk_do_not_read_what_the_other_compiled(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    environment = os.environ | node.compile_cache({"XDG_CACHE_HOME": str(cache)}) | {"TMPDIR": str(tmp_path / "tmp")}
    for installation in (tmp_path / "one", tmp_path / "other"):
        installation.mkdir()
        (installation / "cdk").write_text("console.log(1)")
        subprocess.run([node.program(), installation / "cdk"], env=environment, check=True, capture_output=True)
    assert len(list((cache / "slipway" / "node").iterdir())) == 2


def test_nothing_is_kept_of_other_programs(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.js").write_text("console.log(1)")
    (tmp_path / "tmp").mkdir()
    environment = os.environ | node.compile_cache({"XDG_CACHE_HOME": str(cache)}) | {"TMPDIR": str(tmp_path / "tmp")}
    for arguments in (["--eval", "1"], [tmp_path / "elsewhere.js"]):
        subprocess.run([node.program(), *arguments], env=environment, check=True, capture_output=True)
    assert not cache.exists()


@pytest.mark.parametrize("arguments", [["--eval", "console.log(1)", "one"], ["-", "one"], ["program"]])
def test_programs_without_a_file_of_that_name_run_as_ever(cache: Path, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "program.js").write_text("console.log(1)")
    environment = os.environ | node.compile_cache({"XDG_CACHE_HOME": str(cache)})
    command = [node.program(), *arguments]
    options = {"env": environment, "cwd": tmp_path, "input": "console.log(1)", "text": True, "capture_output": True}
    assert subprocess.run(command, check=True, **options).stdout == "1\n"


def test_options_that_are_there_already_are_kept(cache: Path) -> None:
    assert node.compile_cache({"NODE_OPTIONS": "--no-warnings"})["NODE_OPTIONS"].startswith("--no-warnings --require=")
    assert '"answer":"one"' in run(cache, arguments="--no-warnings")
