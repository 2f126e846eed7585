"""A container whose environment is preloaded runs as one that starts anew, and says so nowhere."""

import io
import json
import os
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.containers import container, forking, isolation, preloading
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.container import Container, ContainerStartError
from localcloud.containers.preloading import Preloads, _slow_modules
from localcloud.containers.remembered import Remembered, Use
from localcloud.containers.spec import ContainerSpec
from tests.support.process_image import ProcessImage

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloaded processes need Linux")

_LIMIT = 30.0
PRELOADED, ANEW = True, False
_SLOW = "xml.dom.minidom"  # what these tests preload: no program below needs it
_TELL = """
import atexit, json, os, random, signal, sys, threading
atexit.register(lambda: print("at exit", flush=True))
threading.Timer(0.3, lambda: print("thread", flush=True)).start()  # it ends after the script's last line
print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": __file__, "main": sys.modules["__main__"].__dict__ is globals(),
    "path": sys.path[0], "folder": os.getcwd(), "environment": dict(os.environ), "executable": sys.executable,
    "ours": [name for name in sys.modules if name.startswith("localcloud")],
    "signals": [str(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)],
    "int": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "files": sorted(n for n in os.listdir("/proc/self/fd") if int(n) < 100)[:-1],
    "stdin": os.readlink("/proc/self/fd/0"), "original": sys.orig_argv, "package": __package__,
    "spec": __spec__ and __spec__.name, "loader": type(__loader__).__name__, "annotations": __annotations__,
}), flush=True)
"""
_START = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-u", "script.py", "one", "two"], cwd="/opt/ml",
                         env={**os.environ, "ADDED": "by the driver"}, stderr=subprocess.PIPE)
text = child.stderr.read().decode()
print("ended", child.wait(), text.splitlines()[-1:], len(text.splitlines()), flush=True)
"""
# What is left to the interpreter's end, in every place where it may lie. ZipFile's end needs what it imported.
_LEAVE_OPEN = """
import atexit, ctypes, helper, threading, zipfile
text = open("/opt/ml/text", "w")
text.write("model\\n")
archive = zipfile.ZipFile("/opt/ml/archive", "w")
archive.writestr(zipfile.ZipInfo("one"), "1")
class Last:
    def __del__(self):
        print("deleted")
last = Last()
def late():
    print("thread")
    helper.log.write("of a thread\\n")
atexit.register(print, "at exit")
threading.Timer(0.2, late).start()
libc = ctypes.CDLL(None)
libc.printf(b"of C\\n")
libc.strdup.restype = ctypes.c_void_p
libc.__cxa_atexit(libc.puts, ctypes.c_void_p(libc.strdup(b"exit of C")), None)
print("last line")
"""


@pytest.fixture
def preloads(monkeypatch):
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: [_SLOW])
    made = Preloads(limit=2)
    monkeypatch.setattr(container, "PRELOADS", made)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path):
    path = tmp_path / "container"
    (path / "ml").mkdir(parents=True)
    yield path
    remove_folder(path)


def _spec(folder: Path, *argv: str, **environment: str) -> ContainerSpec:
    return ContainerSpec(image=ProcessImage(), folder=folder, argv=argv, environment=environment, needs_imports=True)


def _write(folder: Path, name: str, text: str) -> None:
    (folder / "ml" / name).write_text(text)


def _run(spec: ContainerSpec) -> tuple[int | None, list[str], bool]:
    lines: list[str] = []
    started = Container(spec, on_line=lines.append, namespaces=isolation.detect())
    code = started.wait(_LIMIT)
    if code is None:
        started.kill()
    preloaded = started._process.origin is not forking.STARTER._process
    return code, [line for line in lines if line != isolation.WITHOUT_NAMESPACES], preloaded


def _both(monkeypatch, spec: ContainerSpec) -> Iterator[tuple[int | None, list[str]]]:
    """Preloaded, then started anew."""
    code, lines, kind = _run(spec)
    assert kind is PRELOADED
    yield code, lines
    with monkeypatch.context() as context:
        context.setattr(container, "PRELOADS", Preloads(limit=0))
        code, lines, kind = _run(spec)
    assert kind is not PRELOADED
    yield code, lines


def test_a_script_sees_what_it_sees_in_a_new_interpreter(monkeypatch, preloads, folder):
    _write(folder, "script.py", _TELL)
    (code, lines), anew = _both(monkeypatch, _spec(folder, "python3", "/opt/ml/script.py", "--a", "1", GIVEN="x"))
    assert (code, sorted(lines)[:2]) == (0, ["at exit", "thread"])
    told, expected = (json.loads(next(line for line in found if line[0] == "{")) for found in (lines, anew[1]))
    assert told == expected
    assert told["argv"] == ["/opt/ml/script.py", "--a", "1"]


def test_it_has_imported_the_packages(preloads, folder):
    _write(folder, "script.py", f"import sys; print({_SLOW!r} in sys.modules)")
    assert _run(_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["True"])


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('because')", 1),
        ("raise ValueError('no')", 1),
        ("raise OSError('no')", 1),
        ("raise KeyboardInterrupt", 130),
        ("import sys; sys.excepthook = lambda *_: print(_[2].tb_lineno, _[2].tb_next); raise ValueError", 1),
        ("import os; os.close(1); print('lost')", 120),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
        ("def broken(:", 1),
    ],
)
def test_it_ends_as_a_new_interpreter_does(monkeypatch, preloads, folder, script, code):
    _write(folder, "script.py", script)
    preloaded, anew = _both(monkeypatch, _spec(folder, "python3", "/opt/ml/script.py"))
    assert preloaded == anew
    assert preloaded[0] == code


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "raise OSError('no')"])
def test_what_it_left_to_the_end_is_done_as_in_a_new_interpreter(monkeypatch, preloads, folder, end):
    _write(folder, "script.py", _LEAVE_OPEN + end)
    _write(folder, "helper.py", "log = open('/opt/ml/log', 'w')")
    ended = []
    for told in _both(monkeypatch, _spec(folder, "python3", "/opt/ml/script.py")):
        ended.append([*told, *((folder / "ml" / name).read_bytes() for name in ("text", "log", "archive"))])
    assert ended[0] == ended[1]
    (_, lines, text, log, archive), seen = ended[0], {"last line", "thread", "at exit", "deleted", "of C", "exit of C"}
    assert seen <= set(lines)
    assert (text, log) == (b"model\n", b"of a thread\n")
    assert zipfile.ZipFile(io.BytesIO(archive)).read("one") == b"1"


# What is left to the interpreter's end by a package that was imported before the fork.
_HELD_BY_PACKAGE = """
import atexit, xml.dom.minidom as package
def generate():
    try:
        yield
    finally:
        print("finished")
class Held:
    def __del__(self):
        print("deleted")
"""


@pytest.mark.parametrize(
    "left",
    [
        'package.text = open("/opt/ml/text", "w"); package.text.write("held")',
        "package.Node.held = [Held()]",
        "package._generator = generate(); next(package._generator)",
        "atexit.register(lambda: print(__import__('xml.dom.minidom').dom.minidom.Node.__name__))",
        "atexit._run_exitfuncs(); import xml.dom.minidom; print(xml.dom.minidom.Node.__name__)",
        "import sys; sys.modules['xml.dom.minidom'] = Held(); del package",
        "import sys; sys.modules.clear()",
        "package.Node.held = Held(); raise ValueError('no')",
    ],
)
def test_what_a_package_still_holds_at_the_end_is_done_as_in_a_new_interpreter(monkeypatch, preloads, folder, left):
    _write(folder, "script.py", _HELD_BY_PACKAGE + left)
    ended = []
    for told in _both(monkeypatch, _spec(folder, "python3", "/opt/ml/script.py")):
        ended.append([told, *(path.read_text() for path in (folder / "ml").glob("text"))])
    assert ended[0] == ended[1]
    assert len(ended[0][0][1] + ended[0][1:]) >= (left != "import sys; sys.modules.clear()")


_WATCH = """
import ctypes, os, weakref, xml.dom.minidom as package
package.watched = type("Watched", (), {})()
watching = weakref.ref(package.watched, lambda _, write=os.write: write(1, b"taken apart"))
ctypes.pythonapi.Py_IncRef(ctypes.py_object(watching))  # or it would be gone before
"""


def test_packages_are_not_taken_apart_for_nothing(monkeypatch, preloads, folder):
    _write(folder, "script.py", _WATCH)
    preloaded, anew = _both(monkeypatch, _spec(folder, "python3", "/opt/ml/script.py"))
    assert (preloaded, anew) == ((0, []), (0, ["taken apart"]))


@pytest.fixture
def plain(preloads, folder):
    """Makes the process without slow packages be there for a container like this one; PYTHONPATH is its folder."""

    def spec(*argv: str, **environment: str) -> ContainerSpec:
        made = replace(_spec(folder, *argv, PYTHONPATH="/opt/ml", **environment), needs_imports=False)
        assert _run(made)[2] is ANEW
        for process in preloads._alive(slow=False).values():
            assert process.ready(_LIMIT)
        return made

    return spec


@pytest.mark.parametrize("argv", [("-m", "package", "--a", "1"), ("-m", "package.module"), ("/opt/ml/script.py",)])
def test_a_program_sees_what_it_sees_in_a_new_interpreter(monkeypatch, plain, folder, argv):
    (folder / "ml" / "package").mkdir()
    for name in ("script.py", "package/__main__.py", "package/module.py"):
        _write(folder, name, _TELL)
    _write(folder, "package/__init__.py", "import sys; print(sys.argv)")
    told = []
    for code, lines in _both(monkeypatch, plain("python3", *argv, GIVEN="x")):
        document = next(line for line in lines if line[0] == "{")
        told.append((code, sorted({*lines} - {document}), json.loads(document)))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("module", "text", "code"),
    [
        ("module", "import sys; sys.exit(3)", 3),
        ("module", "raise ValueError('no')", 1),
        ("module", "raise KeyboardInterrupt", 130),
        ("module", "import logging; print(logging.LogRecord(*'n' * 7).relativeCreated < 1000)", 0),
        ("module", _LEAVE_OPEN, 0),
        ("missing", "", 1),
        ("module", "def broken(:", 1),
    ],
)
def test_a_module_ends_as_in_a_new_interpreter(monkeypatch, plain, folder, module, text, code):
    _write(folder, "module.py", text)
    _write(folder, "helper.py", "log = open('/opt/ml/log', 'w')")
    ended = []
    for told in _both(monkeypatch, plain("python3", "-m", module)):
        ended.append([told, *(path.read_bytes() for path in sorted((folder / "ml").glob("[alt]*")))])
    assert ended[0] == ended[1]
    assert ended[0][0][0] == code


def test_processes_have_no_key_in_common(plain, folder):
    script = "import multiprocessing; print(multiprocessing.current_process().authkey.hex())"
    _write(folder, "script.py", script)
    spec = plain("python3", "/opt/ml/script.py")
    (one, _), (two, _) = (_run(spec)[1:] for _ in range(2))
    assert one != two


def test_a_process_without_slow_packages_has_read_no_settings(plain, folder):
    _write(folder, "script.py", 'import os; os.environ.setdefault("OMP_NUM_THREADS", "1")')
    assert _run(plain("python3", "/opt/ml/script.py")) == (0, [], PRELOADED)


def test_a_module_is_not_run_where_slow_packages_have_read_settings(monkeypatch, preloads, folder):
    _write(folder, "module.py", f"import sys; print({_SLOW!r} in sys.modules)")
    spec = _spec(folder, "python3", "-m", "module", PYTHONPATH="/opt/ml")
    assert _run(spec)[:2] == (0, ["False"])


def test_small_and_large_ones_do_not_take_each_others_places(preloads, plain, folder):
    _write(folder, "script.py", "import os; print(os.environ.get('N'))")
    for number in "123":
        plain("python3", "/opt/ml/script.py", N=number)
    _run(_spec(folder, "python3", "/opt/ml/script.py"))
    assert (len(preloads._alive(slow=False)), len(preloads._alive(slow=True))) == (2, 1)


def test_the_script_that_a_driver_starts_is_preloaded_and_its_child(preloads, folder):
    with zipfile.ZipFile(folder / "ml" / "driver.zip", "w") as driver:
        driver.writestr("__main__.py", _START)
    tell = _TELL + f"\nprint(os.getppid() != 1, {_SLOW!r} in sys.modules, flush=True)\nraise ValueError('no')"
    _write(folder, "script.py", tell)
    code, lines, _ = _run(_spec(folder, "python3", "/opt/ml/driver.zip", PYTHONUNBUFFERED="1"))
    assert code == 0, chr(10).join(lines)
    told = json.loads(next(line for line in lines if line[0] == "{"))
    assert (told["argv"], told["folder"]) == (["script.py", "one", "two"], "/opt/ml")
    assert told["environment"]["ADDED"] == "by the driver"
    assert told["main"] and not told["ours"]
    assert "True True" in lines
    assert lines[-1] == 'ended 1 ["ValueError: no"] 4'.replace('"', "'")


def test_a_script_has_no_child_that_it_did_not_start(preloads, folder):
    wait = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')"
    _write(folder, "script.py", wait)
    assert _run(_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["none"])


def test_what_is_no_script_of_its_interpreter_starts_anew(preloads, folder):
    assert _run(_spec(folder, "sh", "-c", "echo $0"))[:2] == (0, ["sh"])
    assert _run(_spec(folder, "python3", "-c", f"import sys; print({_SLOW!r} in sys.modules)"))[:2] == (0, ["False"])
    code, lines, _ = _run(_spec(folder, "python3", "/opt/ml/missing.py"))
    assert (code, "No such file" in lines[0]) == (2, True)
    with pytest.raises(ContainerStartError, match="cannot start 'nothing-of-the-kind'"):
        _run(_spec(folder, "nothing-of-the-kind"))


@pytest.mark.parametrize(("environment", "preloaded"), [({}, "False"), ({"OMP_NUM_THREADS": "2"}, "True")])
def test_a_script_that_sets_what_packages_read_when_imported_starts_anew(preloads, folder, environment, preloaded):
    setting = 'import os, sys; os.environ.setdefault("OMP_NUM_THREADS", "1")'
    _write(folder, "script.py", f"{setting}; print({_SLOW!r} in sys.modules)")
    assert _run(_spec(folder, "python3", "/opt/ml/script.py", **environment))[:2] == (0, [preloaded])


def test_it_is_told_to_end_and_can_be_killed(preloads, folder):
    _write(folder, "script.py", "import time; print('runs', flush=True); time.sleep(60)")
    for end in (lambda c: c.terminate(), lambda c: c.kill()):
        lines: list[str] = []
        started = Container(
            _spec(folder, "python3", "/opt/ml/script.py"), on_line=lines.append, namespaces=isolation.detect()
        )
        deadline = time.monotonic() + _LIMIT
        while "runs" not in lines and time.monotonic() < deadline:
            time.sleep(0.01)
        assert started.wait(0) is None
        end(started)
        assert started.wait(_LIMIT) in (128 + signal.SIGTERM, 128 + signal.SIGKILL)


def test_other_variables_are_another_process_and_few_are_kept(preloads, folder):
    _write(folder, "script.py", "import os; print(os.environ.get('THREADS'))")
    for number in "123":
        assert _run(_spec(folder, "python3", "/opt/ml/script.py", THREADS=number))[:2] == (0, [number])
    assert len(preloads._found) == 2
    _run(_spec(folder, "python3", "/opt/ml/script.py", THREADS="3", SAGEMAKER_BIND_TO_PORT="1"))
    assert len(preloads._found) == 2


def test_who_does_not_need_the_imports_does_not_wait_for_them(preloads, folder):
    spec = ContainerSpec(image=ProcessImage(), folder=folder, argv=("python3", "-c", "print(1)"))
    assert _run(spec)[1:] == (["1"], ANEW)


def test_a_package_that_cannot_be_imported_or_forked_is_not_preloaded(monkeypatch, preloads, folder, tmp_path):
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: ["no_such_package"])
    _write(folder, "script.py", "print(1)")
    for _ in range(2):
        assert _run(_spec(folder, "python3", "/opt/ml/script.py")) == (0, ["1"], ANEW)
    starts_thread = tmp_path / "starts_thread.py"
    starts_thread.write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: ["starts_thread"])
    spec = _spec(folder, "python3", "/opt/ml/script.py", PYTHONPATH=str(tmp_path))
    assert _run(spec) == (0, ["1"], ANEW)


def test_one_that_is_idle_ends_by_itself(monkeypatch, preloads, folder):
    monkeypatch.setattr(preloading, "_IDLE_SECONDS", 3)  # longer than the imports here
    _write(folder, "script.py", "print(1)")
    assert _run(_spec(folder, "python3", "/opt/ml/script.py")) == (0, ["1"], PRELOADED)
    (process,) = preloads._found.values()
    deadline = time.monotonic() + _LIMIT
    while preloads._found and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not preloads._found
    with preloads._lock, pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)


@pytest.fixture
def remembered(tmp_path: Path):
    return Remembered(tmp_path / "cache" / "preloaded.json")


def _await_fork(preloads: Preloads, spec: ContainerSpec) -> tuple[int | None, list[str], bool]:
    """Run as soon as there is a process that somebody else began."""
    deadline = time.monotonic() + _LIMIT
    while not preloads._found and time.monotonic() < deadline:
        time.sleep(0.01)
    (process,) = preloads._found.values()
    assert process.ready(_LIMIT)
    return _run(replace(spec, needs_imports=False))  # which does not begin one by itself


def test_what_was_used_last_is_there_for_the_next_stack_that_names_its_image(preloads, remembered, folder):
    _write(folder, "script.py", "import os; print(os.getpriority(os.PRIO_PROCESS, 0), os.environ['OMP_WAIT_POLICY'])")
    spec = _spec(folder, "python3", "/opt/ml/script.py", OMP_WAIT_POLICY="passive", SLIPWAY_SCRIPT="script.py")
    preloads.configure(1, remembered)
    assert _run(spec)[1] == ["0 passive"]
    preloads.close()
    preloads.configure(1, remembered)
    preloads.expect('{"Image": "another:1"}')
    preloads.expect('{"Image": {"Fn::Join": ["", [{"Ref": "Registry"}, "/test:1"]]}}')
    assert _await_fork(preloads, spec) == (0, ["0 passive"], PRELOADED)


def test_it_takes_what_the_others_leave_until_it_is_asked_for(remembered, preloads):
    remembered.add(ProcessImage().uri, ProcessImage().python, {}, {}, slow=True)
    preloads.configure(1, remembered)
    preloads.expect("test:1")
    deadline = time.monotonic() + _LIMIT
    while not preloads._found and time.monotonic() < deadline:
        time.sleep(0.01)
    (process,) = preloads._found.values()
    group = Path(f"/proc/{process._process.pid}/autogroup")
    if not group.exists():
        pytest.skip("this kernel schedules no sessions")
    assert group.read_text().endswith("nice 19\n")
    assert process.ready(_LIMIT)
    assert group.read_text().endswith("nice 0\n")


def test_a_jobs_own_variables_are_kept_nowhere(preloads, remembered, folder, tmp_path):
    preloads.configure(2, remembered)
    _write(folder, "script.py", "print(1)")
    assert _run(_spec(folder, "python3", "/opt/ml/script.py", WANDB_API_KEY="secret"))[2] is PRELOADED
    assert not (tmp_path / "cache").exists()
    assert _run(_spec(folder, "python3", "/opt/ml/script.py"))[2] is PRELOADED
    assert [oct(path.stat().st_mode) for path in (tmp_path / "cache").iterdir()] == ["0o100600"]


def test_nothing_is_preloaded_ahead_that_is_gone_or_not_wanted(monkeypatch, preloads, remembered, tmp_path):
    monkeypatch.setattr(preloading, "_slow_modules", _slow_modules)
    remembered.add("registry/test:1", tmp_path / "gone" / "bin" / "python", {}, {}, slow=True)
    preloads.configure(1, remembered)
    preloads._prepare("test:1")
    assert not preloads._found
    remembered.add("registry/test:1", Path(sys.executable), {}, {}, slow=True)
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: [_SLOW])
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
    deadline = time.monotonic() + _LIMIT
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


def test_there_is_another_when_it_was_killed(preloads, folder):
    _write(folder, "script.py", "print(1)")
    spec = _spec(folder, "python3", "/opt/ml/script.py")
    assert _run(spec) == (0, ["1"], PRELOADED)
    (killed,) = preloads._found.values()
    killed._process.kill()
    killed._process.wait()
    assert _run(spec) == (0, ["1"], PRELOADED)
    assert killed not in preloads._found.values()


def test_none_is_left_when_the_owner_closes(preloads, folder):
    _write(folder, "script.py", "print(1)")
    _run(_spec(folder, "python3", "/opt/ml/script.py"))
    (process,) = preloads._found.values()
    preloads.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)
    assert _run(_spec(folder, "python3", "/opt/ml/script.py"))[2] is not PRELOADED


def test_a_container_starts_where_nothing_can_be_remembered(preloads, folder, tmp_path, caplog):
    _write(folder, "script.py", "print(1)")
    (tmp_path / "file").touch()
    preloads.configure(1, Remembered(tmp_path / "file" / "preloaded.json"))
    assert _run(_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["1"])
    assert "preloaded.json is not kept" in caplog.text


def test_whoever_waits_for_a_process_whose_place_is_taken_starts_anew(tmp_path):
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    process = forking.Preloaded(Path(sys.executable), {"PYTHONPATH": str(tmp_path)}, ["slow"], time.monotonic)
    threading.Timer(0.3, process.close).start()
    assert not process.ready(_LIMIT)
    assert not process.ready(0)
    assert not process.failed
