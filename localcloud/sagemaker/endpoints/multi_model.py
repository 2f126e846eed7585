"""Models that a multi-model container loads when a request first names them.

https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html. An archive is unpacked to
/opt/ml/models/<name>/model, where the name is a hash of TargetModel, and the container is told by ``POST /models``.
One without room (507) is told to unload what was not used for the longest time, and asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from localcloud.containers.cleanup import remove_folder
from localcloud.containers.spec import ML_ROOT
from localcloud.sagemaker.endpoints.http_client import HttpClient
from localcloud.sagemaker.endpoints.model_data import ModelData

_NO_ROOM, _LOADED_ALREADY = 507, 409
Fetch = Callable[[ModelData, Path], None]


class LoadRefused(Exception):
    """The container did not load a model: ``status`` and ``body`` are its answer."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"POST /models was answered with {status}")
        self.status, self.body = status, body


class LoadedModels:
    """What the container of one instance has loaded. Used from one event loop, but for ``forget``.

    Args:
        prefix: the S3 URI that TargetModel is relative to.
        fetch: puts the files of a model below a folder; called on a thread. Raises ModelDataError.
        folder: the container's /opt/ml/models on the host.
    """

    def __init__(self, prefix: str, client: HttpClient, fetch: Fetch, folder: Path) -> None:
        self._prefix, self._client, self._fetch, self._folder = prefix.rstrip("/"), client, fetch, folder
        self._loaded: OrderedDict[str, str] = OrderedDict()
        self._loading = asyncio.Lock()

    async def path(self, target: str) -> str:
        """Where the container takes requests for the model, which is loaded first if need be.

        Raises ModelDataError, LoadRefused, NoConnection, BadAnswer.
        """
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        if name not in self._loaded:
            async with self._loading:
                if name not in self._loaded:
                    await self._load(name, target)
        self._loaded[name] = target
        self._loaded.move_to_end(name)
        return f"/models/{name}/invoke"

    def forget(self) -> None:
        """The container was started again, and has loaded nothing."""
        self._loaded.clear()

    async def _load(self, name: str, target: str) -> None:
        data = ModelData(uri=f"{self._prefix}/{target.lstrip('/')}")
        await asyncio.to_thread(self._place, data, self._folder / name)
        body = json.dumps({"model_name": name, "url": f"{ML_ROOT}/models/{name}/model"}).encode()
        while True:
            answer = await self._client.request("POST", "/models", {"content-type": "application/json"}, body)
            if answer.status != _NO_ROOM or not self._loaded:
                break
            oldest, _ = self._loaded.popitem(last=False)
            await self._client.request("DELETE", f"/models/{oldest}", {}, b"")
            await asyncio.to_thread(remove_folder, self._folder / oldest)
        if answer.status != _LOADED_ALREADY and not 200 <= answer.status < 300:
            raise LoadRefused(answer.status, answer.body)

    def _place(self, data: ModelData, folder: Path) -> None:
        remove_folder(folder)
        self._fetch(data, folder / "model")
