import copy
import json
from typing import Any

import pytest
from shared import descriptor as descriptors
from shared.clients import client
from shared.errors import InvalidDescriptor, UnknownWorkload

PATH = "/slipway/dev/workloads"


def test_a_descriptor_is_read_as_it_was_written(parameters: dict[str, Any], descriptor: dict[str, Any]) -> None:
    assert descriptors.read(client("ssm"), path=PATH, workload="digits") == descriptor


@pytest.mark.parametrize("name", ["letters", "../platform", "digits/..", "", "a" * 64])
def test_a_name_without_descriptor_is_an_unknown_workload(parameters: dict[str, Any], name: str) -> None:
    with pytest.raises(UnknownWorkload):
        descriptors.read(client("ssm"), path=PATH, workload=name)


def test_all_descriptors_come_in_the_order_of_their_names_over_all_pages(parameters: dict[str, Any]) -> None:
    for name in ["zebra", "apples", "moths"]:
        parameters[f"{PATH}/{name}"] = {**parameters[f"{PATH}/digits"], "name": name}
    found = descriptors.read_all(client("ssm"), path=PATH)
    assert [item["name"] for item in found] == ["apples", "digits", "moths", "zebra"]


@pytest.mark.parametrize("key", ["endpoint_name", "gate", "serving"])
def test_a_missing_key_is_named(descriptor: dict[str, Any], key: str) -> None:
    del descriptor[key]
    with pytest.raises(InvalidDescriptor, match=f"/p lacks {key}"):
        descriptors.parse(json.dumps(descriptor), name="/p")


def test_a_missing_key_of_a_section_is_named_with_its_section(descriptor: dict[str, Any]) -> None:
    broken = copy.deepcopy(descriptor)
    del broken["training"]["role_arn"]
    with pytest.raises(InvalidDescriptor, match="/p: training lacks role_arn"):
        descriptors.parse(json.dumps(broken), name="/p")


@pytest.mark.parametrize("value", ["{", "[]", '"text"'])
def test_a_parameter_that_holds_no_object_is_refused(value: str) -> None:
    with pytest.raises(InvalidDescriptor, match="/p"):
        descriptors.parse(value, name="/p")
