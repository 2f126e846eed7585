"""The composition root: builds the embedded cloud and serves it until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from typing import Any, NoReturn

import uvicorn

from localcloud import administration, clients, lifecycle, processes
from localcloud.autoscaling.api import AutoScalingApi
from localcloud.autoscaling.metrics import CloudWatch
from localcloud.autoscaling.scaler import Scaler
from localcloud.autoscaling.service import Service
from localcloud.autoscaling.variants import VariantCapacity
from localcloud.codebuild import CodeBuildExecutor
from localcloud.config import Config
from localcloud.containers.preloading import PRELOADS
from localcloud.containers.remembered import Remembered
from localcloud.functions.forking import ForkedFunctions
from localcloud.gateway import (
    Gateway,
    autoscaling,
    builds,
    executions,
    function_processes,
    sagemaker,
    stacks,
    state,
    workflows,
)
from localcloud.gateway.functions import FunctionFaults
from localcloud.images import ImageRegistry, environments
from localcloud.journal import Damaged
from localcloud.sagemaker import integrity
from localcloud.sagemaker.api import SageMakerApi
from localcloud.sagemaker.asynchronous.api import AsyncRuntimeApi
from localcloud.sagemaker.asynchronous.backlog import Backlog
from localcloud.sagemaker.asynchronous.dispatcher import Dispatcher
from localcloud.sagemaker.asynchronous.metrics import AsyncMetrics
from localcloud.sagemaker.endpoints.alarms import AlarmWatch
from localcloud.sagemaker.endpoints.idle_metrics import IdleMetrics
from localcloud.sagemaker.endpoints.supervisor import EndpointSupervisor
from localcloud.sagemaker.events import EventPublisher
from localcloud.sagemaker.jobs.role import Role
from localcloud.sagemaker.jobs.supervisor import JobSupervisor
from localcloud.sagemaker.pipelines.events import PipelineEventPublisher
from localcloud.sagemaker.pipelines.supervisor import PipelineSupervisor
from localcloud.sagemaker.resources.job_component import ComponentRecorder
from localcloud.sagemaker.resources.processing_job import PROCESSING_JOB
from localcloud.sagemaker.resources.resource import ControlPlane
from localcloud.sagemaker.resources.training_job import TRAINING_JOB
from localcloud.sagemaker.resources.transform_job import TRANSFORM_JOB
from localcloud.sagemaker.runtime_api import RuntimeApi
from localcloud.sagemaker.store import Store
from localcloud.sagemaker.throttling import Throttling
from localcloud.sagemaker.tuning.supervisor import TuningSupervisor
from localcloud.stepfunctions.changes import Changes
from localcloud.stepfunctions.tasks import TaskRunner

log = logging.getLogger(__name__)
_SHUTDOWN_SECONDS = 3
# Whichever two of the three processes are killed at once, the third ends all that they started.
_GUARDIANS = 2
# What a state folder holds besides credentials, logs and downloads: all of it belongs to one history.
_STATE_FOLDERS = ("ministack", "generations", "sagemaker")


def serve(config: Config, listener: socket.socket | None = None) -> int:
    """Run in the foreground until SIGTERM or SIGINT. Returns the exit status. Raises LifecycleError.

    ``listener`` listens on the port already, where somebody else has opened it.
    """
    lock = lifecycle.take_lock(config.state_dir)
    listener = listener or lifecycle.bind(config.port)
    for _ in range(_GUARDIANS):
        status = processes.under_guardian(listener)
        if status is not None:
            return status
    with lock, listener:
        _run(config, listener)


def _run(config: Config, listener: socket.socket) -> NoReturn:
    logging.basicConfig(format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    logging.getLogger("localcloud").setLevel(logging.INFO)
    _use_own_temporary_folder(config)
    # uvicorn raises the signal again once it has shut down in order; that must not end us before we are done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signum, _frame: None)
    settings = uvicorn.Config(
        Cloud(config),
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    loop = (settings.get_loop_factory() or asyncio.new_event_loop)()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(uvicorn.Server(settings).serve(sockets=[listener]))
    logging.shutdown()
    # Everything is saved and closed. An orderly end would wait for threads that wait for a function's answer.
    os._exit(0)


def _use_own_temporary_folder(config: Config) -> None:
    """Code of Lambda functions is unpacked into temporary folders, which a killed server cannot remove itself."""
    folder = config.state_dir / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)


class Cloud:
    """The ASGI application: all parts, built once, in the order in which they need each other."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._gateway = Gateway(config)
        self._restored = self._restore()
        self._store = self._open_store()
        PRELOADS.configure(config.preloaded_environments, Remembered(environments.default_root() / "preloaded.json"))
        images = ImageRegistry(config)
        self._jobs = JobSupervisor(config, self._store, images)
        alarms = AlarmWatch(config, allows=self._gateway.identity.role_allows)
        self._endpoints = EndpointSupervisor(config, self._store, images, alarms=alarms)
        self._throttling = Throttling()
        self._administration = administration.Administration(
            config, self._jobs, self._endpoints, crash=FunctionFaults().crash, throttle=self._throttling.begin
        )
        self._functions = ForkedFunctions()
        function_processes.register(self._functions)
        as_service = self._plane_of_the_service()
        self._tuning = TuningSupervisor(as_service, self._jobs.history)
        self._pipelines = PipelineSupervisor(config, as_service, self._tuning)
        self._builds = CodeBuildExecutor(config)
        self._add_services()
        self._store.subscribe(self._changes.listen)  # first: what waits for a job need not wait for its events
        EventPublisher(self._store, self._gateway.publish_event)
        PipelineEventPublisher(self._store, self._gateway.publish_event)
        ComponentRecorder(self._store, (TRAINING_JOB, PROCESSING_JOB, TRANSFORM_JOB))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._gateway(scope, receive, self._around_lifespan(send))
        elif scope["type"] == "http" and scope["path"] == lifecycle.STATUS_PATH:
            await self._answer_status(send)
        elif scope["type"] == "http" and scope["path"].startswith(administration.PREFIX):
            await self._administration(scope, receive, send)
        else:
            await self._gateway(scope, receive, send)

    def _open_store(self) -> Store:
        path = self._config.state_dir / "sagemaker" / "store.sqlite"
        try:
            integrity.check(path)
        except integrity.DamagedStore as error:
            raise lifecycle.LifecycleError(str(error)) from error
        return Store(path)

    def _restore(self) -> str:
        """Put the newest state back; where that cannot be done, begin empty in every part, and say so."""
        try:
            loaded = self._gateway.journal.load()
            if loaded is None:
                lost = (self._config.state_dir / "sagemaker" / "store.sqlite").exists()
                return self._begin_empty("there is no saved state") if lost else "empty"
            state.restore(loaded.tree)
        except (Damaged, state.UnusableState) as error:
            return self._begin_empty(f"the saved state cannot be used: {error}")
        for remark in loaded.remarks:
            log.error("%s", remark)
        return f"{loaded.name} ({'; '.join(loaded.remarks)})" if loaded.remarks else loaded.name

    def _begin_empty(self, reason: str) -> str:
        log.error("starting empty, everything in %s is given up: %s", self._config.state_dir, reason)
        state.reset()
        for folder in _STATE_FOLDERS:
            shutil.rmtree(self._config.state_dir / folder, ignore_errors=True)
            (self._config.state_dir / folder).mkdir()
        return f"empty ({reason})"

    def _plane_of_the_service(self) -> ControlPlane:
        """What SageMaker itself works with, when it does something for a job that a person made."""
        return ControlPlane(
            config=self._config,
            store=self._store,
            jobs=self._jobs,
            endpoints=self._endpoints,
            authorize=lambda *_: True,
        )

    def _add_services(self) -> None:
        identity = self._gateway.identity
        api = SageMakerApi(
            config=self._config,
            store=self._store,
            jobs=self._pipelines,
            endpoints=self._endpoints,
            authorize=identity.allows,
        )
        backlog = Backlog(self._store)
        self._dispatcher = self._build_dispatcher(backlog)
        self._idle_metrics = IdleMetrics(
            lambda minute: runtime.realtime(self._endpoints.idle(minute)),
            lambda: clients.root_client(self._config, "cloudwatch"),
        )
        realtime = RuntimeApi(self._endpoints)
        runtime = AsyncRuntimeApi(self._store, backlog, realtime.handle, account=self._config.account)
        sagemaker.register(self._config, identity, self._throttling.around(api.handle), runtime.handle)
        self._changes = Changes()
        runner = TaskRunner(
            self._config,
            lambda task, action, arn: identity.role_allows(task.role_arn, action, arn),
            self._changes,
        )
        workflows.register(runner)
        executions.register()
        stacks.register(self._config, PRELOADS.expect)
        builds.register(self._config, self._builds)
        self._scaler = self._add_autoscaling()

    def _build_dispatcher(self, backlog: Backlog) -> Dispatcher:
        config = self._config
        return Dispatcher(
            self._store,
            backlog,
            variants=self._endpoints.serving,
            role=lambda arn: Role(config, arn or ""),
            metrics=AsyncMetrics(lambda: clients.root_client(config, "cloudwatch")),
            region=config.region,
        )

    def _add_autoscaling(self) -> Scaler:
        config, identity = self._config, self._gateway.identity

        def as_service() -> Any:
            role = autoscaling.ensure_role(config, identity)
            return clients.role_client(config, "sagemaker", role, "ApplicationAutoScaling", autoscaling.PRINCIPAL)

        variants = VariantCapacity(lambda: clients.root_client(config, "sagemaker"), as_service)
        metrics = CloudWatch(
            lambda: clients.root_client(config, "cloudwatch"), region=config.region, account=config.account
        )
        service = Service(
            config=config,
            store=self._store,
            variants=variants,
            alarms=metrics,
            role=lambda caller: autoscaling.ensure_role(config, identity, caller),
        )
        api = AutoScalingApi(service)
        autoscaling.register(identity, api.handle, api.resource)
        return Scaler(self._store, variants, metrics)

    def _around_lifespan(self, send: Any) -> Any:
        async def wrapped(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                await asyncio.to_thread(self._recover)
                await self._gateway.journal.start()
                await asyncio.to_thread(self._started)
            elif message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(self._end_processes)
                await self._gateway.journal.stop()
                await asyncio.to_thread(self._store.close)
            await send(message)

        return wrapped

    def _recover(self) -> None:
        """Before the first request is answered; those that come meanwhile wait in the socket's queue."""
        self._jobs.recover()
        self._tuning.recover()
        self._endpoints.recover()
        self._pipelines.recover()

    def _started(self) -> None:
        self._dispatcher.start()
        self._idle_metrics.start()
        self._scaler.start()
        lifecycle.write_instance(self._config)
        threading.Thread(target=self._load_ahead, name="load-ahead", daemon=True).start()

    def _load_ahead(self) -> None:
        """What the first deployment and the first training would wait for."""
        gc.disable()  # all of this stays, and to look through it again and again takes longer than to read it
        try:
            for template in stacks.templates(self._config):
                PRELOADS.expect(template)
            clients.prepare(self._config)
            function_processes.expect_those_there_are(self._functions)
        finally:
            gc.freeze()
            gc.enable()

    def _end_processes(self) -> None:
        self._scaler.close()
        self._pipelines.shutdown()
        self._tuning.shutdown()
        self._dispatcher.close()
        self._idle_metrics.close()
        self._endpoints.shutdown()
        self._jobs.shutdown()
        PRELOADS.close()
        self._functions.close()
        self._builds.close()

    async def _answer_status(self, send: Any) -> None:
        body = json.dumps({"pid": os.getpid(), "restored": self._restored}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
