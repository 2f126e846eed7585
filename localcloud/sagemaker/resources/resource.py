"""What is common to all resources: how one is declared, and what an operation on it works with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.sagemaker.errors import AccessDeniedException, ApiError
from localcloud.sagemaker.resources.tags import check_tags
from localcloud.sagemaker.store import AlreadyExists, NotFound, Store

Document = dict[str, Any]


class CloudConfig(Protocol):
    """The members of the embedded cloud's configuration that ARNs are made of."""

    region: str
    account: str


class Caller(Protocol):
    """Who sent an authenticated request."""

    arn: str


class Authorize(Protocol):
    """Whether the caller may do the action on the resource. ``context`` holds IAM condition keys."""

    def __call__(self, caller: Any, action: str, resource_arn: str, context: Mapping[str, str]) -> bool: ...


class Jobs(Protocol):
    """Runs the jobs of every kind; every call returns at once and is idempotent."""

    def start(self, kind: str, name: str) -> None: ...

    def stop(self, kind: str, name: str) -> None: ...

    def update_keep_alive(self, name: str) -> None: ...


class Endpoints(Protocol):
    """Runs endpoints; every call returns at once. What each finds in the document: see ``endpoint``."""

    def create(self, name: str) -> None: ...

    def update(self, name: str) -> None: ...

    def update_weights(self, name: str) -> None: ...

    def delete(self, name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """What the operations work with. ``now`` gives epoch seconds, ``monotonic`` seconds that nobody sets."""

    config: CloudConfig
    store: Store
    jobs: Jobs
    endpoints: Endpoints
    authorize: Authorize
    now: Callable[[], float] = lambda: round(time.time(), 3)
    monotonic: Callable[[], float] = time.monotonic
    registry_lock: threading.Lock = field(default_factory=threading.Lock)

    def arn(self, kind: str, name: str) -> str:
        """SageMaker shows names in lower case in ARNs, but of model packages; the store's names ignore case."""
        shown = name if kind == "model-package" else name.lower()
        return f"arn:aws:sagemaker:{self.config.region}:{self.config.account}:{kind}/{shown}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: the control plane and who calls it."""

    plane: ControlPlane
    caller: Caller

    @property
    def store(self) -> Store:
        return self.plane.store

    def require(self, action: str, resource_arn: str, context: Mapping[str, str] | None = None) -> None:
        """Raise AccessDeniedException unless the caller may do ``action`` on ``resource_arn``."""
        # Nothing but True will do, so that an authorizer of another convention cannot let everybody in.
        if self.plane.authorize(self.caller, action, resource_arn, dict(context or {})) is not True:
            raise AccessDeniedException(
                f"User: {self.caller.arn} is not authorized to perform: {action} on resource: {resource_arn} "
                f"because no identity-based policy allows the {action} action"
            )

    def pass_role(self, role_arn: str | None) -> None:
        """The caller hands this role to SageMaker, which takes iam:PassRole on it."""
        if role_arn is not None:
            self.require("iam:PassRole", role_arn, {"iam:PassedToService": "sagemaker.amazonaws.com"})


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind of resource.

    ``kind`` is its store kind and its type in ARNs; ``noun`` is what its operations and members are called after
    (``CreateTrainingJob``, ``TrainingJobArn``). ``missing`` and ``taken`` make the errors that SageMaker answers, from
    name and ARN. ``newest_first`` is the default order of its list operation.
    """

    kind: str
    noun: str
    missing: Callable[[str, str], ApiError]
    taken: Callable[[str, str], ApiError]
    status_member: str | None = None
    newest_first: bool = False

    @property
    def name_member(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.noun}Arn"

    def find(self, call: Call, name: str) -> Document:
        """The document, or the error SageMaker answers when there is none."""
        try:
            return call.store.get(self.kind, name)
        except NotFound:
            raise self.missing_error(call, name) from None

    def insert(self, call: Call, name: str, document: Document, tags: list[Document]) -> Document:
        """Create the resource with its ARN, creation time and tags."""
        arn = call.plane.arn(self.kind, name)
        if tags:
            check_tags(tags)
            call.require("sagemaker:AddTags", arn)
        document = {**document, self.arn_member: arn, "CreationTime": call.plane.now()}
        if tags:
            document["_Tags"] = tags
        try:
            return call.store.create(self.kind, name, document)
        except AlreadyExists:
            raise self.taken(name, arn) from None

    def remove(self, call: Call, name: str) -> None:
        """Delete the resource."""
        try:
            call.store.delete(self.kind, name)
        except NotFound:
            raise self.missing_error(call, name) from None

    def update(self, call: Call, name: str, change: Callable[[Document], None]) -> Document:
        """``Store.update``, with the error SageMaker answers when there is nothing to update."""
        try:
            return call.store.update(self.kind, name, change)
        except NotFound:
            raise self.missing_error(call, name) from None

    def missing_error(self, call: Call, name: str) -> ApiError:
        return self.missing(name, call.plane.arn(self.kind, name))


Operation = Callable[[Call, Document], Document | None]
