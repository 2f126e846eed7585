"""Reaching the embedded cloud and AWS."""

from __future__ import annotations

from cli.target import Endpoint, Target

LOCAL = Target(stage="dev", endpoint=Endpoint("http://127.0.0.1:4700", "us-east-1", "AKIDEXAMPLE", "not-a-secret"))
API = {"rest_api_id": "abc123", "stage": "dev", "url": "https://abc123.execute-api.eu-west-1.amazonaws.com/dev/"}


def test_children_of_the_local_target_reach_it_and_nothing_else() -> None:
    environment = LOCAL.environment(
        {"PATH": "/bin", "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "PYTHONDONTWRITEBYTECODE": "1"}
    )
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4700"
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIDEXAMPLE"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "PYTHONDONTWRITEBYTECODE"} & environment.keys()


def test_children_of_the_aws_target_keep_the_persons_credentials() -> None:
    base = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t"}
    assert Target(stage="dev").environment(base) == base
    assert Target(stage="dev", region="eu-west-1").environment(base)["AWS_REGION"] == "eu-west-1"


def test_the_api_is_at_the_descriptors_url_on_aws_and_at_the_endpoint_locally() -> None:
    assert Target(stage="dev").api_url(API) == "https://abc123.execute-api.eu-west-1.amazonaws.com/dev"
    assert LOCAL.api_url(API) == "http://127.0.0.1:4700/_aws/execute-api/abc123/dev"


def test_clients_of_the_local_target_call_its_endpoint_and_are_made_once() -> None:
    client = LOCAL.client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4700"
    assert client.meta.region_name == "us-east-1"
    assert LOCAL.client("s3") is client
