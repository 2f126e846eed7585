"""The workload's durable record of what asks for a run: one DynamoDB table a workload (docs/contract.md, "Table of
training requests").

Every write is conditional or adds, so that any number of functions may do the same at once, and any of them again.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from shared.clients import error_code

REQUESTS, OBJECTS, RECIPES = "request", "object", "recipe"
DEPLOYMENT = "again/deployed"
"""The request of every deployment: a data set's name has no slash."""
REDRIVE = "redrive"
"""`redrive/{run}`: the request that this run goes on."""
KEPT_SECONDS = 30 * 24 * 3600
"""Longer than a message waits anywhere: 14 days in a queue, or in its dead-letter queue."""
SEQUENCER_LENGTH = 64


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What asks for a run. Asks of one `id` are one request, of which the newest ask counts.

    `dataset` None: the newest complete data set. `token` makes a run differ from another one over the same versions;
    empty where new versions alone are worth a run.
    """

    id: str
    dataset: str | None
    hyperparameters: dict[str, str]
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """An ask as it is recorded. It is pending until its newest `revision` is `handled`; `since` is when it became so,
    in seconds of the epoch. `refused` is the version of request.json that an alert was raised about.
    """

    ask: Ask
    revision: int
    handled: int
    since: float
    refused: str

    @property
    def of_deployment(self) -> bool:
        """Worth a run only if the newest one was made with something else."""
        return self.ask.id == DEPLOYMENT

    @property
    def redriven(self) -> str | None:
        """The run that is to go on; None where a new one is asked for."""
        prefix, _, run = self.ask.id.partition("/")
        return run if prefix == REDRIVE and run else None

    @property
    def pending(self) -> bool:
        return self.handled < self.revision


class Records:
    """The requests and the objects' sequencers in `table`."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def is_news(self, key: str, sequencer: str | None) -> bool:
        """False for an event that was marked before, or that a later event of the same object overtook."""
        if sequencer is None:
            return True
        known = self._get(OBJECTS, key).get("sequencer", {}).get("S", "")
        return padded(sequencer) > known

    def remember(self, key: str, sequencer: str | None) -> None:
        """An older sequencer never overwrites a newer one."""
        if sequencer is not None:
            self._update(
                OBJECTS,
                key,
                "SET sequencer = :new, expires = :expires",
                {":new": {"S": padded(sequencer)}, ":expires": _number(_expiry())},
                condition="attribute_not_exists(sequencer) OR sequencer < :new",
            )

    def mark(self, ask: Ask) -> TrainingRequest:
        """Makes the request pending (again); the request as it is then."""
        values = {
            ":dataset": {"S": ask.dataset or ""},
            ":hyperparameters": {"S": json.dumps(ask.hyperparameters, sort_keys=True)},
            ":token": {"S": ask.token},
            ":now": _number(time.time()),
            ":one": _number(1),
        }
        expression = (
            "SET dataset = :dataset, hyperparameters = :hyperparameters, request_token = :token,"
            " since = if_not_exists(since, :now) REMOVE expires ADD revision :one"
        )
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(REQUESTS, ask.id),
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return _request(answer["Attributes"])

    def get(self, request_id: str) -> TrainingRequest | None:
        item = self._get(REQUESTS, request_id)
        return _request(item) if item else None

    def pending(self) -> list[TrainingRequest]:
        """Those that no run has taken up yet, the longest waiting first."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": REQUESTS}},
        )
        found = [_request(item) for page in pages for item in page["Items"]]
        return sorted((item for item in found if item.pending), key=lambda item: item.since)

    def handled(self, request: TrainingRequest) -> None:
        """The request is done, as of the revision that it was read with; what came since stays pending."""
        values = {":read": _number(request.revision), ":expires": _number(_expiry())}
        done = "SET handled = :read, expires = :expires REMOVE since"
        if not self._update(REQUESTS, request.ask.id, done, values, condition="revision = :read"):
            overtaken = {":read": _number(request.revision), ":now": _number(time.time())}
            condition = "attribute_not_exists(handled) OR handled < :read"
            self._update(REQUESTS, request.ask.id, "SET handled = :read, since = :now", overtaken, condition=condition)

    def refused(self, request: TrainingRequest, version_id: str) -> None:
        """An alert was raised about this version of the data set's request.json."""
        self._update(REQUESTS, request.ask.id, "SET refused = :version", {":version": {"S": version_id}})

    def recipe(self) -> str:
        """Of the newest run; empty where none is known."""
        return str(self._get(RECIPES, "newest").get("recipe", {}).get("S", ""))

    def started(self, run: str, recipe: str) -> None:
        """`run` is the newest one, and made with `recipe`."""
        self._update(
            RECIPES, "newest", "SET run = :run, recipe = :recipe", {":run": {"S": run}, ":recipe": {"S": recipe}}
        )

    def _get(self, kind: str, item_id: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(kind, item_id), ConsistentRead=True)
        return answer.get("Item", {})

    def _update(
        self, kind: str, item_id: str, expression: str, values: dict[str, Any], *, condition: str | None = None
    ) -> bool:
        """False when the condition is not met."""
        conditional = {"ConditionExpression": condition} if condition else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(kind, item_id),
                UpdateExpression=expression,
                ExpressionAttributeValues=values,
                **conditional,
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True


def padded(sequencer: str) -> str:
    """So that text compares as sequencers do: zeros on the right of the shorter one (S3 user guide, "Event message
    structure").
    """
    return sequencer.upper().ljust(SEQUENCER_LENGTH, "0")


def _request(item: dict[str, Any]) -> TrainingRequest:
    return TrainingRequest(
        ask=Ask(
            id=item["id"]["S"],
            dataset=item["dataset"]["S"] or None,
            hyperparameters=json.loads(item["hyperparameters"]["S"]),
            token=item["request_token"]["S"],
        ),
        revision=int(item["revision"]["N"]),
        handled=int(item.get("handled", {}).get("N", 0)),
        since=float(item.get("since", {}).get("N", 0)),
        refused=item.get("refused", {}).get("S", ""),
    )


def _key(kind: str, item_id: str) -> dict[str, Any]:
    return {"kind": {"S": kind}, "id": {"S": item_id}}


def _number(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}" if isinstance(value, float) else str(value)}


def _expiry() -> int:
    return int(time.time()) + KEPT_SECONDS
