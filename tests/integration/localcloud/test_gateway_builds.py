"""CodeBuild's builds are run, and their records say how they ended."""

import json

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique


def _run(cloud: EmbeddedCloud, *commands: str) -> dict:
    codebuild, name = cloud.client("codebuild"), unique("project")
    role = cloud.role(name, "codebuild.amazonaws.com", allow("logs:*"))
    specification = {"version": "0.2", "phases": {"build": {"commands": list(commands)}}}
    codebuild.create_project(
        name=name,
        source={"type": "NO_SOURCE", "buildspec": json.dumps(specification, indent=1)},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=role,
    )
    identifier = codebuild.start_build(projectName=name)["build"]["id"]

    def ended() -> dict | None:
        build = codebuild.batch_get_builds(ids=[identifier])["builds"][0]
        return build if build["buildComplete"] else None

    return eventually(ended, 60)


@pytest.mark.parametrize(("command", "status"), [("true", "SUCCEEDED"), ("false", "FAILED")])
def test_a_build_ends_as_its_commands_do(cloud, command, status):
    assert _run(cloud, command)["buildStatus"] == status


def test_a_builds_output_is_in_its_log(cloud):
    logs = _run(cloud, "echo said-by-the-build")["logs"]
    events = cloud.client("logs").get_log_events(logGroupName=logs["groupName"], logStreamName=logs["streamName"])
    assert any("said-by-the-build" in event["message"] for event in events["events"])
