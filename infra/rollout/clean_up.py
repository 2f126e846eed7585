"""The states that delete what a failed rollout created, and never what serves."""

from __future__ import annotations

from infra.states import SAGEMAKER_RETRY, State, ignore_all, integration, task

_NOT_THERE = "$contains($states.errorOutput.Cause, 'Could not find')"
"""What SageMaker's ValidationException says of a name that does not exist; there is no error name of its own for it."""


def clean_up_states(partition: str) -> dict[str, State]:
    """From `FindServing` on; ends in `ReportFailure`, whatever happens on the way."""
    return {
        "FindServing": _find_serving(partition),
        "Abandoned?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $serving.status = 'Failed' and $not($plan.exists) %}", "Next": "DeleteEndpoint"},
                {
                    "Condition": "{% $serving.status = 'Absent' or ($serving.status = 'InService'"
                    " and $serving.config != $plan.endpoint_config.EndpointConfigName) %}",
                    "Next": "DeleteEndpointConfig",
                },
            ],
            "Default": "ReportFailure",
        },
        "DeleteEndpoint": _delete(
            partition, "deleteEndpoint", {"EndpointName": "{% $plan.endpoint.EndpointName %}"}, "DeleteEndpointConfig"
        ),
        "DeleteEndpointConfig": _delete(
            partition,
            "deleteEndpointConfig",
            {"EndpointConfigName": "{% $plan.endpoint_config.EndpointConfigName %}"},
            "DeleteModel",
        ),
        "DeleteModel": _delete(partition, "deleteModel", {"ModelName": "{% $plan.model.ModelName %}"}, "ReportFailure"),
    }


def _find_serving(partition: str) -> State:
    """Sets `serving` to the endpoint's status and config; the status is `Absent` or `Unknown` where it has none."""
    absent = {"status": f"{{% {_NOT_THERE} ? 'Absent' : 'Unknown' %}}", "config": ""}
    return task(
        resource=integration(partition, "aws-sdk:sagemaker:describeEndpoint"),
        arguments={"EndpointName": "{% $plan.endpoint.EndpointName %}"},
        timeout=60,
        retry=[SAGEMAKER_RETRY],
        catch=[{"ErrorEquals": ["States.ALL"], "Assign": {"serving": absent}, "Next": "Abandoned?"}],
        Assign={
            "serving": {
                "status": "{% $states.result.EndpointStatus %}",
                "config": "{% $states.result.EndpointConfigName %}",
            }
        },
        Next="Abandoned?",
    )


def _delete(partition: str, action: str, arguments: dict[str, str], then: str) -> State:
    return task(
        resource=integration(partition, f"aws-sdk:sagemaker:{action}"),
        arguments=arguments,
        timeout=60,
        retry=[SAGEMAKER_RETRY],
        catch=ignore_all(then),
        Next=then,
    )
