from __future__ import annotations

import json

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam

from infra.documents import PARAMETER_LIMIT, LongDocument, most_characters, to_parameter

ROLE = "arn:aws-us-gov:iam::123456789012:role/" + "x" * 64
IMAGE = f"123456789012.dkr.ecr.ap-northeast-1.amazonaws.com.cn/{'x' * 41}:{'f' * 64}"


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(App(), "Stack")


@pytest.fixture(scope="module")
def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


@pytest.mark.parametrize(
    ("part", "deployed"),
    [
        ({"Fn::GetAtt": ["Role", "Arn"]}, ROLE),
        ({"Fn::GetAtt": ["Build", "ImageUri"]}, IMAGE),
        ({"Ref": "Machine"}, f"arn:aws-us-gov:states:us-gov-west-1:123456789012:stateMachine:{'x' * 41}-rollout"),
        ({"Fn::GetStackOutput": {}}, f"arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/{'1' * 36}"),
        ({"Ref": "AWS::Region"}, "ap-southeast-1"),
        ({"Fn::Sub": "s3://assets-${AWS::AccountId}-${AWS::Region}/x.zip"}, "s3://assets-123456789012-us-east-1/x.zip"),
        ({"Fn::Join": [".", [{"Fn::FindInMap": ["Accounts", {"Ref": "AWS::Region"}, "account"]}, "dkr"]]}, "1" * 16),
    ],
)
def test_no_region_makes_a_text_longer_than_is_said(part: object, deployed: str) -> None:
    assert len(deployed) <= most_characters(part) <= len(deployed) + 40


def test_a_document_that_ssm_would_refuse_in_some_region_is_refused(stack: Stack, role: iam.Role) -> None:
    fits = {"role": role.role_arn, "sample": "x" * (PARAMETER_LIMIT - 200)}
    assert json.loads(to_parameter(fits, stack=stack, shorten="the sample")) == fits
    long = {**fits, "sample": "x" * (PARAMETER_LIMIT - len(ROLE))}
    with pytest.raises(LongDocument, match=r"Stack: its descriptor may have 8,2\d\d characters.*shorten the sample"):
        to_parameter(long, stack=stack, shorten="the sample")
