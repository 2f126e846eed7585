"""What the stack tells this function."""

from dataclasses import dataclass

from shared.environment import require


@dataclass(frozen=True, kw_only=True)
class Settings:
    workloads_path: str
    workload: str
    alerts_topic_arn: str
    queue_url: str
    table: str

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            workloads_path=require("SLIPWAY_WORKLOADS_PATH"),
            workload=require("WORKLOAD"),
            alerts_topic_arn=require("ALERTS_TOPIC_ARN"),
            queue_url=require("QUEUE_URL"),
            table=require("REQUESTS_TABLE"),
        )
