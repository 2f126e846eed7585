"""Containers with a network of their own reach each other, and nothing of the host."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.containers import isolation
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.container import Container
from localcloud.containers.network import NetworkUnavailable, PrivateNetwork
from localcloud.containers.spec import ContainerSpec
from localcloud.processes import start_time
from tests.support.embedded_cloud import ROOT, eventually
from tests.support.process_image import ProcessImage


def _modes() -> list[str]:
    found = []
    for mode in ("root", "user") if sys.platform == "linux" else ():
        try:
            if isolation._works(mode):
                PrivateNetwork(mode).close()
                found.append(mode)
        except NetworkUnavailable:
            continue
    return found


MODES = _modes() or [pytest.param(None, marks=pytest.mark.skip(reason="this machine forbids network namespaces"))]


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Path]]:
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        folder.mkdir()
    yield made
    for folder in made:
        remove_folder(folder)


def _start(folder: Path, lines: list[str], mode: str, network: PrivateNetwork | None, script: str) -> Container:
    files = network.files if network else ()
    spec = ContainerSpec(image=ProcessImage(), folder=folder, argv=["python3", "-c", script], network=files)
    return Container(spec, on_line=lines.append, namespaces=mode)


@pytest.mark.parametrize("mode", MODES)
def test_only_the_containers_of_one_network_reach_each_other(folders: list[Path], mode: str) -> None:
    host = socket.create_server(("127.0.0.1", 0))
    reach_host = f"socket.create_connection(('127.0.0.1', {host.getsockname()[1]}), 5)"
    serve = (
        "import os, socket; listener = socket.create_server(('127.1.0.1', 5000)); print('listening', flush=True)\n"
        "print(socket.if_nameindex(), listener.accept()[0].recv(9).decode())"
    )
    call = (
        f"import socket, time\ntry:\n    {reach_host}\nexcept OSError as error:\n    print(error)\n"
        "while True:\n    try:\n        socket.create_connection(('127.1.0.1', 5000)).sendall(b'hello'); break\n"
        "    except ConnectionRefusedError: time.sleep(0.01)"
    )
    heard: list[str] = []
    said: list[str] = []
    with host, PrivateNetwork(mode) as network:
        containers = [
            _start(folders[0], heard, mode, network, serve),
            _start(folders[1], said, mode, network, call),
        ]
        codes = [container.wait(30) for container in containers]
        for container in containers:
            container.kill()
    assert codes == [0, 0], (heard, said)
    assert heard == ["listening", "[(1, 'lo')] hello"]
    assert said == ["[Errno 111] Connection refused"]


@pytest.mark.parametrize("mode", MODES)
def test_without_one_a_container_shares_the_hosts_network(folders: list[Path], mode: str) -> None:
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as host:
        script = f"import socket; socket.create_connection(('127.0.0.1', {host.getsockname()[1]}), 5)"
        assert _start(folders[0], lines, mode, None, script).wait(30) == 0, lines


@pytest.mark.parametrize("mode", MODES)
def test_the_owner_asks_servers_that_all_take_the_same_port(folders: list[Path], mode: str) -> None:
    serve = (
        "import socket; listener = socket.create_server(('0.0.0.0', 8080)); print('listening', flush=True)\n"
        "while True: listener.accept()[0].sendall({!r})"
    )
    lines: list[str] = []
    with PrivateNetwork(mode) as one, PrivateNetwork(mode) as two:
        networks = {b"one": one, b"two": two}
        containers = [
            _start(folder, lines, mode, network, serve.format(answer))
            for folder, (answer, network) in zip(folders, networks.items(), strict=True)
        ]
        eventually(lambda: lines == ["listening"] * 2)
        for answer, network in networks.items():
            for _ in range(3):
                with network.new_socket() as connection:
                    connection.connect(("127.0.0.1", 8080))
                    assert connection.recv(9) == answer
        for container in containers:
            container.kill()


@pytest.mark.parametrize("mode", MODES)
def test_a_closed_network_gives_no_socket(mode: str) -> None:
    network = PrivateNetwork(mode)
    network.close()
    network.close()
    with pytest.raises(OSError):
        network.new_socket()


@pytest.mark.parametrize("mode", MODES)
def test_a_network_whose_holder_was_killed_gives_no_socket(mode: str) -> None:
    with PrivateNetwork(mode) as network:
        os.kill(network._holder.pid, signal.SIGKILL)
        network._holder.wait()
        with pytest.raises(OSError):
            network.new_socket()


@pytest.mark.parametrize("mode", MODES)
def test_the_holder_ends_with_its_network(mode: str) -> None:
    with PrivateNetwork(mode) as network:
        pid = network._holder.pid
        assert os.path.exists(f"/proc/{pid}")
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))


@pytest.mark.parametrize("mode", MODES)
def test_the_holder_ends_when_its_owner_is_killed(mode: str) -> None:
    program = (
        "import time; from localcloud.containers.network import PrivateNetwork\n"
        f"network = PrivateNetwork({mode!r}); print(network._holder.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        holder = int(owner.stdout.readline())
        owner.kill()
    eventually(lambda: start_time(holder) is None)


def test_a_machine_without_namespaces_says_so() -> None:
    with pytest.raises(NetworkUnavailable, match="forbids namespaces"):
        PrivateNetwork(None)
