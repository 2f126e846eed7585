"""The instances of a training job: one group, or the several of a heterogeneous cluster (shape InstanceGroup)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_ONLY_GROUP = "homogeneousCluster"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Instances of one type; the hosts of all groups are numbered through, algo-1 ... algo-n."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


def instance_groups(resources: dict[str, Any]) -> list[Group]:
    """The groups of a ResourceConfig, in its order; one where it has no `InstanceGroups`."""
    requested = resources.get("InstanceGroups") or [{"InstanceGroupName": _ONLY_GROUP, **resources}]
    groups: list[Group] = []
    first = 1
    for group in requested:
        after = first + group.get("InstanceCount", 1)
        hosts = tuple(f"algo-{number}" for number in range(first, after))
        groups.append(Group(name=group["InstanceGroupName"], instance_type=group.get("InstanceType", ""), hosts=hosts))
        first = after
    return groups


def all_hosts(groups: Sequence[Group]) -> list[str]:
    return [host for group in groups for host in group.hosts]


def channel_hosts(channel: dict[str, Any], groups: Sequence[Group]) -> list[str]:
    """The hosts that get a channel's data: all, or those of its InstanceGroupNames."""
    names = channel["DataSource"]["S3DataSource"].get("InstanceGroupNames")
    return all_hosts([group for group in groups if not names or group.name in names])


def resource_config(groups: Sequence[Group], host: str, *, interface: str) -> dict[str, Any]:
    """resourceconfig.json for one host."""
    own = next(group for group in groups if host in group.hosts)
    return {
        "current_host": host,
        "current_instance_type": own.instance_type,
        "current_group_name": own.name,
        "hosts": all_hosts(groups),
        "instance_groups": [
            {"instance_group_name": group.name, "instance_type": group.instance_type, "hosts": list(group.hosts)}
            for group in groups
        ],
        "network_interface_name": interface,
    }
