"""A function's process that is forked is as one that starts anew, and says so nowhere."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.functions import forking
from localcloud.functions.forking import ForkedFunctions, ForkedProcess

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="functions are forked on Linux")

_LIMIT = 30.0
_TELL = """
import json, sys
modules = sorted(sys.modules)
import atexit, gc, os, random, resource, signal, threading, warnings
print(json.dumps({
    "argv": sys.argv, "name": __name__, "file": __file__, "main": sys.modules["__main__"].__dict__ is globals(),
    "globals": sorted(globals()), "path": sys.path, "folder": os.getcwd(), "environment": dict(os.environ),
    "executable": sys.executable, "command": sys.orig_argv, "flags": str(sys.flags), "session": os.getsid(0),
    "group": os.getpgid(0), "mask": os.umask(0o22), "threads": len(os.listdir("/proc/self/task")),
    "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "files": sorted(number for number in os.listdir("/proc/self/fd") if int(number) < 100)[:-1],
    "streams": [os.readlink(f"/proc/self/fd/{number}").partition(":")[0] for number in range(3)],
    "buffered": [stream.line_buffering for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "encodings": [stream.encoding for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "collects": gc.isenabled(), "running": threading.active_count(), "main thread": threading.main_thread().name,
}))
print(json.dumps({"modules": modules, "filters": str(warnings.filters), "at exit": atexit._ncallbacks()}))
print(random.random(), os.urandom(8).hex(), os.getpid())
"""
_PACKAGES = "import boto3.session, botocore.client, botocore.handlers, botocore.httpsession, boto3.s3.inject\n"
# What takeover.py, prepared.py and template.py need besides, and a first call: all of the standard library.
_OUR_NEEDS = "import ctypes, encodings.idna, gc, runpy\n"


@pytest.fixture(scope="module")
def functions():
    made = ForkedFunctions()
    yield made
    made.close()


@pytest.fixture
def fragile():
    """For tests that end the process that functions are forked from."""
    made = ForkedFunctions()
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "function"
    (path / "code").mkdir(parents=True)
    return path


def _environment(**own: str) -> dict[str, str]:
    return {**os.environ, "AWS_REGION": "us-west-2", **own}


def _anew(argv: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment)


def _forked(functions: ForkedFunctions, folder: Path, script: str, **own: str) -> ForkedProcess | None:
    (folder / "_worker.py").write_text(script)
    return functions.start([sys.executable, str(folder / "_worker.py")], str(folder / "code"), _environment(**own))


def _both(functions: ForkedFunctions, folder: Path, script: str, **own: str) -> Iterator[tuple[str, str]]:
    """What it writes when it is forked, and when it starts anew."""
    argv = [sys.executable, str(folder / "_worker.py")]
    for process in (
        _forked(functions, folder, script, **own),
        _anew(argv, folder / "code", _environment(**own)),
    ):
        process.stdin.close()
        with process.stdout, process.stderr:
            yield process.stdout.read(), process.stderr.read()
        process.wait(_LIMIT)


def test_a_function_sees_what_it_sees_in_a_new_interpreter(functions, folder):
    (forked, errors), (anew, _) = _both(functions, folder, _TELL, GIVEN="x")
    assert not errors
    assert json.loads(forked.splitlines()[0]) == json.loads(anew.splitlines()[0])
    told = json.loads(forked.splitlines()[0])
    assert (told["environment"]["GIVEN"], told["files"], told["streams"]) == ("x", ["0", "1", "2"], ["pipe"] * 3)


def test_only_the_packages_are_there_before_it_imports_them(functions, folder):
    (forked, _), _ = _both(functions, folder, _TELL)
    _, (anew, _) = _both(functions, folder, _PACKAGES + _OUR_NEEDS + _TELL)
    told, expected = (json.loads(lines.splitlines()[1]) for lines in (forked, anew))
    assert {"boto3.session", "botocore.client"} <= set(told["modules"])
    assert set(expected["modules"]) - set(told["modules"]) == set()
    assert set(told["modules"]) - set(expected["modules"]) == set()
    assert told == expected


def test_every_one_has_chances_of_its_own(functions, folder):
    ((first, _), _), ((second, _), _) = (_both(functions, folder, _TELL) for _ in range(2))
    assert len({*first.splitlines()[2].split(), *second.splitlines()[2].split()}) == 6


@pytest.mark.parametrize(
    "script",
    [
        "import sys; sys.exit('because')",
        "def fail():\n    raise ValueError('no')\nfail()",
        "import atexit, threading; atexit.register(print, 'at exit'); threading.Timer(0.1, print, ['thread']).start()",
        "def broken(:",
        "import os; os.close(1); print('lost')",
        "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('no child')",
    ],
)
def test_it_ends_as_a_new_interpreter_does(functions, folder, script):
    forked, anew = _both(functions, folder, script)
    assert forked == anew
    assert any(forked)


def test_sessions_are_of_the_functions_own_environment(functions, folder):
    (folder / "code" / "function.py").write_text("NAME = 'function'")
    script = """
import boto3, sys
sys.path.insert(0, ".")
import function
assert boto3.DEFAULT_SESSION is None
client = boto3.client("ssm")
credentials = client._request_signer._credentials
print(function.NAME, client.meta.region_name, client.meta.endpoint_url, credentials.access_key, credentials.token)
"""
    for key in ("ONE", "TWO"):
        own = {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": f"token of {key}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": f"eu-{key.lower()}-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        }
        (forked, _), (anew, _) = _both(functions, folder, script, **own)
        assert forked == anew == f"function eu-{key.lower()}-1 http://127.0.0.1:1 {key} token of {key}\n"


def test_models_that_were_read_beforehand_are_those_of_the_files(functions, folder):
    script = """
import hashlib, json
from botocore.loaders import Loader
for _ in range(2):
    loader = Loader()
    print(loader.list_available_services("service-2") + loader.list_available_services("paginators-1"))
    for name in ("ssm", "stepfunctions", "sqs"):
        for kind in ("service-2", "endpoint-rule-set-1", "paginators-1"):
            model = loader.load_service_model(name, kind)
            print(name, kind, type(model).__name__, hashlib.sha256(json.dumps(model).encode()).hexdigest())
            model.clear()  # the next one reads its own
    print(hashlib.sha256(json.dumps(loader.load_data("endpoints")).encode()).hexdigest())
"""
    functions.expect({"ssm", "states", "no-such-service", "../..", "*"})
    (forked, errors), (anew, _) = _both(functions, folder, script)
    assert forked == anew
    assert not errors


def test_models_of_somebodys_own_are_found(functions, folder):
    models = folder / "models" / "mine" / "2020-01-01"
    models.mkdir(parents=True)
    (models / "service-2.json").write_text('{"metadata": {}}')
    script = """
from botocore.session import Session
loader = Session().get_component("data_loader")
print("mine" in loader.list_available_services("service-2"), dict(loader.load_service_model("mine", "service-2")))
"""
    (forked, _), (anew, _) = _both(functions, folder, script, AWS_DATA_PATH=str(folder / "models"))
    assert forked == anew
    assert forked.startswith("True {'metadata'")


@pytest.mark.parametrize("name", ["boto3/__init__.py", "botocore.py", "queue.py"])
def test_a_function_that_brings_what_is_imported_starts_anew(functions, folder, name):
    path = folder / "code" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("MINE = True")
    assert _forked(functions, folder, "print(1)") is None


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "OPENSSL_CONF", "TZ", "LD_LIBRARY_PATH", "HOME"])
def test_a_function_that_sets_what_was_read_already_starts_anew(functions, folder, name):
    assert _forked(functions, folder, "print(1)", **{name: "1"}) is None
    assert _forked(functions, folder, "print(1)", AWS_REGION="eu-west-1") is not None


def test_an_environment_that_is_too_large_starts_anew(functions, folder):
    assert _forked(functions, folder, "print(1)", LARGE="x" * forking.LARGEST_REQUEST) is None


def test_it_can_be_ended_and_tells_that_it_has(functions, folder):
    for end in (lambda process: process.terminate(), lambda process: process.kill()):
        process = _forked(functions, folder, "import time; print('runs', flush=True); time.sleep(60)")
        assert process.stdout.readline() == "runs\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        end(process)
        assert process.wait(_LIMIT) is not None
        end(process)  # a second time, when there is nothing to end
        assert process.poll() is not None
        assert not Path(f"/proc/{process.pid}").exists() or "Z" not in Path(f"/proc/{process.pid}/stat").read_text()


def test_when_the_template_was_killed_the_next_function_has_another(fragile, folder):
    assert _forked(fragile, folder, "print(1)").stdout.read() == "1\n"
    fragile._template._process.kill()
    assert _forked(fragile, folder, "print(1)") is None
    assert _forked(fragile, folder, "print(1)").stdout.read() == "1\n"


def test_where_none_can_be_started_all_functions_start_anew(monkeypatch, fragile, folder):
    monkeypatch.setattr(forking, "_SERVE", "import no_such_package")
    fragile.expect({"ssm"})
    assert _forked(fragile, folder, "print(1)") is None
    monkeypatch.undo()
    assert _forked(fragile, folder, "print(1)") is None


def test_where_the_system_refuses_what_it_takes_nothing_is_forked(monkeypatch, fragile, folder):
    refused = "import os; os.pidfd_open = lambda pid: os.open('/proc/1/nothing', os.O_RDONLY); "
    monkeypatch.setattr(forking, "_SERVE", refused + forking._SERVE)
    assert _forked(fragile, folder, "open('ran', 'w')") is None
    monkeypatch.undo()
    assert _forked(fragile, folder, "print(1)") is None
    assert not (folder / "code" / "ran").exists()


def test_nothing_is_left_when_the_owner_is_killed(folder):
    (folder / "_worker.py").write_text("import os, sys; print(os.getpid(), os.getppid(), flush=True); sys.stdin.read()")
    owner = f"""
import os, time
from localcloud.functions.forking import ForkedFunctions
functions = ForkedFunctions()
process = functions.start([{sys.executable!r}, {str(folder / "_worker.py")!r}], {str(folder)!r}, dict(os.environ))
print(process.stdout.readline(), end="", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    deadline = time.monotonic() + _LIMIT
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [pid for pid in pids if _runs(pid)] == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGCONT)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
