"""Authentication and authorisation at the front door of the embedded cloud."""

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import EmbeddedCloud, allow, policy, unique


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def user(cloud: EmbeddedCloud):
    """Makes a client factory for a new IAM user with the given statements; `arn` is the user's."""

    def make(*statements: dict) -> tuple[str, dict[str, str]]:
        iam, name = cloud.client("iam"), unique("user")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return arn, {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    return make


def get(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_roots_signature_is_verified(cloud):
    forged = cloud.client("s3", aws_access_key_id=cloud.access_key_id, aws_secret_access_key="guessed")  # noqa: S106
    with pytest.raises(ClientError) as error:
        forged.list_buckets()
    assert code(error) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("key", ["test", "000000000000"])
def test_wellknown_test_keys_are_not_root(cloud, key):
    with pytest.raises(ClientError) as error:
        cloud.client("sts", aws_access_key_id=key, aws_secret_access_key=key).get_caller_identity()
    assert code(error) == "InvalidClientTokenId"


def test_requests_without_credentials_see_public_objects_only(cloud):
    s3, bucket = cloud.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="open/a", Body=b"a")
    s3.put_object(Bucket=bucket, Key="closed/a", Body=b"a")
    s3.delete_public_access_block(Bucket=bucket)
    statement = {**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/open/*"), "Principal": "*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    assert get(f"{cloud.endpoint_url}/{bucket}/open/a") == 200
    assert get(f"{cloud.endpoint_url}/{bucket}/closed/a") == 403
    assert get(f"{cloud.endpoint_url}/{bucket}") == 403


def test_presigned_urls_work(cloud):
    s3, bucket = cloud.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    assert get(url) == 200
    assert get(url[:-1] + ("0" if url[-1] != "0" else "1")) == 403


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config"])
def test_administration_without_credentials_is_closed(cloud, path):
    request = urllib.request.Request(cloud.endpoint_url + path, data=b"{}", method="POST")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 404


def test_tls_only_policy_admits_loopback_and_denies_what_says_it_came_by_http(cloud):
    s3, bucket = cloud.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(deny))
    role = cloud.client("sts").assume_role(RoleArn=_assumable(cloud), RoleSessionName="test")["Credentials"]
    client = cloud.client(
        "s3",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    client.put_object(Bucket=bucket, Key="a", Body=b"a")
    client.meta.events.register("before-send.s3.PutObject", _say_http)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="a", Body=b"a")
    assert code(error) == "AccessDenied"


def _say_http(request, **_):
    request.headers["x-forwarded-proto"] = "http"


def _assumable(cloud: EmbeddedCloud) -> str:
    iam, name = cloud.client("iam"), unique("role")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{cloud.account}:root"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=policy(allow("s3:*")))
    return arn


def test_a_sagemaker_denial_names_principal_action_and_resource(cloud, user):
    arn, keys = user()
    with pytest.raises(ClientError) as error:
        cloud.client("sagemaker", **keys).describe_training_job(TrainingJobName="job-1")
    answer = error.value.response
    assert answer["Error"]["Code"] == "AccessDeniedException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    job = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:training-job/job-1"
    assert f"User: {arn} is not authorized to perform: sagemaker:DescribeTrainingJob on resource: {job}" in str(
        error.value
    )


def test_the_runtime_is_checked_on_the_endpoint(cloud, user):
    endpoint = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint/"
    _, keys = user(allow("sagemaker:InvokeEndpoint", endpoint + "mine"))
    runtime = cloud.client("sagemaker-runtime", **keys)
    with pytest.raises(ClientError) as error:
        runtime.invoke_endpoint(EndpointName="other", Body=b"{}")
    assert code(error) == "AccessDeniedException"
    assert f"sagemaker:InvokeEndpoint on resource: {endpoint}other" in str(error.value)
    with pytest.raises(ClientError) as error:
        runtime.invoke_endpoint(EndpointName="mine", Body=b"{}")
    assert code(error) == "ValidationError"  # allowed, but there is no such endpoint


def test_a_target_header_does_not_change_what_an_invocation_is(cloud, user):
    _, keys = user(allow("sagemaker:ListEndpoints"))
    runtime = cloud.client("sagemaker-runtime", **keys)
    runtime.meta.events.register(
        "before-sign.*", lambda request, **_: request.headers.add_header("X-Amz-Target", "SageMaker.ListEndpoints")
    )
    with pytest.raises(ClientError) as error:
        runtime.invoke_endpoint(EndpointName="any", Body=b"{}")
    assert "sagemaker:InvokeEndpoint" in str(error.value)


def test_creating_an_endpoint_is_checked_on_its_config_too(cloud, user):
    prefix = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:"
    _, keys = user(allow("sagemaker:CreateEndpoint", prefix + "endpoint/e"))
    with pytest.raises(ClientError) as error:
        cloud.client("sagemaker", **keys).create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert f"sagemaker:CreateEndpoint on resource: {prefix}endpoint-config/c" in str(error.value)


def test_passing_a_role_needs_iam_passrole_to_sagemaker(cloud, user):
    role = cloud.role(unique("model"), "sagemaker.amazonaws.com")
    request = {
        "ModelName": unique("model"),
        "ExecutionRoleArn": role,
        "PrimaryContainer": {"Image": f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/r:1"},
    }
    create = allow("sagemaker:CreateModel")
    passing = {**allow("iam:PassRole", role), "Condition": {"StringEquals": {"iam:PassedToService": "X"}}}
    for service, allowed in (("lambda.amazonaws.com", False), ("sagemaker.amazonaws.com", True)):
        passing["Condition"]["StringEquals"]["iam:PassedToService"] = service
        client = cloud.client("sagemaker", **user(create, passing)[1])
        if allowed:
            assert client.create_model(**request)["ModelArn"]
            continue
        with pytest.raises(ClientError) as error:
            client.create_model(**request)
        assert code(error) == "AccessDeniedException"
        assert f"iam:PassRole on resource: {role}" in str(error.value)


def test_metrics_can_be_bound_to_a_namespace(cloud, user):
    bound = {**allow("cloudwatch:PutMetricData"), "Condition": {"StringEquals": {"cloudwatch:namespace": "Mine"}}}
    client = cloud.client("cloudwatch", **user(bound)[1])
    metric = [{"MetricName": "m", "Value": 1.0}]
    client.put_metric_data(Namespace="Mine", MetricData=metric)
    with pytest.raises(ClientError) as error:
        client.put_metric_data(Namespace="Other", MetricData=metric)
    assert "cloudwatch:PutMetricData" in str(error.value)


def test_a_log_group_is_covered_by_its_arn_with_an_asterisk(cloud, user):
    """The form that CloudFormation's `Arn` of a log group has."""
    root, group = cloud.client("logs"), unique("group")
    root.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:{group}:*"
    client = cloud.client(
        "logs", **user(allow(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], arn))[1]
    )
    client.create_log_stream(logGroupName=group, logStreamName="s")
    client.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
    assert [stream["logStreamName"] for stream in client.describe_log_streams(logGroupName=group)["logStreams"]] == [
        "s"
    ]
    with pytest.raises(ClientError) as error:
        client.create_log_stream(logGroupName="other", logStreamName="s")
    assert "log-group:other:log-stream:s" in str(error.value)


def test_a_build_is_checked_on_its_project(cloud, user):
    prefix = f"arn:aws:codebuild:{cloud.region}:{cloud.account}:project/"
    client = cloud.client("codebuild", **user(allow("codebuild:BatchGetBuilds", prefix + "mine"))[1])
    assert client.batch_get_builds(ids=["mine:1"])["builds"] == []
    with pytest.raises(ClientError) as error:
        client.batch_get_builds(ids=["other:1"])
    assert f"codebuild:BatchGetBuilds on resource: {prefix}other" in str(error.value)


def test_an_alarm_is_looked_at_under_its_own_name(cloud, user):
    prefix = f"arn:aws:cloudwatch:{cloud.region}:{cloud.account}:alarm:"
    client = cloud.client("cloudwatch", **user(allow("cloudwatch:DescribeAlarms", prefix + "mine"))[1])
    assert client.describe_alarms(AlarmNames=["mine"])["MetricAlarms"] == []
    for request in ({"AlarmNames": ["other"]}, {}):
        with pytest.raises(ClientError) as error:
            client.describe_alarms(**request)
        assert "cloudwatch:DescribeAlarms" in str(error.value)
