"""Documents with CloudFormation tokens in them, as text."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Stack

PARAMETER_LIMIT = 8192
"""Characters of an advanced SSM parameter. JSON escapes what is not ASCII, so each is a byte."""
_TOKEN_LIMIT = 170
"""Characters: what one token stands for has fewer. The longest is the URI of an image with a digest as its tag."""
_ARN_LIMIT = 120
_LONGEST = {"AWS::AccountId": 12, "AWS::Partition": 10, "AWS::Region": 14, "AWS::URLSuffix": 16}


class LongDocument(ValueError):
    """A document that its place would not take, once CloudFormation has put in what its tokens stand for."""


def to_json(document: Any) -> str:
    """Compact JSON. Its strings may hold tokens, whose values (ARNs, names) need no escaping.

    Not `Stack.to_json_string`: on its way to jsii a dictionary loses the keys whose value is None.
    """
    return json.dumps(document, separators=(",", ":"))


def to_parameter(document: Any, *, stack: Stack, shorten: str) -> str:
    """`to_json` for an SSM parameter. Raises LongDocument, which says to shorten `shorten`: where SSM refuses it, it is
    the last resource of a deployment, and in some regions only."""
    text = to_json(document)
    # Asking the stack takes a while: most documents are short enough however long their tokens.
    if len(text) + text.count("${Token[") * _TOKEN_LIMIT > PARAMETER_LIMIT:
        longest = most_characters(stack.resolve(text))
        if longest > PARAMETER_LIMIT:
            raise LongDocument(
                f"{stack.stack_name}: its descriptor may have {longest:,} characters, and an SSM parameter takes"
                f" {PARAMETER_LIMIT:,}: shorten {shorten}"
            )
    return text


def most_characters(part: Any) -> int:
    """How long a text can become in any region. `part`: what `Stack.resolve` has made of it."""
    if isinstance(part, str):
        return len(part)
    ((function, value),) = part.items()
    if function == "Fn::Join":
        return sum(map(most_characters, value[1])) + len(value[0]) * (len(value[1]) - 1)
    if function == "Fn::Sub" and isinstance(value, str):
        for name, longest in _LONGEST.items():
            value = value.replace(f"${{{name}}}", "x" * longest)
        return len(value)
    if function == "Fn::FindInMap":  # of the accounts and domains of images
        return max(_LONGEST.values())
    if function == "Ref":
        return _LONGEST.get(value, _ARN_LIMIT)
    return _TOKEN_LIMIT if function == "Fn::GetAtt" and value[1] != "Arn" else _ARN_LIMIT
