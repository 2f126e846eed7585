"""The life of a transform job."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.containers.log_stream import LogStream
from localcloud.sagemaker.endpoints.http_client import BadAnswer, NoConnection
from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.jobs import failures
from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri, find_objects
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.jobs.record import Record
from localcloud.sagemaker.jobs.runner import JobRunner, Surroundings
from localcloud.sagemaker.transform.association import Association
from localcloud.sagemaker.transform.data_log import DataLog
from localcloud.sagemaker.transform.model_client import ModelClient
from localcloud.sagemaker.transform.outputs import capture, upload_outputs
from localcloud.sagemaker.transform.pipeline import Item, Pipeline
from localcloud.sagemaker.transform.servers import STARTUP_SECONDS, ModelServers
from localcloud.sagemaker.transform.settings import Settings, environment, execution_parameters, settings
from localcloud.sagemaker.transform.sources import open_object

if TYPE_CHECKING:
    from localcloud.images import Image

_MAX_ANSWER_BYTES = 1 << 30
_PARAMETERS_SECONDS = 10.0
_LAST_LINES_SECONDS = 30.0


class TransformRunner(JobRunner):
    """Model servers are started, every object is transformed, and what succeeded is uploaded at the end.

    A stopped job leaves no output (StopTransformJob), which is why nothing is uploaded earlier.
    """

    log_group = "/aws/sagemaker/TransformJobs"

    def __init__(self, surroundings: Surroundings, record: Record) -> None:
        self._servers = ModelServers()
        self._logs: dict[str, LogStream] = {}
        self._lock = threading.Lock()
        self._work: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        super().__init__(surroundings, record)  # may call stop

    def role_arn(self) -> str:
        return self.document["_Model"]["role_arn"]

    def perform(self) -> None:
        try:
            self._transform()
        except asyncio.CancelledError:
            self.check_abandoned()
            self.finish("Stopped")
        except JobFailure:
            self.check_abandoned()
            if not self.stop_requested.is_set():
                raise
            self.finish("Stopped")
        finally:
            self._close()

    def stop(self) -> None:
        super().stop()
        self._interrupt()

    def abandon(self) -> None:
        super().abandon()
        self._interrupt()

    def _interrupt(self) -> None:
        with self._lock:
            if self._work is not None:
                loop, task = self._work
                loop.call_soon_threadsafe(task.cancel)
        self._servers.abandon()

    def _close(self) -> None:
        self._servers.stop()
        for stream in self._logs.values():
            stream.close(_LAST_LINES_SECONDS)

    def _transform(self) -> None:
        self.check_role()
        items = [Item(remote, self._output_file(n)) for n, remote in enumerate(self._find_objects())]
        spec = self._spec()
        image = self.resolve_image(spec.image)
        self.record.started()
        self._servers.start(
            spec.count,
            lambda: self._add_instance(spec, image),
            lambda instance, text: self._log_of(instance).write(text),
        )
        failed = asyncio.run(self._run_pipelines(items))
        # From here on the job is done: it completes, or fails, even when it is asked to stop.
        done = [item for item in items if item not in failed]
        outputs = upload_outputs(self.role, done, self.document["TransformOutput"])
        if failed:
            raise JobFailure(next(iter(failed.values())))
        self._capture([S3Uri(item.remote.bucket, item.remote.key) for item in items], outputs)
        self.finish("Completed")

    def _find_objects(self) -> list[RemoteObject]:
        source = self.document["TransformInput"]["DataSource"]["S3DataSource"]
        uri = source["S3Uri"]
        try:
            found = find_objects(self.role.client("s3"), uri=uri, data_type=source["S3DataType"])
        except (ClientError, BotoCoreError, ValueError, OSError) as error:
            raise failures.download_failed(error, uri=uri, role_arn=self.role.arn) from error
        if not found:
            raise JobFailure(f"ClientError: {failures.no_objects(uri, self.role.arn)}")
        return found

    def _output_file(self, number: int) -> Any:
        folder = self.folder / "outputs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{number}.out"

    def _spec(self) -> VariantSpec:
        """The model as one variant, named as the job, with the job's environment on top of the model's."""
        spec = VariantSpec.from_document(self.document["_Model"])
        variables = {**spec.environment, **environment(self.document), **self.document.get("Environment", {})}
        return replace(spec, environment=variables, startup_seconds=STARTUP_SECONDS)

    def _add_instance(self, spec: VariantSpec, image: Image) -> Instance:
        number = len(list(self.folder.glob("instance-*"))) + 1
        folder = self.folder / f"instance-{number}"
        folder.mkdir(parents=True)
        suffix = f"-{int(self.record.clock())}"
        return Instance(spec, image, self.role, folder=folder, log_group=self.log_group, stream_suffix=suffix)

    def _log_of(self, instance: Instance) -> DataLog:
        stream = f"{instance.log_stream}/data-log"
        if stream not in self._logs:
            self._logs[stream] = LogStream(lambda: self.role.client("logs"), group=self.log_group, stream=stream)
        return DataLog(self._logs[stream])

    async def _run_pipelines(self, items: list[Item]) -> dict[Item, str]:
        """The objects that failed and why. Raises JobFailure, CancelledError."""
        with self._lock:
            self._work = asyncio.get_running_loop(), asyncio.current_task()
        if self.stop_requested.is_set() or self._abandoned.is_set():
            raise asyncio.CancelledError
        instances = self._servers.instances
        try:
            # Like training channels that are ShardedByS3Key: every n-th object.
            found = await asyncio.gather(
                *(self._run_pipeline(instance, items[n :: len(instances)]) for n, instance in enumerate(instances))
            )
        finally:
            with self._lock:
                self._work = None
        return {item: reason for failed in found for item, reason in failed.items()}

    async def _run_pipeline(self, instance: Instance, items: list[Item]) -> dict[Item, str]:
        log = self._log_of(instance)
        chosen = await self._settings(instance, log)
        log.write(chosen.describe())
        http = instance.address.client(max_connections=chosen.max_concurrent, max_body=_MAX_ANSWER_BYTES)
        source, target = self.document["TransformInput"], self.document["TransformOutput"]
        pipeline = Pipeline(
            model=ModelClient.of(self.document, http, chosen.max_concurrent),
            settings=chosen,
            association=Association.of(self.document),
            open_source=partial(
                open_object,
                self.role,
                compression=source.get("CompressionType", "None"),
                folder=self.folder / "inputs",
            ),
            log=log,
            split_type=source.get("SplitType", "None"),
            assemble_with=target.get("AssembleWith", "None"),
        )
        try:
            return await pipeline.run(items)
        finally:
            http.close()

    async def _settings(self, instance: Instance, log: DataLog) -> Settings:
        try:
            async with asyncio.timeout(_PARAMETERS_SECONDS):
                http = instance.address.client()
                answer = await http.request("GET", "/execution-parameters", {}, b"")
                http.close()
            return settings(self.document, execution_parameters(answer.status, answer.body))
        except (NoConnection, BadAnswer, TimeoutError) as error:
            log.write(f"GET /execution-parameters was not answered: {error}")
        except ValueError as error:
            log.write(str(error))
        return settings(self.document, {})

    def _capture(self, inputs: list[S3Uri], outputs: list[S3Uri]) -> None:
        config = self.document.get("DataCaptureConfig")
        if config:
            moment = datetime.fromtimestamp(self.record.clock(), UTC)
            capture(self.role, config, inputs=inputs, outputs=outputs, moment=moment, folder=self.folder)
