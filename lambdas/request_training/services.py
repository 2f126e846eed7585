"""What a batch is handled with: the clients, the addresses, and the workload as it is deployed now."""

import json
from dataclasses import dataclass
from typing import Any

from shared.descriptor import Descriptor

from request_training.events import DUE, SOURCE
from request_training.lease import Lease
from request_training.records import Records


@dataclass(frozen=True, kw_only=True)
class Services:
    """The clients and addresses that a batch needs."""

    ssm: Any
    s3: Any
    states: Any
    sns: Any
    sqs: Any
    dynamodb: Any
    workloads_path: str
    workload: str
    alerts_topic_arn: str
    queue_url: str
    table: str

    @property
    def records(self) -> Records:
        return Records(self.dynamodb, self.table)

    def lease(self, descriptor: Descriptor) -> Lease:
        return Lease(
            self.dynamodb,
            self.states,
            table=self.table,
            machine_arn=descriptor["train_state_machine_arn"],
            cooldown_seconds=descriptor["triggers"]["cooldown_seconds"],
        )

    def remind(self, request: str, revision: int, *, seconds: int) -> None:
        """Have this function look at the request again, `seconds` from now (SQS: 900 at most)."""
        event = {"source": SOURCE, "detail-type": DUE, "detail": {"request": request, "revision": revision}}
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(event), DelaySeconds=seconds)
