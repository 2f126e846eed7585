import pytest

from localcloud.codebuild import UnsupportedOverride, new_build

PROJECT = {
    "name": "images",
    "serviceRole": "arn:aws:iam::000000000000:role/build",
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\n"},
    "environment": {
        "image": "standard",
        "environmentVariables": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    },
    "timeoutInMinutes": 15,
}


def build(**request: object) -> dict:
    arguments = {"account": "000000000000", "region": "us-east-1", "number": 3, "now": 1700000000.0}
    return new_build(PROJECT, {"projectName": "images", **request}, **arguments)


def test_a_build_begins_as_its_project_says() -> None:
    made = build()
    name, _, identifier = made["id"].partition(":")
    assert name == "images" and made["arn"].endswith(f":build/{made['id']}")
    assert (made["buildStatus"], made["currentPhase"], made["buildNumber"]) == ("IN_PROGRESS", "SUBMITTED", 3)
    assert made["logs"] == {"groupName": "/aws/codebuild/images", "streamName": identifier}
    assert made["timeoutInMinutes"] == 15


def test_overrides_go_before_the_project_and_leave_it_alone() -> None:
    made = build(
        sourceTypeOverride="S3",
        sourceLocationOverride="bucket/key.zip",
        timeoutInMinutesOverride=5,
        environmentVariablesOverride=[{"name": "B", "value": "2"}, {"name": "C", "value": "2"}],
    )
    assert made["source"] == {"type": "S3", "location": "bucket/key.zip", "buildspec": "version: 0.2\n"}
    assert made["timeoutInMinutes"] == 5
    variables = {variable["name"]: variable["value"] for variable in made["environment"]["environmentVariables"]}
    assert variables == {"A": "1", "B": "2", "C": "2"}
    assert PROJECT["source"]["type"] == "NO_SOURCE" and len(PROJECT["environment"]["environmentVariables"]) == 2


def test_the_projects_own_log_group_is_used() -> None:
    arguments = {"account": "000000000000", "region": "us-east-1", "number": 1, "now": 0.0}
    project = {**PROJECT, "logsConfig": {"cloudWatchLogs": {"groupName": "/my/builds"}}}
    assert new_build(project, {"projectName": "images"}, **arguments)["logs"]["groupName"] == "/my/builds"


def test_an_override_that_would_be_ignored_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedOverride, match="secondarySourcesOverride"):
        build(secondarySourcesOverride=[])
