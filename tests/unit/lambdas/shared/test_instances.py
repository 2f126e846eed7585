import pytest
from shared.instances import has_local_storage, volume_key


@pytest.mark.parametrize(
    "instance_type",
    [
        "ml.g4dn.xlarge",
        "ml.g5.2xlarge",
        "ml.p4d.24xlarge",
        "ml.m5d.large",
        "ml.p3dn.24xlarge",
        "ml.c6gd.large",
        "ml.trn1.2xlarge",
    ],
)
def test_instances_with_nvme_storage_take_no_key(instance_type: str) -> None:
    assert has_local_storage(instance_type)
    assert volume_key(instance_type, "arn", member="KmsKeyId") == {}


@pytest.mark.parametrize(
    "instance_type", ["ml.m5.xlarge", "ml.c5.large", "ml.p3.2xlarge", "ml.t2.medium", "ml.c7i.large", "ml.inf1.xlarge"]
)
def test_instances_with_a_storage_volume_get_the_key(instance_type: str) -> None:
    assert volume_key(instance_type, "arn", member="VolumeKmsKeyId") == {"VolumeKmsKeyId": "arn"}
