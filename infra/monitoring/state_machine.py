"""State machine "monitor": one look at the requests that were captured (docs/contract.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.states import (
    CAPACITY_RETRY,
    SAGEMAKER_RETRY,
    State,
    catch_all,
    choice,
    integration,
    invoke,
    report_failure,
    task,
)

JOB_OVERHEAD_SECONDS = 1800
"""What a job may take beyond its own limit: finding an instance, pulling the image."""


@dataclass(frozen=True, kw_only=True)
class MonitorStates:
    """What the definition refers to. `job_seconds`: the job's own limit."""

    partition: str
    workload: str
    plan_function_arn: str
    publish_function_arn: str
    alerts_topic_arn: str
    job_seconds: int

    def definition(self) -> dict[str, Any]:
        return {
            "Comment": f"Compares recent requests to {self.workload} with its first ones",
            "QueryLanguage": "JSONata",
            "StartAt": "Plan",
            "States": {
                "Plan": self._invoke(
                    "Plan",
                    self.plan_function_arn,
                    {"workload": self.workload, "execution": "{% $states.context.Execution.Name %}"},
                    Assign={"plan": "{% $states.result.Payload %}"},
                    Next="Captured?",
                ),
                "Captured?": choice([("$plan.job != null", "Compare")], default="Nothing"),
                "Nothing": {
                    "Type": "Succeed",
                    "Output": {"outcome": "nothing_captured", "summary": "{% $plan.reason %}", "report_uri": None},
                },
                "Compare": self._compare(),
                "Publish": self._invoke(
                    "Publish",
                    self.publish_function_arn,
                    {"workload": self.workload, "report_uri": "{% $plan.report_uri %}"},
                    Output="{% $states.result.Payload %}",
                    End=True,
                ),
                **report_failure(
                    partition=self.partition,
                    topic_arn=self.alerts_topic_arn,
                    subject=f"Slipway: monitoring {self.workload} failed",
                ),
            },
        }

    def _invoke(self, name: str, function_arn: str, payload: Any, **rest: Any) -> State:
        return invoke(
            partition=self.partition,
            function_arn=function_arn,
            payload=payload,
            timeout=120,
            retry=[],
            catch=catch_all(name, "ReportFailure"),
            **rest,
        )

    def _compare(self) -> State:
        return task(
            resource=integration(self.partition, "sagemaker:createProcessingJob.sync"),
            arguments="{% $plan.job %}",
            timeout=self.job_seconds + JOB_OVERHEAD_SECONDS,
            retry=[SAGEMAKER_RETRY, CAPACITY_RETRY],
            catch=catch_all("Compare", "ReportFailure"),
            Next="Publish",
        )
