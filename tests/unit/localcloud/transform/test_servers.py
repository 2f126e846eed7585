"""The model servers of a transform job: real processes."""

from pathlib import Path

import pytest

from localcloud.sagemaker.endpoints.instance import Instance
from localcloud.sagemaker.endpoints.models import VariantSpec
from localcloud.sagemaker.jobs.failures import JobFailure
from localcloud.sagemaker.transform.servers import NOT_HEALTHY, ModelServers
from tests.support.batch_server import BATCH_SERVER
from tests.support.process_image import ProcessImage

IMAGE = ProcessImage(entrypoint=("python3", "-c", BATCH_SERVER))


class Servers:
    """Model servers in folders of their own."""

    def __init__(self, folder: Path, startup_seconds: float = 60, **environment: str) -> None:
        self.servers = ModelServers()
        self.told: list[str] = []
        self._folder, self._startup_seconds = folder, startup_seconds
        self._environment = environment
        self._created = 0

    def start(self, count: int) -> None:
        self.servers.start(count, self._create, lambda instance, text: self.told.append(text))

    def _create(self) -> Instance:
        self._created += 1
        spec = VariantSpec(
            name="job",
            weight=1,
            count=1,
            image="x",
            environment=self._environment,
            startup_seconds=self._startup_seconds,
        )
        return Instance(spec, IMAGE, None, folder=self._folder / str(self._created), log_group="g", stream_suffix="-1")


def test_every_instance_is_healthy_when_start_returns_and_gone_after_stop(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    try:
        servers.start(2)
        assert [instance.ready for instance in servers.servers.instances] == [True, True]
        assert len({instance.address.port for instance in servers.servers.instances}) == 2
        assert all(instance.log_stream == f"job/{instance.id}-1" for instance in servers.servers.instances)
    finally:
        servers.servers.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_never_answers_ping_fails_the_job_in_sagemakers_words(tmp_path: Path) -> None:
    servers = Servers(tmp_path, startup_seconds=1, NEVER_HEALTHY="1")
    with pytest.raises(JobFailure) as failed:
        servers.start(1)
    servers.servers.stop()
    assert failed.value.reason == NOT_HEALTHY
    (told,) = servers.told
    assert told.startswith("GET /ping was not answered with 200 within 1 s on port ")


def test_servers_abandoned_before_their_start_do_not_start(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    servers.servers.abandon()
    with pytest.raises(JobFailure):
        servers.start(1)
    servers.servers.stop()
    assert servers.told == []
