"""A workload with an image of its own: built, trained, evaluated and served by it."""

from __future__ import annotations

import json
from typing import Any

import pytest

STACK = "slipway-dev-iris-byoc"


@pytest.fixture(scope="module")
def resources(checkout_assembly: Any) -> dict[str, dict[str, Any]]:
    return checkout_assembly.templates[STACK]["Resources"]


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {name: found["Properties"] for name, found in resources.items() if found["Type"] == kind}


def descriptor(resources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (parameter,) = of_type(resources, "AWS::SSM::Parameter").values()
    parts = parameter["Value"]["Fn::Join"][1]
    tokens = (part if isinstance(part, str) else next(iter(part.values())) for part in parts)
    return json.loads("".join(token if isinstance(token, str) else ".".join(map(str, token)) for token in tokens))


def test_the_image_is_built_from_the_workloads_two_folders_and_nothing_else(
    checkout_assembly: Any, resources: dict[str, dict[str, Any]]
) -> None:
    (build,) = of_type(resources, "Custom::ContainerImage").values()
    assert build["Dockerfile"] == "training_code/iris_byoc/Dockerfile"
    assert build["BuildArgs"] == {}
    context = checkout_assembly.folder / f"asset.{build['ImageTag']}"
    assert {path.name for path in context.iterdir()} == {"training_code", "inference_code"}
    for folder in context.iterdir():
        assert [path.name for path in folder.iterdir()] == ["iris_byoc"]
    names = {path.name for path in (context / "training_code/iris_byoc").iterdir()}
    assert {"Dockerfile", "train"} <= names
    assert "workload.yaml" not in names, "a changed manifest would be another image"
    assert (context / "inference_code/iris_byoc/serve").is_file()


def test_one_image_trains_evaluates_and_serves_and_no_driver_is_put_into_it(
    resources: dict[str, dict[str, Any]],
) -> None:
    document = descriptor(resources)
    training, evaluation = document["training"], document["evaluation"]
    images = {document[part]["image_uri"] for part in ("training", "evaluation", "serving")}
    assert len(images) == 1
    assert training["script"] is None
    assert evaluation["evaluator_uri"].endswith(".zip")
    assert evaluation["label_column"] == "Species"


def test_the_training_role_pulls_the_workloads_own_image(resources: dict[str, dict[str, Any]]) -> None:
    (repository,) = of_type(resources, "AWS::ECR::Repository")
    policies = {name: json.dumps(found) for name, found in of_type(resources, "AWS::IAM::Policy").items()}
    pulling = [
        name
        for name, text in policies.items()
        if "ecr:GetDownloadUrlForLayer" in text and f'"{repository}"' in text and "Training" in name
    ]
    assert any("TrainingRole" in name for name in pulling)


def test_a_build_pushes_to_its_workloads_repository_only(resources: dict[str, dict[str, Any]]) -> None:
    (role,) = (
        (name, found)
        for name, found in of_type(resources, "AWS::IAM::Role").items()
        if found.get("Path") == "/slipway-dev/image-build/"
    )
    (policy,) = (
        found for found in of_type(resources, "AWS::IAM::Policy").values() if found["Roles"] == [{"Ref": role[0]}]
    )
    (push,) = (s for s in policy["PolicyDocument"]["Statement"] if "ecr:PutImage" in s["Action"])
    (repository,) = of_type(resources, "AWS::ECR::Repository")
    assert push["Resource"] == {"Fn::GetAtt": [repository, "Arn"]}
