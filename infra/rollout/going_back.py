"""The states after a failure: back to what served before, and away with what this run created and nothing serves."""

from __future__ import annotations

from infra.rollout import latency_limit, scaling
from infra.rollout.wait import PATIENT, SERVING_MOVES, STARTED, pause, wait_states
from infra.states import SAGEMAKER_RETRY, State, choice, ignore_all, integration, task

_NOT_THERE = "$contains($states.errorOutput.Cause, 'Could not find')"
"""What SageMaker's ValidationException says of a name that does not exist; there is no error name of its own for it."""
_OURS_SERVES = (
    "$going_back = 'no' and $plan.exists and $serving.status in ['InService', 'UpdateRollbackFailed']"
    " and ($serving.config != $plan.previous_endpoint_config_name or $serving.status = 'UpdateRollbackFailed')"
)
_BUSY = "$contains($states.errorOutput.Cause, 'in-progress')"
_TRIED = {"waited": "{% $waited + 10 %}"}
"""About what the retries took: so nothing is tried for ever."""
_WEIGHTS_MOVED = "$going_back = 'no' and $step.action = 'weights' and $serving.status = 'InService'"
_NOTHING_OF_OURS_SERVES = (
    "$serving.status = 'Absent' or ($serving.status = 'InService' and $not($serving.config in $plan.created_configs))"
)
_THE_MODEL_IS_AT_FAULT = (
    "$plan.package_arn != null"
    " and $failure.error in ['NotServing', 'AlarmWentOff', 'WorseThanBefore', 'EndpointFailed']"
)
"""And not, for instance, a permission that is missing."""
_REASON_LIMIT = 1000
"""ApprovalDescription takes 1024 characters."""


def going_back_states(partition: str) -> dict[str, State]:
    """From `FindServing` on; ends in `ReportFailure`, whatever happens on the way.

    Variants side by side: first all traffic back to the old one, which takes effect at once; then the old config, which
    takes SageMaker a new fleet. A rollback of SageMaker's own that failed half-way is repaired the same way.
    """
    return {**_put_back_states(partition), **_clean_up_states(partition)}


def _put_back_states(partition: str) -> dict[str, State]:
    """What served serves again, with the instances and the autoscaling that it had."""
    return {
        "FindServing": _find_serving(partition),
        "Back?": choice(
            [
                (f"({_OURS_SERVES} or {_WEIGHTS_MOVED}) and $step.retreat != null", "Retreat"),
                (_OURS_SERVES, "ReleaseBack?"),
                ("$serving.status = 'Failed' and $not($plan.exists)", "DeleteEndpoint"),
                (_NOTHING_OF_OURS_SERVES, "ResizeBack?"),
                (f"{SERVING_MOVES} and {PATIENT}", "PauseBack"),
            ],
            default="LiftBack?",
        ),
        "PauseBack": pause("FindServing"),
        "Retreat": _update(
            partition,
            "aws-sdk:sagemaker:updateEndpointWeightsAndCapacities",
            "{% $step.retreat %}",
            going_back="{% $step.config = $plan.previous_endpoint_config_name ? 'config' : 'weights' %}",
            failed="failed",
            otherwise="ReleaseBack?",
        ),
        **scaling.release_back_states(partition, requests="$plan.release_back", then="Restore"),
        "Restore": _update(
            partition,
            "aws-sdk:sagemaker:updateEndpoint",
            "{% $plan.restore %}",
            going_back="config",
            failed=f"{{% {_BUSY} and {PATIENT} ? 'no' : 'failed' %}}",
            otherwise="FindServing",
        ),
        **wait_states(
            partition,
            name="Back",
            settled=[("$going_back = 'weights'", "ReleaseBack?")],
            otherwise="FindServing",
            catch=ignore_all("LiftBack?"),
        ),
        "ResizeBack?": choice(
            [("$going_back in ['config', 'failed'] and $plan.resize_back != null", "ResizeBack")], default="ScaleBack?"
        ),
        "ResizeBack": _resize(partition),
        **scaling.scale_back_states(partition, requests="$plan.scale_back", then="MoreConfigs?"),
    }


def _clean_up_states(partition: str) -> dict[str, State]:
    """What this run made and nothing serves goes, and the version when the model was at fault."""
    return {
        "DeleteEndpoint": _delete(
            partition, "deleteEndpoint", {"EndpointName": "{% $plan.endpoint_name %}"}, "MoreConfigs?"
        ),
        "MoreConfigs?": choice(
            [("$deleted < $count($plan.created_configs)", "DeleteEndpointConfig")], default="Model?"
        ),
        "DeleteEndpointConfig": _delete(
            partition,
            "deleteEndpointConfig",
            {"EndpointConfigName": "{% $plan.created_configs[$deleted] %}"},
            "MoreConfigs?",
            counts=True,
        ),
        "Model?": choice([("$plan.model != null", "DeleteModel")], default="LiftBack?"),
        "DeleteModel": _delete(partition, "deleteModel", {"ModelName": "{% $plan.model.ModelName %}"}, "AtFault?"),
        **latency_limit.lift_back_states(partition, then="ReportFailure"),
        "AtFault?": choice([(_THE_MODEL_IS_AT_FAULT, "Reject")], default="LiftBack?"),
        "Reject": _reject(partition),
    }


def _find_serving(partition: str) -> State:
    """Sets `serving` to the endpoint's status and config; the status is `Absent` or `Unknown` where it has none."""
    counters = {"deleted": 0, **scaling.STARTED}
    absent = {"status": f"{{% {_NOT_THERE} ? 'Absent' : 'Unknown' %}}", "config": ""}
    return task(
        resource=integration(partition, "aws-sdk:sagemaker:describeEndpoint"),
        arguments={"EndpointName": "{% $plan.endpoint_name %}"},
        timeout=60,
        retry=[SAGEMAKER_RETRY],
        catch=[{"ErrorEquals": ["States.ALL"], "Assign": {"serving": absent, **counters}, "Next": "Back?"}],
        Assign={
            "serving": {
                "status": "{% $states.result.EndpointStatus %}",
                "config": "{% $states.result.EndpointConfigName %}",
            },
            **counters,
        },
        Next="Back?",
    )


def _update(partition: str, action: str, arguments: object, *, going_back: str, failed: str, otherwise: str) -> State:
    return task(
        resource=integration(partition, action),
        arguments=arguments,
        timeout=120,
        retry=[SAGEMAKER_RETRY],
        catch=[{"ErrorEquals": ["States.ALL"], "Assign": {"going_back": failed, **_TRIED}, "Next": otherwise}],
        Assign={**STARTED, "going_back": going_back},
        Next="WaitBack",
    )


def _resize(partition: str) -> State:
    """After `Restore`, which gave variants the counts of their config, and not those that they were scaled to."""
    again = f"{_BUSY} and {PATIENT}"
    told = "'; the instance count was not put back: ' & $states.errorOutput.Cause"
    failure = {
        "step": "{% $failure.step %}",
        "error": "{% $failure.error %}",
        "cause": f"{{% $failure.cause & ({again} ? '' : {told}) %}}",
    }
    failed = {"failure": failure, "going_back": f"{{% {again} ? 'config' : 'resized' %}}", **_TRIED}
    return task(
        resource=integration(partition, "aws-sdk:sagemaker:updateEndpointWeightsAndCapacities"),
        arguments="{% $plan.resize_back %}",
        timeout=120,
        retry=[SAGEMAKER_RETRY],
        catch=[{"ErrorEquals": ["States.ALL"], "Assign": failed, "Next": "FindServing"}],
        Assign={**STARTED, "going_back": "resized"},
        Next="WaitBack",
    )


def _delete(partition: str, action: str, arguments: dict[str, str], then: str, *, counts: bool = False) -> State:
    """`counts`: one of the configs that this run created, whether it could be deleted or not."""
    assign = {"Assign": {"deleted": "{% $deleted + 1 %}"}} if counts else {}
    return task(
        resource=integration(partition, f"aws-sdk:sagemaker:{action}"),
        arguments=arguments,
        timeout=60,
        retry=[SAGEMAKER_RETRY],
        catch=[{**ignore_all(then)[0], **assign}],
        Next=then,
        **assign,
    )


def _reject(partition: str) -> State:
    """The registry says what happened: a version that could not be rolled out is not an approved one any more."""
    return task(
        resource=integration(partition, "aws-sdk:sagemaker:updateModelPackage"),
        arguments={
            "ModelPackageArn": "{% $plan.package_arn %}",
            "ModelApprovalStatus": "Rejected",
            "ApprovalDescription": "{% $substring('Not rolled out: ' & $failure.error & ': ' & $failure.cause, 0, "
            f"{_REASON_LIMIT}) %}}",
        },
        timeout=60,
        retry=[SAGEMAKER_RETRY],
        catch=ignore_all("LiftBack?"),
        Next="LiftBack?",
    )
