import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud.images import environments, interpreters
from localcloud.images.environments import Environment
from localcloud.images.errors import EnvironmentBuildFailed


@pytest.fixture
def empty(root: Path) -> Environment:
    return Environment(root, interpreters.running())


def version(environment: Environment, module: str) -> str:
    command = [environment.python, "-c", f"import {module}; print({module}.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_requirements_are_installed_and_compiled(empty: Environment) -> None:
    built = empty.with_requirements(["greeting==1.0"], source="requirements.txt")
    assert version(built, "greeting") == "1.0"
    [module] = built.folder.glob("lib/*/site-packages/greeting.py")
    assert list((module.parent / "__pycache__").glob("greeting.*.pyc"))


def test_programs_work_where_the_environment_ends_up(empty: Environment) -> None:
    built = empty.with_requirements(["greeting==1.0"], source="requirements.txt")
    done = subprocess.run([built.scripts / "greeting"], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0\n"


def test_the_same_requirements_are_built_once(empty: Environment) -> None:
    one = empty.with_requirements(["greeting==1.0", "farewell"], source="one.txt")
    made = one.folder.stat().st_ino
    other = empty.with_requirements(["farewell", "greeting==1.0"], source="other.txt")
    assert other.folder == one.folder
    assert other.folder.stat().st_ino == made


def test_a_layer_holds_what_is_below_and_leaves_it_alone(empty: Environment) -> None:
    below = empty.with_requirements(["greeting==1.0"], source="base.txt")
    above = below.with_requirements(["greeting==2.0", "farewell"], source="requirements.txt")
    assert (version(above, "greeting"), version(above, "farewell")) == ("2.0", "1.0")
    assert version(below, "greeting") == "1.0"
    assert not list(below.folder.glob("lib/*/site-packages/farewell.py"))
    described = json.loads((above.folder / "slipway-environment.json").read_text())
    assert described["layers"] == [["greeting==1.0"], ["farewell", "greeting==2.0"]]


def test_a_requirement_that_is_satisfied_below_stays_as_it_is(empty: Environment) -> None:
    below = empty.with_requirements(["greeting==1.0"], source="base.txt")
    assert version(below.with_requirements(["greeting"], source="requirements.txt"), "greeting") == "1.0"


def test_no_requirements_is_the_same_environment(empty: Environment) -> None:
    built = environments.build(empty)
    assert built.with_requirements([], source="requirements.txt") == built


def test_a_failure_gives_uvs_words_and_the_file_and_leaves_nothing(empty: Environment, root: Path) -> None:
    with pytest.raises(EnvironmentBuildFailed, match=r"(?s)my-requirements\.txt: .*no-such-package"):
        empty.with_requirements(["no-such-package==9"], source="my-requirements.txt")
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [empty.folder.name]


def test_what_a_killed_build_left_behind_is_replaced(empty: Environment) -> None:
    wanted = Environment(empty.root, empty.interpreter, (("greeting==1.0",),))
    partial = wanted.folder.with_suffix(".partial")
    (partial / "bin").mkdir(parents=True)
    (partial / "bin/python").write_text("half of it")
    assert version(environments.build(wanted), "greeting") == "1.0"
    assert not partial.exists()


def test_several_processes_that_need_the_same_environment_build_it_once(empty: Environment) -> None:
    program = (
        "import sys; from pathlib import Path; from localcloud.images import environments, interpreters\n"
        "empty = environments.Environment(Path(sys.argv[1]), interpreters.running())\n"
        "print(empty.with_requirements(['greeting==1.0'], source='x').python)"
    )
    command = [sys.executable, "-c", program, str(empty.root)]

    def build(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd()).stdout.strip()

    with ThreadPoolExecutor() as pool:
        built = set(pool.map(build, range(3)))
    assert len(built) == 1
    wanted = Environment(empty.root, empty.interpreter, (("greeting==1.0",),))
    assert wanted.folder.with_suffix(".log").read_text().count("+ greeting==1.0") == 1


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environments.default_root() == tmp_path / "slipway/environments"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert environments.default_root() == tmp_path / "home/.cache/slipway/environments"
