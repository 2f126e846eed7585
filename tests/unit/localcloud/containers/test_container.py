"""A container sees its own /opt/ml and its image's files, leaks nothing, and dies with its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud.containers import forking, isolation
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.container import Container, ContainerStartError
from localcloud.containers.spec import ContainerSpec
from tests.support.process_image import ProcessImage

_LIMIT = 30.0


def _modes() -> list[str | None]:
    working = [mode for mode in ("root", "user") if sys.platform == "linux" and isolation._works(mode)]
    return [*working, None]


MODES = _modes()
WITH_NAMESPACES = [mode for mode in MODES if mode is not None] or [
    pytest.param(None, marks=pytest.mark.skip(reason="this machine forbids mount namespaces"))
]


def _spec(folder: Path, *argv: str, image: ProcessImage | None = None, **members: object) -> ContainerSpec:
    return ContainerSpec(image=image or ProcessImage(), folder=folder, argv=argv, **members)


def _run(spec: ContainerSpec, mode: str | None) -> tuple[int | None, list[str]]:
    lines: list[str] = []
    container = Container(spec, on_line=lines.append, namespaces=mode)
    code = container.wait(_LIMIT)
    if code is None:
        container.kill()
    return code, [line for line in lines if line != isolation.WITHOUT_NAMESPACES]


@pytest.fixture
def folder(tmp_path: Path):
    path = tmp_path / "container"
    path.mkdir()
    yield path
    remove_folder(path)


@pytest.mark.parametrize("mode", MODES)
def test_opt_ml_is_the_containers_own_folder(folder: Path, mode: str | None) -> None:
    (folder / "ml/input").mkdir(parents=True)
    (folder / "ml/input/data.txt").write_text("given")

    code, lines = _run(
        _spec(folder, "sh", "-c", "cat /opt/ml/input/data.txt; echo; echo made > /opt/ml/made.txt"), mode
    )

    assert (code, lines) == (0, ["given"])
    assert (folder / "ml/made.txt").read_text() == "made\n"
    assert not Path("/opt/ml/made.txt").exists()


@pytest.mark.parametrize("mode", WITH_NAMESPACES)
def test_files_appear_at_destinations_that_the_host_lacks_and_the_host_keeps_no_trace(folder: Path, mode: str) -> None:
    source = folder / "source"
    source.mkdir()
    (source / "module.py").write_text("print('from the image')")
    (folder / "one.txt").write_text("one")
    image = ProcessImage(
        files=((source, "/opt/slipway/server"), (source, "/slipway-app/deep"), (folder / "one.txt", "/opt/one.txt")),
        workdir="/slipway-app/deep",
    )
    script = (
        "pwd; python module.py; python /opt/slipway/server/module.py; cat /opt/one.txt; echo x > /opt/slipway/server/y"
    )

    code, lines = _run(_spec(folder, "sh", "-c", script, image=image), mode)

    assert (code, lines) == (0, ["/slipway-app/deep", "from the image", "from the image", "one"])
    assert sorted(path.name for path in source.iterdir()) == ["module.py"], "a container may not change its image"
    assert not Path("/slipway-app").exists()
    assert not Path("/opt/slipway").exists()
    assert not Path("/opt/one.txt").exists()


@pytest.mark.parametrize("mode", WITH_NAMESPACES)
def test_what_a_container_installs_into_its_environment_stays_its_own(folder: Path, mode: str) -> None:
    environment = folder / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (environment / "bin/python").symlink_to(Path(sys.executable).resolve())
    image = ProcessImage(python=environment / "bin/python", path_entries=(environment / "bin",))

    script = f"touch {environment}/new && rm {environment}/pyvenv.cfg && ls {environment}"
    code, lines = _run(_spec(folder, "sh", "-c", script, image=image), mode)

    assert (code, lines) == (0, ["bin", "new"])
    assert sorted(path.name for path in environment.iterdir()) == ["bin", "pyvenv.cfg"]


@pytest.mark.parametrize("mode", WITH_NAMESPACES)
def test_the_shared_temporary_folder_is_replaced(folder: Path, mode: str) -> None:
    name = f"slipway-{folder.parent.name}"
    code, lines = _run(_spec(folder, "sh", "-c", f"echo private > /tmp/{name}; cat /tmp/{name}"), mode)
    assert (code, lines) == (0, ["private"])
    assert not Path("/tmp", name).exists()  # noqa: S108


@pytest.mark.parametrize("mode", WITH_NAMESPACES)
def test_host_names_resolve_to_their_addresses(folder: Path, mode: str) -> None:
    script = (
        "import socket; print(socket.gethostname(), socket.gethostbyname('algo-1'), socket.gethostbyname('algo-2'))"
    )
    spec = _spec(
        folder, "python", "-c", script, hostname="algo-1", hosts={"algo-1": "127.1.9.1", "algo-2": "127.1.9.2"}
    )
    assert _run(spec, mode) == (0, ["algo-1 127.1.9.1 127.1.9.2"])


def test_paths_are_mapped_where_namespaces_are_forbidden(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    (source / "module.py").write_text("print('mapped')")
    image = ProcessImage(files=((source, "/opt/slipway/server"),), environment={"MODEL": "/opt/ml/model"})
    script = "python /opt/slipway/server/module.py; echo $MODEL $SLIPWAY_ML_ROOT s3://bucket/opt/ml /opt/mlx"

    code, lines = _run(_spec(folder, "sh", "-c", script, image=image), None)

    assert code == 0
    assert lines == ["mapped", f"{folder}/ml/model {folder}/ml s3://bucket/opt/ml /opt/mlx"]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_the_hosts_environment_leaks(
    folder: Path, mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the host")
    spec = _spec(folder, "python3", "-c", "import os; print(sorted(os.environ))", environment={"ASKED": "yes"})
    code, lines = _run(spec, mode)
    mapped = ["SLIPWAY_ML_ROOT"] if mode is None else []
    assert code == 0
    assert lines == [str(sorted(["ASKED", "HOME", "LANG", "PATH", *mapped]))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("script", "expected"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_exit_code_is_the_programs_own(folder: Path, mode: str | None, script: str, expected: int) -> None:
    assert _run(_spec(folder, "sh", "-c", script), mode)[0] == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_program_that_is_not_there_is_named(folder: Path, mode: str | None) -> None:
    with pytest.raises(ContainerStartError, match="no-such-program"):
        Container(_spec(folder, "no-such-program"), on_line=lambda _: None, namespaces=mode)


@pytest.mark.parametrize("mode", MODES)
def test_output_is_delivered_whole_before_the_exit_is(folder: Path, mode: str | None) -> None:
    code, lines = _run(_spec(folder, "sh", "-c", "seq 5000; printf tail; echo err >&2; printf end"), mode)
    assert code == 0
    assert lines == [*map(str, range(1, 5001)), "tailerr", "end"]


@pytest.mark.parametrize("mode", MODES)
def test_stop_sends_sigterm_first_and_the_program_may_save_its_work(folder: Path, mode: str | None) -> None:
    script = "trap 'echo saved; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    lines: list[str] = []
    container = Container(_spec(folder, "sh", "-c", script), on_line=lines.append, namespaces=mode)
    _until(lambda: "ready" in lines)
    assert container.stop(_LIMIT) == 5
    assert lines[-1] == "saved"


@pytest.mark.parametrize("mode", MODES)
def test_a_program_that_ignores_sigterm_is_ended_with_all_its_children(folder: Path, mode: str | None) -> None:
    lines: list[str] = []
    script = f"trap '' TERM; sleep {_mark()} & echo ready; wait; while :; do sleep 0.05; done"
    container = Container(_spec(folder, "sh", "-c", script), on_line=lines.append, namespaces=mode)
    _until(lambda: "ready" in lines)
    assert container.stop(0.2) == 137
    _until(lambda: not _marked())


@pytest.mark.parametrize("mode", WITH_NAMESPACES)
def test_a_daemon_does_not_outlive_its_container(folder: Path, mode: str) -> None:
    code, _ = _run(_spec(folder, "sh", "-c", f"setsid sleep {_mark()} > /dev/null 2>&1 & sleep 0.1"), mode)
    assert code == 0
    _until(lambda: not _marked())


@pytest.mark.parametrize("mode", MODES)
def test_killing_the_owner_kills_the_container(folder: Path, mode: str | None) -> None:
    owner_program = f"""
from pathlib import Path
from localcloud.containers.container import Container
from localcloud.containers.spec import ContainerSpec
from tests.support.process_image import ProcessImage
argv = ["sh", "-c", "sleep {_mark()} & echo up; wait"]
spec = ContainerSpec(image=ProcessImage(), folder=Path({str(folder)!r}), argv=argv)
Container(spec, on_line=lambda line: print(line, flush=True), namespaces={mode!r}).wait()
"""
    owner = subprocess.Popen([sys.executable, "-c", owner_program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    with owner:
        try:
            while owner.stdout.readline().strip() != "up":
                assert owner.poll() is None
            _until(_marked)  # the shell says "up" before its child has become `sleep`
        finally:
            owner.send_signal(signal.SIGKILL)
    _until(lambda: not _marked())


_TELL = """
env | sort; pwd; ls /proc/self/fd | wc -l; readlink /proc/self/fd/0; umask; ulimit -a
grep -E '^(Sig[BIC]|Cap)' /proc/self/status
"""


@pytest.mark.skipif(sys.platform != "linux", reason="launchers are forked on Linux only")
@pytest.mark.parametrize("mode", MODES)
def test_a_forked_launcher_starts_a_program_as_one_that_starts_anew(monkeypatch, folder: Path, mode) -> None:
    spec = _spec(folder, "sh", "-c", _TELL, environment={"GIVEN": "x"})
    forked = _run(spec, mode)
    monkeypatch.setattr(forking.Starter, "_ask", lambda self, fork: None)
    assert _run(spec, mode) == forked
    assert "GIVEN=x" in forked[1]


@pytest.mark.skipif(sys.platform != "linux", reason="launchers are forked on Linux only")
def test_there_is_another_starter_when_it_was_killed(folder: Path) -> None:
    _run(_spec(folder, "true"), None)
    killed = forking.STARTER._process
    killed._process.kill()
    killed._process.wait()
    assert _run(_spec(folder, "echo", "1"), None) == (0, ["1"])
    assert _run(_spec(folder, "echo", "2"), None) == (0, ["2"])
    assert forking.STARTER._process not in (None, killed)


def _mark() -> str:
    """A duration that marks this test's processes on their command lines."""
    return f"3600.{os.getpid()}"


def _marked() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.strip() == f"sleep {_mark()}"]


def _until(condition) -> None:
    deadline = time.monotonic() + _LIMIT
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)
