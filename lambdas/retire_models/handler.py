"""State Retire of the rollout machine: delete the models and endpoint configs that nobody will go back to."""

from typing import Any

from shared.clients import client
from shared.log import Log
from shared.throttling import tells_throttling

from retire_models.logic import retire
from retire_models.settings import Settings


@tells_throttling
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"workload", "previous_endpoint_config_name", "versions_kept"}` -> `{"endpoint_configs": [names], "models":
    [names]}`, what was deleted.
    """
    settings = Settings.from_environment()
    log = Log.of("retire_models", context).bind(workload=event.get("workload"))
    deleted = retire(event, ssm=client("ssm"), sagemaker=client("sagemaker"), workloads_path=settings.workloads_path)
    log.info("retired", **deleted)
    return deleted
