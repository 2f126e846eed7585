"""The alarms that roll an update back, read as SageMaker reads them: with the permission of the execution role.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html:
"Ensure that your IAM execution role has permission to perform the cloudwatch:DescribeAlarms action on the auto-rollback
alarms you specify."
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from localcloud import clients
from localcloud.config import Config
from localcloud.sagemaker.endpoints.deployment import RolledBack

ACTION = "cloudwatch:DescribeAlarms"


class AlarmWatch:
    """Tells when alarms ring.

    Args:
        allows: whether a role (ARN) may do an action on a resource (ARN).
    """

    def __init__(self, config: Config, *, allows: Callable[[str, str, str], bool]) -> None:
        self._config = config
        self._allows = allows

    def check(self, names: Sequence[str], role_arn: str | None) -> None:
        """Raises RolledBack for an alarm in ALARM, one that is not there, and one that the role may not read."""
        if not names:
            return
        for name in names:
            self._require_permission(name, role_arn)
        states = self._states(names)
        for name in names:
            if name not in states:
                raise RolledBack(f'Could not find the alarm "{name}" of AutoRollbackConfiguration. Rolled back.')
        ringing = [name for name in names if states[name] == "ALARM"]
        if ringing:
            raise RolledBack(
                f"One or more alarms are in ALARM state during the deployment: [{', '.join(ringing)}]. Rolled back."
            )

    def _require_permission(self, name: str, role_arn: str | None) -> None:
        arn = f"arn:aws:cloudwatch:{self._config.region}:{self._config.account}:alarm:{name}"
        if role_arn is not None and not self._allows(role_arn, ACTION, arn):
            raise RolledBack(f"The execution role {role_arn} is not authorized to perform: {ACTION} on resource: {arn}")

    def _states(self, names: Sequence[str]) -> dict[str, str]:
        # As root: ministack knows no resource of DescribeAlarms, so a role that may read only its own would be denied.
        client: Any = clients.root_client(self._config, "cloudwatch")
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = client.describe_alarms(AlarmNames=list(names), AlarmTypes=kinds)
        alarms = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
