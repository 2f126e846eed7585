import pytest

from localcloud.stepfunctions import naming


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("EndpointName", "EndpointName"),
        ("stateMachineArn", "StateMachineArn"),
        ("KMSKeyId", "KmsKeyId"),
        ("DBClusters", "DbClusters"),
        ("S3OutputPath", "S3OutputPath"),
        ("EnableIAMAuth", "EnableIamAuth"),
        ("NULL", "Null"),
    ],
)
def test_members_are_capitalised_with_folded_acronyms(member, shown):
    assert naming.sdk_name(member) == shown


@pytest.mark.parametrize(
    ("service_id", "prefix"),
    [
        ("SageMaker", "SageMaker"),
        ("SFN", "Sfn"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("DynamoDB", "DynamoDb"),
        ("SSM", "Ssm"),
        ("S3", "S3"),
        ("EC2", "Ec2"),
        ("SageMaker Runtime", "SageMakerRuntime"),
    ],
)
def test_error_prefixes_are_the_sdks_class_names(service_id, prefix):
    assert naming.sdk_prefix(service_id) == prefix


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ResourceInUse", "ResourceInUseException"),
        ("ConflictException", "ConflictException"),
        ("NoSuchKey", "NoSuchKeyException"),
        ("DBClusterNotFoundFault", "DBClusterNotFoundException"),
    ],
)
def test_modelled_errors_become_exception_classes(code, name):
    assert naming.exception_class(code) == name


@pytest.mark.parametrize(
    ("in_arn", "botocore"),
    [
        ("sagemaker", "sagemaker"),
        ("sagemakerruntime", "sagemaker-runtime"),
        ("sfn", "stepfunctions"),
        ("cloudwatchlogs", "logs"),
        ("eventbridge", "events"),
        ("s3", "s3"),
        ("nonsense", None),
    ],
)
def test_services_of_resource_arns_are_found(in_arn, botocore):
    assert naming.botocore_service(in_arn) == botocore
