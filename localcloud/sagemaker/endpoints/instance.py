"""One instance of a variant: a server container that is pinged, and started again when it dies or stops answering."""

from __future__ import annotations

import http.client
import logging
import secrets
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.containers import isolation
from localcloud.containers.cleanup import remove_folder
from localcloud.containers.container import Container, ContainerStartError
from localcloud.containers.log_stream import LogStream
from localcloud.containers.network import NOT_ISOLATED
from localcloud.containers.spec import ContainerSpec
from localcloud.sagemaker.endpoints.model_data import fetch
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.endpoints.multi_model import LoadedModels
from localcloud.sagemaker.endpoints.server_address import HOST, ServerAddress
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.jobs.runner import environment, request_command

if TYPE_CHECKING:
    from localcloud.images import Image

log = logging.getLogger(__name__)

PING_INTERVAL_SECONDS = 5.0
# "Your container must respond to ping requests within 2 seconds" (SageMaker: custom inference code).
_PING_TIMEOUT_SECONDS = 2.0
_PINGS_MISSED = 6
_STARTUP_POLL_SECONDS = 0.01
_STOP_GRACE_SECONDS = 30.0
_FIRST_BACK_OFF_SECONDS = 0.5
_LAST_BACK_OFF_SECONDS = 30.0
_LAST_LINES = 5
_LAST_LOGS_SECONDS = 30.0


class InstanceUnhealthy(Exception):
    """The server did not pass its first health check; the message says what is known about it."""


class Instance:
    """Threads own its life; the event loop that sends requests holds it with `acquire` while one is under way.

    Args:
        role: reads the model data and writes the logs; without one there are no logs.
        folder: its own folder on the host.
        stream_suffix: what the name of its log stream, `<variant>/<instance id>`, ends in.
    """

    def __init__(
        self,
        spec: VariantSpec,
        image: Image,
        role: Role | None,
        *,
        folder: Path,
        log_group: str,
        stream_suffix: str = "",
    ) -> None:
        self.id = f"i-{secrets.token_hex(9)[:17]}"
        self.ready = False
        self.in_flight = 0
        self._holding = threading.Lock()
        self._spec, self._image, self._role, self._folder = spec, image, role, folder
        # A model with network isolation reaches nothing, and nobody but us reaches it.
        self.address = ServerAddress(isolated=spec.isolated)
        self.client = self.address.client()
        self.models: LoadedModels | None = None
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._stopping = threading.Event()
        self._container: Container | None = None
        self._watcher: threading.Thread | None = None
        self.log_stream = f"{spec.name}/{self.id}{stream_suffix}"
        self._logs = role and LogStream(lambda: role.client("logs"), group=log_group, stream=self.log_stream)

    def start(self) -> None:
        """Fetches the model, starts the server and waits for its health, then watches it.

        Raises ModelDataError, RoleRefused, InstanceUnhealthy.
        """
        (self._folder / "ml").mkdir(parents=True, exist_ok=True)
        if self.address.shared_because:
            self._write(f"{NOT_ISOLATED} ({self.address.shared_because})")
        if self._spec.model_data is not None and not self._spec.multi_model:
            if self._role is None:
                raise InstanceUnhealthy("the model has data in S3 but no ExecutionRoleArn to read it with")
            fetch(self._role.client("s3"), self._spec.model_data, self._folder / "ml/model")
        if self._spec.multi_model:
            self.models = self._loaded_models()
        self._start_server()
        self._watcher = threading.Thread(target=self._watch, name=f"watch-{self.id}", daemon=True)
        self._watcher.start()

    def acquire(self) -> bool:
        """Takes it for one request, until `release`; False when it takes none."""
        with self._holding:
            if not self.ready or self._stopping.is_set():
                return False
            self.in_flight += 1
            return True

    def release(self) -> None:
        with self._holding:
            self.in_flight -= 1

    def stop(self, *, drain_seconds: float) -> None:
        """Takes no more requests, waits for those in flight, ends the server and removes its folder."""
        with self._holding:  # who has acquired it is in flight, and nobody will any more
            self.ready = False
            self._stopping.set()
        deadline = time.monotonic() + drain_seconds
        while self.in_flight and time.monotonic() < deadline:
            time.sleep(_STARTUP_POLL_SECONDS)
        if self._container is not None:
            self._container.stop(_STOP_GRACE_SECONDS if drain_seconds else 0)
        if self._watcher is not None:
            self._watcher.join()
        if self._logs is not None:
            self._logs.close(_LAST_LOGS_SECONDS)
        self.client.close_soon()
        self.address.close()
        remove_folder(self._folder)

    def abandon(self) -> None:
        """Ends the server at once, without draining; a `start` in progress fails soon."""
        self.ready = False
        self._stopping.set()
        if self._container is not None:
            self._container.kill()
        self.address.close()

    def _loaded_models(self) -> LoadedModels:
        role, data = self._role, self._spec.model_data
        if role is None or data is None:
            raise InstanceUnhealthy(
                "a multi-model container needs a ModelDataUrl and an ExecutionRoleArn to read it with"
            )
        folder = self._folder / "ml/models"
        folder.mkdir(parents=True, exist_ok=True)
        return LoadedModels(data.uri, self.client, lambda one, target: fetch(role.client("s3"), one, target), folder)

    def _start_server(self) -> None:
        if self.models is not None:
            self.models.forget()
        if self._stopping.is_set():
            raise InstanceUnhealthy("it was stopped before it started")
        try:
            container = Container(self._container_spec(), on_line=self._write, namespaces=isolation.detect())
        except ContainerStartError as error:
            raise InstanceUnhealthy(f"the server could not be started: {error}") from error
        self._container = container
        self._await_health(container)
        self.ready = True

    def _container_spec(self) -> ContainerSpec:
        # Containers may share this machine's network: our server is told not to listen beyond it. Others decide
        # themselves.
        service = {"SAGEMAKER_BIND_TO_PORT": str(self.address.port), "SLIPWAY_BIND_ADDRESS": HOST}
        if self._spec.multi_model:
            service["SAGEMAKER_MULTI_MODEL"] = "true"
        # A model with network isolation gets no credentials.
        role = self._role.environment() if self._role and not self._spec.isolated else {}
        return ContainerSpec(
            image=self._image,
            folder=self._folder,
            argv=request_command(self._image, entrypoint=None, arguments=None, default=["serve"]),
            environment=environment(self._spec.environment, role, service),
            network=self.address.network,
        )

    def _await_health(self, container: Container) -> None:
        deadline = time.monotonic() + self._spec.startup_seconds
        while not self._ping():
            code = container.wait(_STARTUP_POLL_SECONDS)
            if code is not None:
                raise InstanceUnhealthy(self._describe_exit(code))
            if self._stopping.is_set() or time.monotonic() > deadline:
                container.stop(0)
                raise InstanceUnhealthy(self._describe_silence())

    def _describe_exit(self, code: int) -> str:
        lines = " | ".join(line.strip() for line in self._last_lines if line.strip())
        return f"the process ended with exit code {code}" + (f": {lines}" if lines else "")

    def _describe_silence(self) -> str:
        said = f"GET /ping was not answered with 200 within {self._spec.startup_seconds:g} s"
        if self.address.is_private:
            return said
        return (
            f"{said} on port {self.address.port}. The embedded cloud's containers share this machine's network, so a"
            " server must listen on the port in SAGEMAKER_BIND_TO_PORT; an image that always takes 8080 needs a model"
            " with EnableNetworkIsolation, which gets a network of its own"
        )

    def _watch(self) -> None:
        missed = 0
        while not self._stopping.is_set():
            code = self._container.wait(PING_INTERVAL_SECONDS)
            if self._stopping.is_set():
                return
            missed = 0 if code is None and self._ping() else missed + 1
            if code is None and missed < _PINGS_MISSED:
                continue
            self.ready = False
            self._restart(self._describe_exit(code) if code is not None else f"{missed} pings were not answered")
            missed = 0

    def _restart(self, reason: str) -> None:
        delay = _FIRST_BACK_OFF_SECONDS
        self._container.kill()
        while not self._stopping.is_set():
            log.warning("variant %s, %s is started again in %g s: %s", self._spec.name, self.id, delay, reason)
            if self._stopping.wait(delay):
                return
            try:
                self._start_server()
                return
            except InstanceUnhealthy as error:
                reason = str(error)
            except Exception as error:
                log.exception("variant %s, %s", self._spec.name, self.id)
                reason = f"{type(error).__name__}: {error}"
            delay = min(2 * delay, _LAST_BACK_OFF_SECONDS)

    def _ping(self) -> bool:
        connection = self.address.connection(timeout=_PING_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _write(self, line: str) -> None:
        self._last_lines.append(line)
        if self._logs is not None:
            self._logs.write(line)
