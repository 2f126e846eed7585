"""Makes ministack's CodeBuild run its builds: the records stay its own, what happens in them is the executor's."""

from __future__ import annotations

import importlib
import time
from typing import Any

from localcloud.codebuild import CodeBuildExecutor, UnsupportedOverride, new_build
from localcloud.config import Config


def register(config: Config, executor: CodeBuildExecutor) -> None:
    """Replace StartBuild and StopBuild."""
    service = importlib.import_module("ministack.services.codebuild")
    responses = importlib.import_module("ministack.core.responses")

    def report(build: dict[str, Any]) -> None:
        service._builds.set_scoped(config.account, config.region, build["id"], build)

    def start(request: dict[str, Any]) -> Any:
        name = request.get("projectName", "")
        project = service._projects.get(name)
        if project is None:
            message = f"Project cannot be found: arn:aws:codebuild:{config.region}:{config.account}:project/{name}"
            return responses.error_response_json("ResourceNotFoundException", message, 400)
        number = 1 + sum(build["projectName"] == name for build in service._builds.values())
        shown = service._project_shape(project)
        try:
            build = new_build(
                shown, request, account=config.account, region=config.region, number=number, now=time.time()
            )
        except UnsupportedOverride as error:
            return responses.error_response_json("InvalidInputException", str(error), 400)
        report(build)
        executor.start(build, report)
        return responses.json_response({"build": build})

    def stop(request: dict[str, Any]) -> Any:
        build = service._builds.get(request.get("id", ""))
        if build is None:
            message = f"Build cannot be found: {request.get('id', '')}"
            return responses.error_response_json("ResourceNotFoundException", message, 400)
        executor.stop(build["id"])
        return responses.json_response({"build": build})

    service._start_build, service._stop_build = start, stop
