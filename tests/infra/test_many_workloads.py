"""Forty workloads in one stage: no limit of AWS's is met by their number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import APP, Assembly, code_of, synthesise

WORKLOADS = 40
INLINE_POLICIES_LIMIT = 10_240  # characters of all inline policies of a role, without white space (IAM quotas)
TEMPLATE_RESOURCES_LIMIT = 500  # of a stack (CloudFormation quotas)
OUTPUTS_LIMIT = 200
LONGEST_NAME = 26
TOKEN_CHARACTERS = 100  # what stands for one in a policy is an ARN or a part of one


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    root = code_of(tmp_path_factory.mktemp("many"))
    source = Path(__file__).parent / "workloads"
    for number in range(WORKLOADS):
        name = f"w{number:02}_".ljust(LONGEST_NAME, "x")
        for folder in ("training_code", "inference_code"):
            shutil.copytree(source / folder / "constant_answer", root / folder / name)
        manifest = root / "training_code" / name / "workload.yaml"
        manifest.write_text(manifest.read_text("utf-8").replace("constant_answer", name), "utf-8")
    # Validation takes seconds for each of them, and those of the checkout are validated anyway.
    arguments, environment = ["-c", APP, str(root)], {"CDK_VALIDATION": "false"}
    return synthesise(tmp_path_factory.mktemp("many-assembly"), arguments=arguments, environment=environment)


def characters(value: Any) -> int:
    """At least as many as the deployed document has."""
    if isinstance(value, dict) and value.keys() & {"Ref", "Fn::GetAtt", "Fn::ImportValue", "Fn::GetStackOutput"}:
        return TOKEN_CHARACTERS
    if isinstance(value, dict) and "Fn::Join" in value:
        return sum(map(characters, value["Fn::Join"][1]))
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 + characters(item) for key, item in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + characters(item) for item in value)
    return len(json.dumps(value))


def test_no_role_s_inline_policies_grow_with_the_number_of_workloads(many: Assembly) -> None:
    sizes: dict[str, int] = {}
    for name, properties in many.resources("AWS::IAM::Policy").items():
        stack = name.partition("/")[0]
        for role in properties["Roles"]:
            # A role of the same stack is a Ref; of another one it would be an import, the same in every stack.
            key = f"{stack if 'Ref' in role else ''} {json.dumps(role)}"
            sizes[key] = sizes.get(key, 0) + characters(properties["PolicyDocument"])
    assert len(sizes) > WORKLOADS
    assert {key: size for key, size in sizes.items() if size >= INLINE_POLICIES_LIMIT} == {}


def test_no_template_outgrows_a_stack(many: Assembly) -> None:
    for name, template in many.templates.items():
        assert len(template["Resources"]) <= TEMPLATE_RESOURCES_LIMIT, name
        assert len(template.get("Outputs", {})) <= OUTPUTS_LIMIT, name
