"""HTTP as SDKs speak it, through the server in front of the services."""

import http.client
import io
import os
import zipfile

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.support.embedded_cloud import unique


@pytest.fixture(scope="module")
def bucket(cloud) -> str:
    name = unique("bucket")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("key", ["plain", "a b+c/ü%20%2F.txt", "a//b/", "=&?#;,~*'()", "very/" * 100 + "long"])
def test_keys_arrive_as_they_were_sent(cloud, bucket, key):
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    found = {
        item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for item in page["Contents"]
    }
    assert key in found


def test_large_uploads_in_parts_arrive_whole(cloud, bucket):
    content = os.urandom(20 * 1024 * 1024 + 1)
    s3, transfer = cloud.client("s3"), TransferConfig(multipart_threshold=8 * 1024 * 1024)
    s3.upload_fileobj(io.BytesIO(content), bucket, "large", Config=transfer)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content


def test_a_client_that_waits_for_100_continue_gets_it(cloud):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.putrequest("PUT", "/any/key")
    for name, value in (("Expect", "100-continue"), ("Content-Length", "1")):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100")
    connection.close()


def test_head_of_what_is_absent_is_404(cloud, bucket):
    with pytest.raises(ClientError) as error:
        cloud.client("s3").head_object(Bucket=bucket, Key="absent")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_functions_see_no_code_of_ours(cloud):
    source = "def handler(event, context):\n    import os\n    return os.environ.get('PYTHONPATH')\n"
    name = unique("function")
    role = cloud.role(name, "lambda.amazonaws.com")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", source)
    function = cloud.client("lambda")
    function.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.12",
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    assert function.invoke(FunctionName=name)["Payload"].read() == b"null"
