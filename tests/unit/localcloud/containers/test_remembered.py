"""What an image ran with last is preloaded before it is asked for, and nothing else is."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.containers import isolation, preloading
from localcloud.containers.preloading import Preloads, _slow_modules
from localcloud.containers.remembered import Remembered, Use
from localcloud.containers.spec import ContainerSpec
from tests.support.preloading import LIMIT, PRELOADED, SLOW, container_spec, run, write
from tests.support.process_image import ProcessImage

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloaded processes need Linux")


@pytest.fixture
def remembered(tmp_path: Path):
    return Remembered(tmp_path / "cache" / "preloaded.json")


def _await_fork(preloads: Preloads, spec: ContainerSpec) -> tuple[int | None, list[str], bool]:
    """Run as soon as there is a process that somebody else began."""
    deadline = time.monotonic() + LIMIT
    while not preloads._found and time.monotonic() < deadline:
        time.sleep(0.01)
    (process,) = preloads._found.values()
    assert process.ready(LIMIT)
    return run(replace(spec, needs_imports=False))  # which does not begin one by itself


def test_what_was_used_last_is_there_for_the_next_stack_that_names_its_image(preloads, remembered, folder):
    write(folder, "script.py", "import os; print(os.getpriority(os.PRIO_PROCESS, 0), os.environ['OMP_WAIT_POLICY'])")
    spec = container_spec(folder, "python3", "/opt/ml/script.py", OMP_WAIT_POLICY="passive", SLIPWAY_SCRIPT="script.py")
    preloads.configure(1, remembered)
    assert run(spec)[1] == ["0 passive"]
    preloads.close()
    preloads.configure(1, remembered)
    preloads.expect('{"Image": "another:1"}')
    preloads.expect('{"Image": {"Fn::Join": ["", [{"Ref": "Registry"}, "/test:1"]]}}')
    assert _await_fork(preloads, spec) == (0, ["0 passive"], PRELOADED)


def test_it_takes_what_the_others_leave_until_it_is_asked_for(remembered, preloads):
    remembered.add(ProcessImage().uri, ProcessImage().python, {}, {}, slow=True)
    preloads.configure(1, remembered)
    preloads.expect("test:1")
    deadline = time.monotonic() + LIMIT
    while not preloads._found and time.monotonic() < deadline:
        time.sleep(0.01)
    (process,) = preloads._found.values()
    group = Path(f"/proc/{process._process.pid}/autogroup")
    if not group.exists():
        pytest.skip("this kernel schedules no sessions")
    assert group.read_text().endswith("nice 19\n")
    assert process.ready(LIMIT)
    assert group.read_text().endswith("nice 0\n")


def test_a_jobs_own_variables_are_kept_nowhere(preloads, remembered, folder, tmp_path):
    preloads.configure(2, remembered)
    write(folder, "script.py", "print(1)")
    assert run(container_spec(folder, "python3", "/opt/ml/script.py", WANDB_API_KEY="secret"))[2] is PRELOADED
    assert not (tmp_path / "cache").exists()
    assert run(container_spec(folder, "python3", "/opt/ml/script.py"))[2] is PRELOADED
    assert [oct(path.stat().st_mode) for path in (tmp_path / "cache").iterdir()] == ["0o100600"]


def test_nothing_is_preloaded_ahead_that_is_gone_or_not_wanted(monkeypatch, preloads, remembered, tmp_path):
    monkeypatch.setattr(preloading, "_slow_modules", _slow_modules)
    remembered.add("registry/test:1", tmp_path / "gone" / "bin" / "python", {}, {}, slow=True)
    preloads.configure(1, remembered)
    preloads._prepare("test:1")
    assert not preloads._found
    remembered.add("registry/test:1", Path(sys.executable), {}, {}, slow=True)
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: [SLOW])
    preloads.configure(0, remembered)
    preloads._prepare("test:1")
    assert not preloads._found
    (tmp_path / "cache" / "preloaded.json").write_text("[{]")
    assert remembered.named_in("test:1") == []


def test_of_each_image_the_last_use_is_remembered(remembered, tmp_path):
    for image, number in (("a/one:1", "1"), ("a/two:1", "1"), ("b/one:1", "2"), ("b/one:1", "2")):
        remembered.add(image, Path("python"), {"OMP_NUM_THREADS": number}, {}, slow=True)
    again = Remembered(tmp_path / "cache" / "preloaded.json")
    newest = Use("one:1", "python", {"OMP_NUM_THREADS": "2"}, slow=True)
    assert again.named_in("x/one:1") == [newest]
    assert again.named_in("one:1 two:1") == [newest, Use("two:1", "python", {"OMP_NUM_THREADS": "1"}, slow=True)]


def test_what_trained_last_is_there_for_a_moment_when_the_cdk_begins_to_deploy(monkeypatch, preloads, remembered):
    monkeypatch.setattr(preloading, "_GUESS_SECONDS", 2)
    remembered.add("a/older:1", Path("python"), {}, {}, slow=True)
    remembered.add("a/test:1", Path(sys.executable), {}, {}, slow=True)
    remembered.add("a/serves:1", Path(sys.executable), {}, {}, slow=False)
    preloads.configure(2, remembered)
    preloads._prepare("CdkBootstrapVersion")
    (process,) = preloads._found.values()
    deadline = time.monotonic() + LIMIT
    while preloads._found and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not preloads._found
    preloads._prepare("CdkBootstrapVersion")
    preloads._prepare("test:1")
    (process,) = preloads._found.values()
    assert time.monotonic() - process.used < preloading._IDLE_SECONDS / 2


def test_what_another_installation_used_is_of_no_use(monkeypatch, remembered, tmp_path):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(isolation, "import_root", lambda: str(tmp_path))
        remembered.add("a/trains:1", Path("python"), {}, {}, slow=True)
        assert len(remembered.newest()) == len(remembered.named_in("trains:1")) == 1
    assert remembered.newest() == remembered.named_in("trains:1") == []


def test_uses_of_one_kind_do_not_push_out_the_other(remembered):
    remembered.add("a/trains:1", Path("python"), {}, {}, slow=True)
    for number in range(20):
        remembered.add(f"a/serves:{number}", Path("python"), {}, {}, slow=False)
    assert remembered.named_in("trains:1 serves:1 serves:19") == [
        Use("trains:1", "python", {}, slow=True),
        Use("serves:19", "python", {}, slow=False),
    ]


def test_a_container_starts_where_nothing_can_be_remembered(preloads, folder, tmp_path, caplog):
    write(folder, "script.py", "print(1)")
    (tmp_path / "file").touch()
    preloads.configure(1, Remembered(tmp_path / "file" / "preloaded.json"))
    assert run(container_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["1"])
    assert "preloaded.json is not kept" in caplog.text
