"""The parts that both state machines are put together from, as plain data in Amazon States Language (JSONata).

Every task has a time limit and retries what deserves it. What is left is handed to a state that deals with the failure,
or fails the execution where a redrive is to go on from it.
`partition` is the AWS partition (a CloudFormation token at synthesis), the first part of every integration's ARN.
"""

from __future__ import annotations

from typing import Any

State = dict[str, Any]

LAMBDA_RETRY: State = {
    "ErrorEquals": [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
    ],
    "IntervalSeconds": 2,
    "MaxAttempts": 6,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
"""After the Step Functions guide, "Handle transient Lambda service exceptions"; out of memory is Lambda.Unknown."""

THROTTLED_RETRY: State = {
    "ErrorEquals": ["Throttled"],
    "IntervalSeconds": 2,
    "MaxAttempts": 8,
    "BackoffRate": 2,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
"""A function whose calls were throttled through all tries of its client (lambdas/shared/throttling.py)."""

SAGEMAKER_RETRY: State = {
    "ErrorEquals": [
        "SageMaker.ThrottlingException",
        "SageMaker.InternalFailure",
        "SageMaker.ServiceUnavailable",
        "SageMaker.SdkClientException",
        "SageMaker.AmazonSageMakerException",
        "SageMaker.SageMakerException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 3,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
"""Throttling reaches a state machine under the service's general error name (the last two), and so does a refusal:
few attempts and short pauses, so that a refusal is told within seconds."""

CAPACITY_RETRY: State = {
    "ErrorEquals": ["SageMaker.ResourceLimitExceededException"],
    "IntervalSeconds": 60,
    "MaxAttempts": 8,
    "BackoffRate": 2,
    "MaxDelaySeconds": 600,
    "JitterStrategy": "FULL",
}
"""The account's quota of instances is taken, mostly by another run: worth an hour of waiting."""

CLOUDWATCH_RETRY: State = {
    "ErrorEquals": [
        "CloudWatch.InternalServiceException",
        "CloudWatch.SdkClientException",
        "CloudWatch.CloudWatchException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 3,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
"""Throttling is the last one: DescribeAlarms has nine calls a second, of the whole account."""

NOTIFY_RETRY: State = {
    "ErrorEquals": ["States.TaskFailed"],
    "IntervalSeconds": 1,
    "MaxAttempts": 3,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}


def integration(partition: str, action: str) -> str:
    """ARN of a service integration, e.g. of `sagemaker:createModel`."""
    return f"arn:{partition}:states:::{action}"


def task(*, resource: str, arguments: Any, timeout: int, retry: list[State], catch: list[State], **rest: Any) -> State:
    """A task that hands its own input on: what later states need of its result goes into variables (`Assign`)."""
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": arguments,
        "TimeoutSeconds": timeout,
        "Retry": retry,
        **({"Catch": catch} if catch else {}),
        "Output": "{% $states.input %}",
        **rest,
    }


def invoke(
    *,
    partition: str,
    function_arn: str,
    payload: Any,
    timeout: int,
    catch: list[State],
    retry: list[State],
    **rest: Any,
) -> State:
    """A Lambda task. `Payload` of its result is what the function returned."""
    return task(
        resource=integration(partition, "lambda:invoke"),
        arguments={"FunctionName": function_arn, "Payload": payload},
        timeout=timeout,
        retry=[LAMBDA_RETRY, THROTTLED_RETRY, *retry],
        catch=catch,
        **rest,
    )


def choice(choices: list[tuple[str, str]], *, default: str) -> State:
    """`choices`: pairs of a JSONata condition and the state to go to; the first that is met decides."""
    rules = [{"Condition": f"{{% {condition} %}}", "Next": target} for condition, target in choices]
    return {"Type": "Choice", "Choices": rules, "Default": default}


def catch_all(step: str, target: str) -> list[State]:
    """Remember what failed in the variable `failure`, then go to `target`."""
    failure = {"step": step, "error": "{% $states.errorOutput.Error %}", "cause": "{% $states.errorOutput.Cause %}"}
    return [{"ErrorEquals": ["States.ALL"], "Assign": {"failure": failure}, "Next": target}]


def finding(step: str, error: str, cause: str, then: str) -> State:
    """Not an exception of a task but what a step found out: remembered in the same variable, then to `then`. `cause`
    is an expression.
    """
    failure = {"step": step, "error": error, "cause": f"{{% {cause} %}}"}
    return {"Type": "Pass", "Assign": {"failure": failure}, "Next": then}


def ignore_all(target: str) -> list[State]:
    """For clean-up and notification: they must never hide the failure that they are about."""
    return [{"ErrorEquals": ["States.ALL"], "Next": target}]


def report_failure(*, partition: str, topic_arn: str, subject: str) -> dict[str, State]:
    """The states `ReportFailure` (publishes the variable `failure`) and `Failed` (ends with its error and cause)."""
    message = (
        "{% $string({'state_machine': $states.context.StateMachine.Name, 'execution': $states.context.Execution.Id,"
        " 'step': $failure.step, 'error': $failure.error, 'cause': $failure.cause}) %}"
    )
    return {
        "ReportFailure": task(
            resource=integration(partition, "sns:publish"),
            arguments={"TopicArn": topic_arn, "Subject": subject, "Message": message},
            timeout=60,
            retry=[NOTIFY_RETRY],
            catch=ignore_all("Failed"),
            Next="Failed",
        ),
        "Failed": {"Type": "Fail", "Error": "{% $failure.error %}", "Cause": "{% $failure.cause %}"},
    }
