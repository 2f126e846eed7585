"""Synthesis is a pure function of the checkout."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPURE = {"boto3", "datetime", "http", "os", "platform", "random", "requests", "secrets", "socket"} | {
    "subprocess",
    "tempfile",
    "time",
    "urllib",
    "uuid",
}


def test_two_processes_write_the_same_bytes_even_without_network_git_and_aws(
    assembly: Any, secluded_assembly: Any
) -> None:
    first, second = assembly.files(), secluded_assembly.files()
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize("path", sorted((ROOT / "infra").rglob("*.py")), ids=lambda path: path.stem)
def test_infra_imports_nothing_that_reads_the_world_around_it(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported & IMPURE == set()


def test_a_second_workload_adds_its_own_stack_and_changes_no_other(assembly: Any, two_workloads_assembly: Any) -> None:
    before, after = assembly.templates, two_workloads_assembly.templates
    assert after.keys() - before.keys() == {"slipway-dev-constant-answer"}
    assert {name: after[name] for name in before} == before


def test_the_second_workload_has_everything_that_the_first_has(two_workloads_assembly: Any) -> None:
    def kinds(stack: str) -> Counter[str]:
        return Counter(resource["Type"] for resource in two_workloads_assembly.templates[stack]["Resources"].values())

    assert kinds("slipway-dev-mnist-lightning") <= kinds("slipway-dev-constant-answer")


def test_no_stack_adds_to_a_role_of_another_one(two_workloads_assembly: Any) -> None:
    """A role takes 10,240 characters of inline policies: what every workload adds to ends the number of workloads."""
    roles = [r for p in two_workloads_assembly.resources("AWS::IAM::Policy").values() for r in p["Roles"]]
    assert roles
    assert [role for role in roles if role.keys() != {"Ref"}] == []


def test_spot_waits_are_what_the_train_state_waits_for(two_workloads_assembly: Any) -> None:
    template = two_workloads_assembly.templates["slipway-dev-constant-answer"]
    # Three rounds of two training jobs, with 1200 seconds of waiting and 1800 of overhead in each.
    assert '\\"TimeoutSeconds\\":9000' in json.dumps(template)


def test_gpu_instances_train_in_the_gpu_image(two_workloads_assembly: Any) -> None:
    template = json.dumps(two_workloads_assembly.templates["slipway-dev-constant-answer"])
    assert "pytorch:2.13-cu133-amzn2023-sagemaker" in template
    assert template.count("pytorch:2.13-cpu-amzn2023-sagemaker") == 2  # the check and the processing step on a CPU


def test_no_stack_knows_its_account_or_region(assembly: Any) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text("utf-8"))
    environments = {
        artifact["environment"]
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}


def test_no_custom_resource_is_deployed_but_the_image_build(assembly: Any) -> None:
    custom = {
        resource["Type"]
        for template in assembly.templates.values()
        for resource in template["Resources"].values()
        if resource["Type"].startswith("Custom::") or resource["Type"] == "AWS::CloudFormation::CustomResource"
    }
    assert custom == {"Custom::ContainerImage"}


def test_a_function_is_shipped_with_its_own_folder_and_the_shared_one(two_workloads_assembly: Any) -> None:
    """The second workload is monitored, so that every function is there."""
    bundles = [
        {path.name for path in folder.iterdir()}
        for folder in two_workloads_assembly.folder.glob("asset.*")
        if any(folder.glob("*/handler.py"))
    ]
    own = sorted(next(iter(bundle - {"shared"})) for bundle in bundles)
    assert all(len(bundle) == 2 for bundle in bundles)
    assert own == sorted(path.parent.name for path in (ROOT / "lambdas").glob("*/handler.py"))


def test_what_the_app_imports_beside_the_cdk_does_not_import_it_too() -> None:
    """Two threads must not talk to the CDK's library at once."""
    code = "import sys, infra.workloads; assert not {'aws_cdk', 'constructs', 'jsii'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
