"""Hosts and instance groups of a training job."""

from localcloud.sagemaker.jobs.instances import all_hosts, channel_hosts, instance_groups, resource_config

HETEROGENEOUS = {
    "VolumeSizeInGB": 1,
    "InstanceGroups": [
        {"InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
        {"InstanceGroupName": "train", "InstanceType": "ml.m5.large", "InstanceCount": 1},
    ],
}


def _channel(*groups: str) -> dict:
    return {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/", **({"InstanceGroupNames": groups} if groups else {})}}}


def test_hosts_are_numbered_through_all_groups() -> None:
    groups = instance_groups(HETEROGENEOUS)
    assert all_hosts(groups) == ["algo-1", "algo-2", "algo-3"]
    assert resource_config(groups, "algo-3", interface="lo") == {
        "current_host": "algo-3",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "train",
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "instance_groups": [
            {"instance_group_name": "data", "instance_type": "ml.c5.xlarge", "hosts": ["algo-1", "algo-2"]},
            {"instance_group_name": "train", "instance_type": "ml.m5.large", "hosts": ["algo-3"]},
        ],
        "network_interface_name": "lo",
    }


def test_one_group_has_the_name_that_sagemaker_gives_it() -> None:
    groups = instance_groups({"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1})
    config = resource_config(groups, "algo-2", interface="lo")
    assert (config["current_group_name"], config["current_instance_type"]) == ("homogeneousCluster", "ml.m5.large")


def test_a_channel_reaches_the_groups_it_names() -> None:
    groups = instance_groups(HETEROGENEOUS)
    assert channel_hosts(_channel("train"), groups) == ["algo-3"]
    assert channel_hosts(_channel("data"), groups) == ["algo-1", "algo-2"]
    assert channel_hosts(_channel(), groups) == all_hosts(groups)
