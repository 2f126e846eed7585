"""A build's record in the shape of CodeBuild's `Build`, times in seconds since the epoch."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

# StartBuild's override -> where it goes in the build's record.
_OVERRIDES: dict[str, tuple[str, ...]] = {
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "buildspecOverride": ("source", "buildspec"),
    "environmentTypeOverride": ("environment", "type"),
    "imageOverride": ("environment", "image"),
    "computeTypeOverride": ("environment", "computeType"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "serviceRoleOverride": ("serviceRole",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "sourceVersion": ("sourceVersion",),
}
_WITHOUT_EFFECT = frozenset({"projectName", "idempotencyToken", "environmentVariablesOverride"})


class UnsupportedOverride(ValueError):
    """StartBuild names a member that builds here do not follow."""


def new_build(
    project: dict[str, Any], request: dict[str, Any], *, account: str, region: str, number: int, now: float
) -> dict[str, Any]:
    """The record of a build that StartBuild (`request`) has just submitted. Raises UnsupportedOverride.

    `project` is the project as BatchGetProjects shows it, `number` the build's number within the project.
    """
    name, identifier = project["name"], uuid.uuid4()
    group = project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName") or f"/aws/codebuild/{name}"
    build: dict[str, Any] = {
        "id": f"{name}:{identifier}",
        "arn": f"arn:aws:codebuild:{region}:{account}:build/{name}:{identifier}",
        "buildNumber": number,
        "projectName": name,
        "startTime": now,
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "phases": [],
        "source": copy.deepcopy(project.get("source", {"type": "NO_SOURCE"})),
        "sourceVersion": project.get("sourceVersion", ""),
        "artifacts": {"location": ""},
        "environment": copy.deepcopy(project.get("environment", {})),
        "serviceRole": project["serviceRole"],
        "timeoutInMinutes": project.get("timeoutInMinutes", 60),
        "encryptionKey": project.get("encryptionKey", ""),
        "logs": {"groupName": group, "streamName": str(identifier)},
        "initiator": "StartBuild",
    }
    _apply(build, request)
    return build


def _apply(build: dict[str, Any], request: dict[str, Any]) -> None:
    for member, value in request.items():
        if member in _OVERRIDES:
            *outer, last = _OVERRIDES[member]
            target = build[outer[0]] if outer else build
            target[last] = value
        elif member not in _WITHOUT_EFFECT:
            raise UnsupportedOverride(f"{member} is not supported by the embedded cloud's builds")
    overridden = request.get("environmentVariablesOverride", [])
    names = {variable["name"] for variable in overridden}
    declared = build["environment"].get("environmentVariables") or []
    kept = [variable for variable in declared if variable["name"] not in names]
    build["environment"]["environmentVariables"] = [*kept, *overridden]


class Progress:
    """Writes a build's phases into its record and reports each change, with a copy that the receiver may keep."""

    def __init__(
        self, build: dict[str, Any], report: Callable[[dict[str, Any]], None], clock: Callable[[], float]
    ) -> None:
        self.build = copy.deepcopy(build)
        self._report = report
        self._clock = clock

    def begin(self, phase: str) -> None:
        self.build["currentPhase"] = phase
        self.build["phases"].append({"phaseType": phase, "startTime": self._clock()})
        self._report(copy.deepcopy(self.build))

    def end(self, status: str = "SUCCEEDED", *, code: str = "", message: str = "") -> None:
        """Ends the phase that began last. `code` and `message` are its context (`PhaseContext`)."""
        phase, now = self.build["phases"][-1], self._clock()
        phase |= {"phaseStatus": status, "endTime": now, "durationInSeconds": int(now - phase["startTime"])}
        phase["contexts"] = [{"statusCode": code, "message": message}]
        self._report(copy.deepcopy(self.build))

    def finish(self, status: str) -> None:
        """Ends the build with its `buildStatus`."""
        self.build |= {"buildStatus": status, "buildComplete": True, "currentPhase": "COMPLETED"}
        self.build["endTime"] = self._clock()
        self.build["phases"].append({"phaseType": "COMPLETED", "startTime": self.build["endTime"]})
        self._report(copy.deepcopy(self.build))
