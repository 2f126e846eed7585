"""SageMaker refuses a share of all calls for a while."""

from __future__ import annotations

from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage

SHARE = 0.3
SECONDS = 3600.0
"""Longer than any drill: it is ended when the run is over."""
PROBES = 20


class Throttling:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        stage.embedded.administer("throttle", "--share", str(SHARE), "--seconds", str(SECONDS))
        try:
            refused = _refused(stage)
            stage.timeline.add(f"SageMaker throttles: {refused} of {PROBES} calls were refused")
            ending = trainings.followed(stage, lambda: trainings.copied(stage))
        finally:
            stage.embedded.administer("throttle", "--share", "0", "--seconds", "0")
        result = ending.finished()
        if not refused:
            result.problems.append("no call was throttled")
        return result


def _refused(stage: Stage) -> int:
    """How many of some calls without retries were refused."""
    from botocore.config import Config
    from botocore.exceptions import ClientError

    endpoint = stage.target.endpoint
    client = stage.target.session.client(
        "sagemaker",
        endpoint_url=endpoint.url if endpoint else None,
        config=Config(retries={"total_max_attempts": 1}),
    )
    refused = 0
    for _ in range(PROBES):
        try:
            client.list_models(MaxResults=1)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            refused += 1
    return refused
