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
from localcloud.containers.container import Container, ContainerStartError
from localcloud.containers.preloading import Preloads
from localcloud.containers.spec import ContainerSpec
from tests.support.preloading import ANEW, LIMIT, PRELOADED, SLOW, container_spec, run, write
from tests.support.process_image import ProcessImage

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloaded processes need Linux")

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


def _both(monkeypatch, spec: ContainerSpec) -> Iterator[tuple[int | None, list[str]]]:
    """Preloaded, then started anew."""
    code, lines, kind = run(spec)
    assert kind is PRELOADED
    yield code, lines
    with monkeypatch.context() as context:
        context.setattr(container, "PRELOADS", Preloads(limit=0))
        code, lines, kind = run(spec)
    assert kind is not PRELOADED
    yield code, lines


def test_a_script_sees_what_it_sees_in_a_new_interpreter(monkeypatch, preloads, folder):
    write(folder, "script.py", _TELL)
    (code, lines), anew = _both(
        monkeypatch, container_spec(folder, "python3", "/opt/ml/script.py", "--a", "1", GIVEN="x")
    )
    assert (code, sorted(lines)[:2]) == (0, ["at exit", "thread"])
    told, expected = (json.loads(next(line for line in found if line[0] == "{")) for found in (lines, anew[1]))
    assert told == expected
    assert told["argv"] == ["/opt/ml/script.py", "--a", "1"]


def test_it_has_imported_the_packages(preloads, folder):
    write(folder, "script.py", f"import sys; print({SLOW!r} in sys.modules)")
    assert run(container_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["True"])


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
    write(folder, "script.py", script)
    preloaded, anew = _both(monkeypatch, container_spec(folder, "python3", "/opt/ml/script.py"))
    assert preloaded == anew
    assert preloaded[0] == code


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "raise OSError('no')"])
def test_what_it_left_to_the_end_is_done_as_in_a_new_interpreter(monkeypatch, preloads, folder, end):
    write(folder, "script.py", _LEAVE_OPEN + end)
    write(folder, "helper.py", "log = open('/opt/ml/log', 'w')")
    ended = []
    for told in _both(monkeypatch, container_spec(folder, "python3", "/opt/ml/script.py")):
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
    write(folder, "script.py", _HELD_BY_PACKAGE + left)
    ended = []
    for told in _both(monkeypatch, container_spec(folder, "python3", "/opt/ml/script.py")):
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
    write(folder, "script.py", _WATCH)
    preloaded, anew = _both(monkeypatch, container_spec(folder, "python3", "/opt/ml/script.py"))
    assert (preloaded, anew) == ((0, []), (0, ["taken apart"]))


@pytest.fixture
def plain(preloads, folder):
    """Makes the process without slow packages be there for a container like this one; PYTHONPATH is its folder."""

    def spec(*argv: str, **environment: str) -> ContainerSpec:
        made = replace(container_spec(folder, *argv, PYTHONPATH="/opt/ml", **environment), needs_imports=False)
        assert run(made)[2] is ANEW
        for process in preloads._alive(slow=False).values():
            assert process.ready(LIMIT)
        return made

    return spec


@pytest.mark.parametrize("argv", [("-m", "package", "--a", "1"), ("-m", "package.module"), ("/opt/ml/script.py",)])
def test_a_program_sees_what_it_sees_in_a_new_interpreter(monkeypatch, plain, folder, argv):
    (folder / "ml" / "package").mkdir()
    for name in ("script.py", "package/__main__.py", "package/module.py"):
        write(folder, name, _TELL)
    write(folder, "package/__init__.py", "import sys; print(sys.argv)")
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
    write(folder, "module.py", text)
    write(folder, "helper.py", "log = open('/opt/ml/log', 'w')")
    ended = []
    for told in _both(monkeypatch, plain("python3", "-m", module)):
        ended.append([told, *(path.read_bytes() for path in sorted((folder / "ml").glob("[alt]*")))])
    assert ended[0] == ended[1]
    assert ended[0][0][0] == code


def test_processes_have_no_key_in_common(plain, folder):
    script = "import multiprocessing; print(multiprocessing.current_process().authkey.hex())"
    write(folder, "script.py", script)
    spec = plain("python3", "/opt/ml/script.py")
    (one, _), (two, _) = (run(spec)[1:] for _ in range(2))
    assert one != two


def test_a_process_without_slow_packages_has_read_no_settings(plain, folder):
    write(folder, "script.py", 'import os; os.environ.setdefault("OMP_NUM_THREADS", "1")')
    assert run(plain("python3", "/opt/ml/script.py")) == (0, [], PRELOADED)


def test_a_module_is_not_run_where_slow_packages_have_read_settings(monkeypatch, preloads, folder):
    write(folder, "module.py", f"import sys; print({SLOW!r} in sys.modules)")
    spec = container_spec(folder, "python3", "-m", "module", PYTHONPATH="/opt/ml")
    assert run(spec)[:2] == (0, ["False"])


def test_small_and_large_ones_do_not_take_each_others_places(preloads, plain, folder):
    write(folder, "script.py", "import os; print(os.environ.get('N'))")
    for number in "123":
        plain("python3", "/opt/ml/script.py", N=number)
    run(container_spec(folder, "python3", "/opt/ml/script.py"))
    assert (len(preloads._alive(slow=False)), len(preloads._alive(slow=True))) == (2, 1)


def test_the_script_that_a_driver_starts_is_preloaded_and_its_child(preloads, folder):
    with zipfile.ZipFile(folder / "ml" / "driver.zip", "w") as driver:
        driver.writestr("__main__.py", _START)
    tell = _TELL + f"\nprint(os.getppid() != 1, {SLOW!r} in sys.modules, flush=True)\nraise ValueError('no')"
    write(folder, "script.py", tell)
    code, lines, _ = run(container_spec(folder, "python3", "/opt/ml/driver.zip", PYTHONUNBUFFERED="1"))
    assert code == 0, chr(10).join(lines)
    told = json.loads(next(line for line in lines if line[0] == "{"))
    assert (told["argv"], told["folder"]) == (["script.py", "one", "two"], "/opt/ml")
    assert told["environment"]["ADDED"] == "by the driver"
    assert told["main"] and not told["ours"]
    assert "True True" in lines
    assert lines[-1] == 'ended 1 ["ValueError: no"] 4'.replace('"', "'")


def test_a_script_has_no_child_that_it_did_not_start(preloads, folder):
    wait = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')"
    write(folder, "script.py", wait)
    assert run(container_spec(folder, "python3", "/opt/ml/script.py"))[:2] == (0, ["none"])


def test_what_is_no_script_of_its_interpreter_starts_anew(preloads, folder):
    assert run(container_spec(folder, "sh", "-c", "echo $0"))[:2] == (0, ["sh"])
    assert run(container_spec(folder, "python3", "-c", f"import sys; print({SLOW!r} in sys.modules)"))[:2] == (
        0,
        ["False"],
    )
    code, lines, _ = run(container_spec(folder, "python3", "/opt/ml/missing.py"))
    assert (code, "No such file" in lines[0]) == (2, True)
    with pytest.raises(ContainerStartError, match="cannot start 'nothing-of-the-kind'"):
        run(container_spec(folder, "nothing-of-the-kind"))


@pytest.mark.parametrize(("environment", "preloaded"), [({}, "False"), ({"OMP_NUM_THREADS": "2"}, "True")])
def test_a_script_that_sets_what_packages_read_when_imported_starts_anew(preloads, folder, environment, preloaded):
    setting = 'import os, sys; os.environ.setdefault("OMP_NUM_THREADS", "1")'
    write(folder, "script.py", f"{setting}; print({SLOW!r} in sys.modules)")
    assert run(container_spec(folder, "python3", "/opt/ml/script.py", **environment))[:2] == (0, [preloaded])


def test_it_is_told_to_end_and_can_be_killed(preloads, folder):
    write(folder, "script.py", "import time; print('runs', flush=True); time.sleep(60)")
    for end in (lambda c: c.terminate(), lambda c: c.kill()):
        lines: list[str] = []
        started = Container(
            container_spec(folder, "python3", "/opt/ml/script.py"), on_line=lines.append, namespaces=isolation.detect()
        )
        deadline = time.monotonic() + LIMIT
        while "runs" not in lines and time.monotonic() < deadline:
            time.sleep(0.01)
        assert started.wait(0) is None
        end(started)
        assert started.wait(LIMIT) in (128 + signal.SIGTERM, 128 + signal.SIGKILL)


def test_other_variables_are_another_process_and_few_are_kept(preloads, folder):
    write(folder, "script.py", "import os; print(os.environ.get('THREADS'))")
    for number in "123":
        assert run(container_spec(folder, "python3", "/opt/ml/script.py", THREADS=number))[:2] == (0, [number])
    assert len(preloads._found) == 2
    run(container_spec(folder, "python3", "/opt/ml/script.py", THREADS="3", SAGEMAKER_BIND_TO_PORT="1"))
    assert len(preloads._found) == 2


def test_who_does_not_need_the_imports_does_not_wait_for_them(preloads, folder):
    spec = ContainerSpec(image=ProcessImage(), folder=folder, argv=("python3", "-c", "print(1)"))
    assert run(spec)[1:] == (["1"], ANEW)


def test_a_package_that_cannot_be_imported_or_forked_is_not_preloaded(monkeypatch, preloads, folder, tmp_path):
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: ["no_such_package"])
    write(folder, "script.py", "print(1)")
    for _ in range(2):
        assert run(container_spec(folder, "python3", "/opt/ml/script.py")) == (0, ["1"], ANEW)
    starts_thread = tmp_path / "starts_thread.py"
    starts_thread.write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    monkeypatch.setattr(preloading, "_slow_modules", lambda python: ["starts_thread"])
    spec = container_spec(folder, "python3", "/opt/ml/script.py", PYTHONPATH=str(tmp_path))
    assert run(spec) == (0, ["1"], ANEW)


def test_one_that_is_idle_ends_by_itself(monkeypatch, preloads, folder):
    monkeypatch.setattr(preloading, "_IDLE_SECONDS", 3)  # longer than the imports here
    write(folder, "script.py", "print(1)")
    assert run(container_spec(folder, "python3", "/opt/ml/script.py")) == (0, ["1"], PRELOADED)
    (process,) = preloads._found.values()
    deadline = time.monotonic() + LIMIT
    while preloads._found and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not preloads._found
    with preloads._lock, pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)


def test_there_is_another_when_it_was_killed(preloads, folder):
    write(folder, "script.py", "print(1)")
    spec = container_spec(folder, "python3", "/opt/ml/script.py")
    assert run(spec) == (0, ["1"], PRELOADED)
    (killed,) = preloads._found.values()
    killed._process.kill()
    killed._process.wait()
    assert run(spec) == (0, ["1"], PRELOADED)
    assert killed not in preloads._found.values()


def test_none_is_left_when_the_owner_closes(preloads, folder):
    write(folder, "script.py", "print(1)")
    run(container_spec(folder, "python3", "/opt/ml/script.py"))
    (process,) = preloads._found.values()
    preloads.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process._process.pid, 0)
    assert run(container_spec(folder, "python3", "/opt/ml/script.py"))[2] is not PRELOADED


def test_whoever_waits_for_a_process_whose_place_is_taken_starts_anew(tmp_path):
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    process = forking.Preloaded(Path(sys.executable), {"PYTHONPATH": str(tmp_path)}, ["slow"], time.monotonic)
    threading.Timer(0.3, process.close).start()
    assert not process.ready(LIMIT)
    assert not process.ready(0)
    assert not process.failed
