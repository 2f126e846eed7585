"""What is deployed: the JSON documents in SSM that the deployment writes (docs/contract.md has their fields)."""

from __future__ import annotations

import json
from typing import Any

from cli.errors import CliError
from cli.target import Target


def platform(target: Target) -> dict[str, Any]:
    """Buckets, key and alerts topic; raises CliError when the stage is not deployed."""
    return _parameter(target, f"/slipway/{target.stage}/platform")


def api(target: Target) -> dict[str, Any]:
    """The REST API: its id, stage, url and the id of its key; raises CliError when the stage is not deployed."""
    return _parameter(target, f"/slipway/{target.stage}/api")


def workloads(target: Target) -> list[dict[str, Any]]:
    """The descriptor of every deployed workload, by name; empty when none is."""
    pages = (
        target.client("ssm")
        .get_paginator("get_parameters_by_path")
        .paginate(Path=f"/slipway/{target.stage}/workloads/", WithDecryption=True)
    )
    documents = [json.loads(parameter["Value"]) for page in pages for parameter in page["Parameters"]]
    return sorted(documents, key=lambda document: document["name"])


def workload(target: Target, name: str) -> dict[str, Any]:
    """The descriptor of one workload; raises CliError that names those there are."""
    known = workloads(target)
    for document in known:
        if document["name"] == name:
            return document
    if not known:
        raise _not_deployed(target)
    names = ", ".join(document["name"] for document in known)
    raise CliError(f"There is no workload {name!r} in stage {target.stage!r}.", hint=f"Deployed are: {names}")


def _parameter(target: Target, name: str) -> dict[str, Any]:
    ssm = target.client("ssm")
    try:
        answer = ssm.get_parameter(Name=name, WithDecryption=True)
    except ssm.exceptions.ParameterNotFound:
        raise _not_deployed(target) from None
    return json.loads(answer["Parameter"]["Value"])


def _not_deployed(target: Target) -> CliError:
    command = "slipway up" if target.name == "local" else "slipway --target aws up"
    return CliError(f"Stage {target.stage!r} is not deployed.", hint=f"Deploy it: {command}")
