"""What a worker serves: the container's one model."""

from __future__ import annotations

from typing import Protocol

from server.errors import NotFound
from server.serving.service import Service


class Models(Protocol):
    """One model, or those of a multi-model container.

    Attributes:
    many: whether requests name their model.
    paths: for a message to who asked for another one.
    """

    many: bool
    paths: str

    @property
    def only(self) -> Service: ...

    @property
    def services(self) -> list[Service]: ...

    def get(self, name: str) -> Service:
        """Raises NotFound."""

    async def manage(self, method: str, name: str, body: bytes) -> bytes:
        """GET, POST and DELETE of /models and /models/{name} -> a document. Raises RequestError."""

    def stuck(self, now: float) -> bool:
        """Whether a model does not answer any more."""


class OneModel:
    many = False
    paths = "/ping, /invocations and /metrics"

    def __init__(self, service: Service) -> None:
        self.only = service
        self.services = [service]

    def get(self, name: str) -> Service:
        raise NotFound(f"there are {self.paths}")

    async def manage(self, method: str, name: str, body: bytes) -> bytes:
        raise NotFound(f"there are {self.paths}")

    def stuck(self, now: float) -> bool:
        return self.only.stuck(now)
