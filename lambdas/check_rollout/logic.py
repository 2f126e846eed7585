"""Whether an endpoint serves the wanted model: what SageMaker says, then what the model says.

UpdateEndpoint may roll back in silence: the endpoint is InService again, with the old config. So the status proves
nothing.
"""

from typing import Any

from shared import descriptor as descriptors
from shared import endpoints
from shared.fields import take, take_matching
from shared.names import WORKLOAD

from check_rollout.smoke import objection


def check(event: dict[str, Any], *, ssm: Any, sagemaker: Any, runtime: Any, workloads_path: str) -> dict[str, Any]:
    """`{"serving", "reason"}`; the reason says what serves, or why the wanted model does not."""
    workload = take_matching(event, "workload", WORKLOAD)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=workload)
    version = take(event, "model_version", str)
    config = take(take(event, "endpoint_config", dict), "EndpointConfigName", str, where="input.endpoint_config")
    model = take(take(event, "model", dict), "ModelName", str, where="input.model")
    reason = (
        _wrong_config(sagemaker, descriptor["endpoint_name"], config)
        or _wrong_model(sagemaker, config, model)
        or objection(runtime, endpoint=descriptor["endpoint_name"], serving=descriptor["serving"], version=version)
    )
    if reason:
        return {"serving": False, "reason": reason}
    return {"serving": True, "reason": f"{descriptor['endpoint_name']} serves model version {version} ({model})"}


def _wrong_config(sagemaker: Any, endpoint_name: str, wanted: str) -> str | None:
    endpoint = endpoints.describe(sagemaker, endpoint_name)
    if endpoint is None:
        return f"endpoint {endpoint_name} does not exist"
    status, config = endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
    why = f": {endpoint['FailureReason']}" if endpoint.get("FailureReason") else ""
    if config != wanted:
        return (
            f"endpoint {endpoint_name} is {status} and serves config {config}, not {wanted}: SageMaker rolled back{why}"
        )
    return None if status == "InService" else f"endpoint {endpoint_name} is {status}, not InService{why}"


def _wrong_model(sagemaker: Any, config_name: str, wanted: str) -> str | None:
    config = endpoints.describe_config(sagemaker, config_name)
    if config is None:
        return f"endpoint config {config_name} does not exist any more"
    models = sorted({variant["ModelName"] for variant in config["ProductionVariants"]})
    return None if models == [wanted] else f"endpoint config {config_name} serves {', '.join(models)}, not {wanted}"
