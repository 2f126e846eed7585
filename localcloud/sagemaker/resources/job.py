"""What training and processing jobs have in common: stopping and deleting them."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.sagemaker.errors import ResourceInUse, ValidationException
from localcloud.sagemaker.resources.resource import Call, Document, Operation, Resource
from localcloud.sagemaker.resources.secondary_status import begin_secondary_status

_FINAL = ("Completed", "Failed", "Stopped")


def stop_operation(resource: Resource, label: str) -> Operation:
    """``Stop<Noun>``: the job turns Stopping here, and Stopped when its processes have ended.

    Stopping a job that is stopping is no error; stopping one that has ended is.
    """

    def stop(call: Call, request: Document) -> Document:
        name = request[resource.name_member]
        now = call.plane.now()

        def change(job: Document) -> None:
            status = job[resource.status_member]
            if status in _FINAL:
                raise ValidationException(f"The request was rejected because the {label} is in status {status}")
            job[resource.status_member] = "Stopping"
            job["LastModifiedTime"] = now
            if "SecondaryStatus" in job:
                begin_secondary_status(job, "Stopping", f"Stopping the {label}", now)

        resource.update(call, name, change)
        call.plane.jobs.stop(resource.kind, name)
        return {}

    return stop


def delete_operation(
    resource: Resource, label: str, *, still_needed: Callable[[Document], str | None] = lambda job: None
) -> Operation:
    """``Delete<Noun>``: only a job that has ended can be deleted, and none of which ``still_needed`` says why not."""

    def delete(call: Call, request: Document) -> Document:
        name = request[resource.name_member]
        job = resource.find(call, name)
        status = job[resource.status_member]
        if status not in _FINAL:
            raise ResourceInUse(f"The {label} {name} is in status {status}; stop it and wait until it has ended")
        if reason := still_needed(job):
            raise ResourceInUse(f"The {label} {name} cannot be deleted: {reason}")
        resource.remove(call, name)
        return {}

    return delete
