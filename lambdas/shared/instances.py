"""What an instance type's name says about its disks.

SageMaker refuses a KMS key for the ML storage volume of instances with local NVMe storage, which encrypt it in hardware
(ResourceConfig.VolumeKmsKeyId, ProcessingClusterConfig.VolumeKmsKeyId, CreateEndpointConfig.KmsKeyId in the API
reference).
"""

import re

# Families with local NVMe storage whose name does not say so; elsewhere the letter d after the generation does (EC2
# naming convention).
_NVME_FAMILIES = {"g5", "g6", "g6e", "g7e", "gr6", "i3", "i3en", "p5", "p5e", "p5en", "trn1", "trn1n", "trn2"}
_FAMILY = re.compile(r"ml\.([a-z]+[0-9]+)([a-z-]*)\.[a-z0-9]+")


def volume_key(instance_type: str, kms_key_arn: str, *, member: str) -> dict[str, str]:
    """`{member: kms_key_arn}` where the instance type's storage volume takes a key, else `{}`; to be merged into a
    request.
    """
    return {} if has_local_storage(instance_type) else {member: kms_key_arn}


def has_local_storage(instance_type: str) -> bool:
    match = _FAMILY.fullmatch(instance_type)
    if not match:
        return False
    generation, attributes = match.groups()
    return "d" in attributes or generation + attributes in _NVME_FAMILIES
