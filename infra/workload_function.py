"""A function of one workload: the construct of `infra.functions` with what all of these have in common."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from infra.context import WorkloadContext
from infra.functions import PythonFunction
from infra.permissions import allow


class WorkloadFunction(Construct):
    """Deployed once a workload, so that its role names that workload's resources only. It may read the descriptor."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        context: WorkloadContext,
        verb_noun: str,
        timeout: Duration,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        code = PythonFunction(
            self,
            "Code",
            verb_noun=verb_noun,
            function_name=context.names.function(verb_noun),
            environment={**context.environment, **(environment or {})},
            key=context.key,
            log_retention=context.settings.log_retention,
            timeout=timeout,
        )
        self.function = code.function
        self.role = code.role
        allow(self.role, ["ssm:GetParameter"], [context.descriptor_arn])
