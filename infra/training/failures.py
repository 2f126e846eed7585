"""Who is told that a run failed."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.context import WorkloadContext

ENDED_BADLY = ["FAILED", "TIMED_OUT", "ABORTED"]


class FailureReport(Construct):
    """A rule that publishes the end of a run that did not succeed, as Step Functions tells it: `{"executionArn",
    "stateMachineArn", "name", "status", "error", "cause", ...}`.

    All of the event's detail: a template of some members would not be JSON any more for a cause with quotes in it, as
    that of a failed job has, or without one, since EventBridge escapes no value and leaves out what is not there.
    Not a state of the machine: an execution that caught its failure ends in a Fail state, and a redrive would only
    repeat that one. A rule also tells of runs that were stopped.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        machine: sfn.IStateMachine,
        dead_letters: sqs.Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        # By its ARN: what may publish is said where the topic is, once for all workloads.
        topic = sns.Topic.from_topic_arn(self, "Alerts", context.alerts_topic.topic_arn)
        target = targets.SnsTopic(
            topic, message=events.RuleTargetInput.from_event_path("$.detail"), dead_letter_queue=dead_letters
        )
        events.Rule(
            self,
            "Rule",
            description=f"Runs of {context.workload.name} that failed: tells people",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [machine.state_machine_arn], "status": ENDED_BADLY},
            ),
            targets=[target],
        )
