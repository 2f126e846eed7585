"""At most one run of the workload at a time: a lease in the workload's table.

Its holder is the name of an execution of the train machine. Whether a holder lives is not guessed from a clock: the
execution itself is asked. Only a holder whose execution does not exist, or has not gone on yet from the end that it is
to go on from (its starter died between the two), is given up by time. Each new holder gets a higher token, which the
run carries; state Plan refuses a run whose token is not the newest, so that a starter which was late cannot start a
second run.
"""

import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from shared.clients import error_code

ALIVE = ("RUNNING", "PENDING_REDRIVE")
KEY = {"kind": {"S": "lease"}, "id": {"S": "train"}}
STARTING_SECONDS = 120
"""More than the function's own timeout: after that, who took the lease can no longer start its run."""
LOOK_AGAIN_SECONDS = 900
"""The end of a run is told by an event; this is for one that never arrives. The longest delay that SQS has."""


@dataclass(frozen=True)
class Held:
    """The lease is this run's; `token` grows with every new holder."""

    token: int


@dataclass(frozen=True)
class Waiting:
    """Another run holds it, or the cooldown has not passed. `seconds`: when to look again, if nothing tells before."""

    seconds: int
    reason: str


class Lease:
    def __init__(self, dynamodb: Any, states: Any, *, table: str, machine_arn: str, cooldown_seconds: int = 0) -> None:
        self._dynamodb, self._states, self._table = dynamodb, states, table
        self._machine_arn, self._cooldown = machine_arn, cooldown_seconds

    def acquire(self, run: str, *, again: bool = False) -> Held | Waiting:
        """For `run`, which may hold it already (the same token again).

        `again`: to go on with a run that ended. That end is written down, by the clock of Step Functions: neither its
        event, which may come late, nor who asks for the execution before it goes on may take it for the end of this
        turn.
        """
        resumed = self._execution(run)[1] if again else None
        taken = self._take(run, resumed)
        if taken:
            return taken
        current = self._read()
        holder = _text(current, "holder")
        if holder and holder != run:
            status, ended = self._execution(holder)
            if status in ALIVE:
                return Waiting(LOOK_AGAIN_SECONDS, f"run {holder} is under way")
            left = _number(current, "expires_at") - time.time()
            if (ended is None or ended <= _number(current, "resumed")) and left > 0:
                return Waiting(int(left) + 1, f"run {holder} is about to start")
            self.release(holder, ended=time.time() if ended is None else ended)
            return self._take(run, resumed) or self._cooling(self._read())
        return self._cooling(current)

    def release(self, run: str, *, ended: float) -> None:
        """Of `run`, which ended then (seconds of the epoch); nothing when another one holds it, or when it goes on from
        that end: unless it should have gone on by now.
        """
        over = "attribute_not_exists(resumed) OR resumed < :ended OR expires_at <= :now"
        self._update(
            "SET free_at = :free REMOVE holder, expires_at, resumed",
            {
                ":run": {"S": run},
                ":free": _seconds(ended + self._cooldown),
                ":ended": _seconds(ended),
                ":now": _seconds(time.time()),
            },
            condition=f"holder = :run AND ({over})",
        )

    def give_back(self, run: str) -> None:
        """Of a run that was not started: no cooldown."""
        self._update("REMOVE holder, expires_at, resumed", {":run": {"S": run}}, condition="holder = :run")

    def execution_arn(self, run: str) -> str:
        return f"{_executions(self._machine_arn)}:{run}"

    def exists(self, run: str) -> bool:
        return self._execution(run)[0] is not None

    def running(self, run: str) -> bool:
        return self._execution(run)[0] in ALIVE

    def _take(self, run: str, resumed: float | None) -> Held | None:
        now = time.time()
        own = {":run": {"S": run}, ":expires": _seconds(now + STARTING_SECONDS)}
        expression = "SET expires_at = :expires"
        if resumed is not None:
            own[":resumed"] = _seconds(resumed)
            expression += ", resumed = :resumed"
        taken = self._update(
            f"{expression}, holder = :run, token_number = if_not_exists(token_number, :zero) + :one",
            {**own, ":now": _seconds(now), ":zero": {"N": "0"}, ":one": {"N": "1"}},
            condition="attribute_not_exists(holder) AND (attribute_not_exists(free_at) OR free_at <= :now)",
        )
        if taken is None:  # its own already: the token stays, the time to start begins anew
            taken = self._update(expression, own, condition="holder = :run")
        return Held(int(taken["token_number"]["N"])) if taken else None

    def _cooling(self, current: dict[str, Any]) -> Waiting:
        """Also when somebody else was faster: then a short while from now."""
        left = _number(current, "free_at") - time.time()
        if not _text(current, "holder") and left > 0:
            return Waiting(min(int(left) + 1, LOOK_AGAIN_SECONDS), "cooldown")
        return Waiting(1, "another run takes the lease")

    def _execution(self, run: str) -> tuple[str | None, float | None]:
        """Its status, None where it does not exist, and when it ended (seconds of the epoch), None where it did not."""
        try:
            found = self._states.describe_execution(executionArn=self.execution_arn(run))
        except ClientError as error:
            if error_code(error) != "ExecutionDoesNotExist":
                raise
            return None, None
        # To the millisecond, which is what its event says and what the table holds.
        return found["status"], round(found["stopDate"].timestamp(), 3) if "stopDate" in found else None

    def _read(self) -> dict[str, Any]:
        answer = self._dynamodb.get_item(TableName=self._table, Key=KEY, ConsistentRead=True)
        return answer.get("Item", {})

    def _update(self, expression: str, values: dict[str, Any], *, condition: str) -> dict[str, Any] | None:
        """The item as it is then; None when the condition is not met."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=KEY,
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return None
        return answer["Attributes"]


def _executions(machine_arn: str) -> str:
    return machine_arn.replace(":stateMachine:", ":execution:")


def _text(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _number(item: dict[str, Any], name: str) -> float:
    return float(item.get(name, {}).get("N", 0))


def _seconds(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}"}
