"""The models of a multi-model container, which come and go.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from weakref import WeakSet

import orjson

from server.errors import AlreadyLoaded, InvalidInput, MethodNotAllowed, ModelFailed, NotFound, OutOfMemory
from server.memory import available_bytes
from server.model.hooks import load_hooks
from server.model.loading import load_from
from server.model.predictor import Predictor
from server.serving.service import Service
from server.settings import Settings

log = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
_ML_ROOT = PurePosixPath("/opt/ml")  # as SageMaker names it in a model's url


class ManyModels:
    """All by the hooks of one inference.py. Used from the event loop. `serve` makes a loaded model's service."""

    many = True
    paths = "/ping, /metrics, /models, /models/{name} and /models/{name}/invoke"

    def __init__(
        self,
        settings: Settings,
        serve: Callable[[Predictor], Service],
        available: Callable[[], int] = available_bytes,
    ) -> None:
        self._settings, self._serve, self._available = settings, serve, available
        self._hooks = load_hooks(settings.inference)
        self._loaded: dict[str, tuple[str, Service]] = {}
        self._loading = asyncio.Lock()
        self._unloaded: WeakSet[Service] = WeakSet()
        self._finishing: list[Service] = []

    @property
    def only(self) -> Service:
        raise NotFound(f"there are {self.paths}")

    @property
    def services(self) -> list[Service]:
        """Those that were unloaded among them, while they are used: they have requests that may take too long."""
        unloaded = list(self._unloaded)
        self._finishing = [service for service in unloaded if service.busy]  # or a model that hangs were forgotten
        return [service for _, service in self._loaded.values()] + unloaded

    def stuck(self, now: float) -> bool:
        return any(service.stuck(now) for service in self.services)

    def get(self, name: str) -> Service:
        return self._find(name)[1]

    async def manage(self, method: str, name: str, body: bytes) -> bytes:
        if method == "POST" and not name:
            await self._load(*_wanted(body))
            return b"{}"
        if method == "GET":
            found: Any = _described(name, self._find(name)[0]) if name else self._all()
            return orjson.dumps(found)
        if method == "DELETE" and name:
            self._unloaded.add(self._find(name)[1])  # requests that are on their way keep it until they are answered
            del self._loaded[name]
            return b"{}"
        raise MethodNotAllowed("/models takes GET and POST; /models/{name} takes GET and DELETE")

    def _find(self, name: str) -> tuple[str, Service]:
        if name not in self._loaded:
            raise NotFound(f"the model {name[:100]!r} is not loaded")
        return self._loaded[name]

    def _all(self) -> dict[str, Any]:
        return {"models": [_described(name, url) for name, (url, _) in self._loaded.items()]}

    async def _load(self, name: str, url: str) -> None:
        async with self._loading:
            if name in self._loaded:
                raise AlreadyLoaded(f"the model {name!r} is loaded already")
            folder = self._folder(url)
            if _bytes_in(folder) > self._available():
                raise OutOfMemory(f"there is no memory for the model {name!r}; unload another one")
            try:
                predictor = await asyncio.to_thread(self._load_from, folder)
            except MemoryError as error:
                raise OutOfMemory(f"there is no memory for the model {name!r}; unload another one") from error
            except Exception as error:
                log.exception("the model %s in %s cannot be served", name, url)
                raise ModelFailed(f"the model {name!r} cannot be served; the log says why") from error
            self._loaded[name] = (url, self._serve(predictor))

    def _load_from(self, folder: Path) -> Predictor:
        try:
            return load_from(folder, self._hooks, self._settings.inference)
        except Exception:
            raise
        except BaseException as error:  # a panic, or sys.exit: it would end the worker, and all models with it
            raise RuntimeError(f"{type(error).__name__} while the model was loaded") from error

    def _folder(self, url: str) -> Path:
        """Only what SageMaker has put below /opt/ml is loaded."""
        root, path = self._settings.ml_root.resolve(), PurePosixPath(url)
        below = path.relative_to(_ML_ROOT) if path.is_relative_to(_ML_ROOT) else path
        refused = InvalidInput(f"url: {url[:200]!r} is no folder below {_ML_ROOT}", field="url")
        try:
            folder = (root / below).resolve()
            if folder.is_relative_to(root) and folder.is_dir():
                return folder
        except (ValueError, OSError) as error:  # no name of a file at all
            raise refused from error
        raise refused


def _wanted(body: bytes) -> tuple[str, str]:
    """Name and url of `{"model_name": ..., "url": ...}`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from error
    name, url = (document.get(key) for key in ("model_name", "url")) if isinstance(document, dict) else (None, None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput("model_name: expected a name of letters, digits, dots, dashes", field="model_name")
    if not isinstance(url, str):
        raise InvalidInput("url: expected the path of a folder", field="url")
    return name, url


def _described(name: str, url: str) -> dict[str, str]:
    return {"modelName": name, "modelUrl": url}


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
