"""Step Functions tasks act as the execution's role."""

import json

import pytest

from tests.support.embedded_cloud import EmbeddedCloud, allow, eventually, unique

LIST_GROUPS = "arn:aws:states:::aws-sdk:sagemaker:listModelPackageGroups"
SLOW = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 120, "End": True}}}


def task(resource: str, arguments: dict, **more) -> dict:
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}


def machine(states: dict, start: str) -> dict:
    return {"QueryLanguage": "JSONata", "StartAt": start, "States": states}


class Machines:
    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud = cloud
        self.client = cloud.client("stepfunctions")

    def create(self, definition: dict, *statements: dict) -> str:
        name = unique("machine")
        role = self.cloud.role(name, "states.amazonaws.com", *statements)
        created = self.client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
        return created["stateMachineArn"]

    def start(self, arn: str, document: dict | None = None) -> str:
        return self.client.start_execution(stateMachineArn=arn, input=json.dumps(document or {}))["executionArn"]

    def finished(self, execution: str) -> dict:
        def ended() -> dict | None:
            found = self.client.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        return eventually(ended)

    def run(self, definition: dict, *statements: dict, document: dict | None = None) -> dict:
        return self.finished(self.start(self.create(definition, *statements), document))


@pytest.fixture(scope="module")
def machines(cloud) -> Machines:
    return Machines(cloud)


def test_a_task_may_do_what_the_role_may(machines, cloud):
    group = unique("group")
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    describe = task(
        "arn:aws:states:::aws-sdk:sagemaker:describeModelPackageGroup",
        {"ModelPackageGroupName": "{% $states.input.group %}"},
    )
    result = machines.run(machine({"A": describe}, "A"), allow("sagemaker:Describe*"), document={"group": group})
    assert result["status"] == "SUCCEEDED", result
    output = json.loads(result["output"])
    assert output["ModelPackageGroupName"] == group
    assert output["CreationTime"].endswith("Z")  # as the SDK integrations show times


def test_what_the_role_may_not_fails_naming_action_and_resource(machines, cloud):
    describe = task("arn:aws:states:::aws-sdk:sagemaker:describeEndpoint", {"EndpointName": "e"})
    result = machines.run(machine({"A": describe}, "A"), allow("sagemaker:ListEndpoints"))
    assert result["status"] == "FAILED"
    assert result["error"] == "SageMaker.SageMakerException"
    resource = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:endpoint/e"
    assert f"is not authorized to perform: sagemaker:DescribeEndpoint on resource: {resource}" in result["cause"]


def test_a_role_that_does_not_trust_step_functions_is_refused(machines, cloud):
    role = cloud.role(unique("other"), "lambda.amazonaws.com", allow("sagemaker:*"))
    definition = json.dumps(machine({"A": task(LIST_GROUPS, {})}, "A"))
    created = machines.client.create_state_machine(name=unique("machine"), definition=definition, roleArn=role)
    result = machines.finished(machines.start(created["stateMachineArn"]))
    assert result["status"] == "FAILED"
    assert "trust policy does not allow sts:AssumeRole" in result["cause"]


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
@pytest.mark.parametrize("statements", [(), (allow("sagemaker:ListModelPackageGroups"),)])
def test_branches_and_items_carry_the_role(machines, kind, statements):
    inner = {"StartAt": "In", "States": {"In": task(LIST_GROUPS, {})}}
    state = {"Type": kind, "End": True}
    state |= {"Branches": [inner, inner]} if kind == "Parallel" else {"Items": [1, 2], "ItemProcessor": inner}
    result = machines.run(machine({"Outer": state}, "Outer"), *statements)
    assert result["status"] == ("SUCCEEDED" if statements else "FAILED"), result
    if not statements:
        assert "sagemaker:ListModelPackageGroups" in result["cause"]


def test_an_unknown_parameter_is_a_runtime_error_that_nothing_catches(machines):
    states = {
        "A": task(LIST_GROUPS, {"Nonsense": 1}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]),
        "Caught": {"Type": "Succeed"},
    }
    result = machines.run(machine(states, "A"), allow("sagemaker:*"))
    assert (result["status"], result["error"]) == ("FAILED", "States.Runtime")
    assert "$.Nonsense" in result["cause"]


def test_a_parameter_that_the_service_refuses_is_its_own_error(machines):
    result = machines.run(
        machine(
            {
                "A": task(
                    "arn:aws:states:::sagemaker:createModel", {"ModelName": "not_a_name", "ExecutionRoleArn": "x" * 20}
                )
            },
            "A",
        ),
        allow("sagemaker:*"),
    )
    assert result["error"] == "SageMaker.AmazonSageMakerException"
    assert "Error Code: ValidationException" in result["cause"]
    assert "modelName" in result["cause"]


def test_a_message_is_sent_as_the_role(machines, cloud):
    queue = cloud.client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"]
    send = task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"a": "{% $states.input.a %}"}})
    denied = machines.run(machine({"A": send}, "A"), document={"a": 1})
    assert denied["status"] == "FAILED"
    assert "sqs:SendMessage" in denied["cause"] or "sqs:sendmessage" in denied["cause"]
    allowed = machines.run(machine({"A": send}, "A"), allow("sqs:SendMessage"), document={"a": 1})
    assert allowed["status"] == "SUCCEEDED", allowed
    message = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert json.loads(message["Body"]) == {"a": 1}


SYNC_STATEMENTS = (
    allow(["states:StartExecution", "states:DescribeExecution", "states:StopExecution"]),
    allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"]),
)


def test_a_nested_execution_is_waited_for(machines):
    child = machines.create(machine({"A": {"Type": "Pass", "Output": {"x": 1}, "End": True}}, "A"))
    start = task("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": child, "Input": {"y": 2}})
    result = machines.run(machine({"A": start}, "A"), *SYNC_STATEMENTS)
    assert result["status"] == "SUCCEEDED", result
    output = json.loads(result["output"])
    assert (output["Output"], output["Input"], output["Status"]) == ({"x": 1}, {"y": 2}, "SUCCEEDED")


def test_the_failure_of_what_was_waited_for_is_the_cause(machines):
    fail = {"Type": "Fail", "Error": "Mine", "Cause": "because"}
    child = machines.create(machine({"A": fail}, "A"))
    start = task("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": child})
    result = machines.run(machine({"A": start}, "A"), *SYNC_STATEMENTS)
    assert (result["status"], result["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(result["cause"])["error"] == "Mine"


def test_waiting_needs_permission_for_the_managed_rule(machines):
    child = machines.create(SLOW)
    start = task("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": child})
    result = machines.run(machine({"A": start}, "A"), SYNC_STATEMENTS[0])
    assert result["error"] == "States.Permissions"
    assert "StepFunctionsGetEventsForStepFunctionsExecutionRule" in result["cause"]
    assert machines.client.list_executions(stateMachineArn=child)["executions"] == []


def test_a_job_is_started_only_for_a_role_that_may_list_its_tags(machines, cloud):
    rules = allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"])
    jobs = allow(["sagemaker:*ProcessingJob", "sagemaker:AddTags"])
    name = unique("job")
    start = task("arn:aws:states:::sagemaker:createProcessingJob.sync", {"ProcessingJobName": name})
    result = machines.run(machine({"A": start}, "A"), rules, jobs)
    assert (result["status"], result["error"]) == ("FAILED", "SageMaker.AmazonSageMakerException")
    arn = f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:processing-job/{name}"
    assert f"sagemaker:ListTags on resource: {arn}" in result["cause"]


def child_status(machines: Machines, child: str) -> str:
    started = machines.client.list_executions(stateMachineArn=child)["executions"]
    return started[0]["status"] if started else ""


def test_a_timeout_stops_what_was_waited_for(machines):
    child = machines.create(SLOW)
    start = task("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": child}, TimeoutSeconds=2)
    result = machines.run(machine({"A": start}, "A"), *SYNC_STATEMENTS)
    assert (result["status"], result["error"]) == ("FAILED", "States.Timeout")
    eventually(lambda: child_status(machines, child) == "ABORTED")


def test_stopping_an_execution_stops_what_it_waits_for_and_stays_aborted(machines):
    child = machines.create(SLOW)
    start = task("arn:aws:states:::states:startExecution.sync:2", {"StateMachineArn": child})
    parent = machines.start(machines.create(machine({"A": start}, "A"), *SYNC_STATEMENTS))
    eventually(lambda: child_status(machines, child) == "RUNNING")
    machines.client.stop_execution(executionArn=parent)
    eventually(lambda: child_status(machines, child) == "ABORTED")
    assert machines.client.describe_execution(executionArn=parent)["status"] == "ABORTED"


def test_retries_wait_no_longer_than_max_delay(machines):
    describe = task(
        "arn:aws:states:::aws-sdk:sagemaker:describeModel",
        {"ModelName": "absent"},
        Retry=[
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 1,
                "BackoffRate": 1000,
                "MaxAttempts": 2,
                "MaxDelaySeconds": 1,
            }
        ],
    )
    execution = machines.start(machines.create(machine({"A": describe}, "A"), allow("sagemaker:*")))
    result = machines.finished(execution)  # without the limit, the second wait alone would outlast this
    assert result["status"] == "FAILED"
    events = machines.client.get_execution_history(executionArn=execution)["events"]
    assert sum(event["type"] == "TaskFailed" for event in events) == 3


def test_an_execution_ends_with_the_output_of_its_succeed_state(machines):
    states = {
        "A": {"Type": "Pass", "Assign": {"found": "{% $states.input.n + 1 %}"}, "Next": "Done"},
        "Done": {"Type": "Succeed", "Output": {"outcome": "done", "found": "{% $found %}"}},
    }
    result = machines.run(machine(states, "A"), document={"n": 1})
    assert json.loads(result["output"]) == {"outcome": "done", "found": 2}


COUNTED = "arn:aws:states:::dynamodb:updateItem"


def counting(states: list[str], table: str, needs: str) -> dict:
    """States that count themselves, each needing the variable of the one before; `needs` needs a table more."""

    def count(name: str, position: int) -> dict:
        update = {
            "TableName": f"{table}-{name}" if name == needs else table,
            "Key": {"name": {"S": name}},
            "UpdateExpression": "ADD visits :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        path = "{% $path & '" + name + "' %}" if position else name
        following = {"Next": states[position + 1]} if position + 1 < len(states) else {"End": True}
        output = {**following, "Assign": {"path": path}, "Output": {"path": path, "redrives": REDRIVES}}
        return {"Type": "Task", "Resource": COUNTED, "Arguments": update, **output}

    return machine({name: count(name, position) for position, name in enumerate(states)}, states[0])


REDRIVES = "{% $states.context.Execution.RedriveCount %}"


def visits(cloud: EmbeddedCloud, table: str) -> dict[str, int]:
    items = cloud.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return {item["name"]["S"]: int(item["visits"]["N"]) for item in items}


def made(cloud: EmbeddedCloud, name: str) -> str:
    cloud.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_redriven_execution_goes_on_from_the_failed_state_and_repeats_none_before_it(machines, cloud, failing):
    table, names = made(cloud, unique("visits")), ["a", "b", "c", "d"]
    definition = counting(names, table, names[failing])
    arn = machines.start(machines.create(definition, allow("dynamodb:UpdateItem")))
    failed = machines.finished(arn)
    assert (failed["status"], failed["redriveStatus"], failed["redriveCount"]) == ("FAILED", "REDRIVABLE", 0)
    assert visits(cloud, table) == dict.fromkeys(names[:failing], 1)

    made(cloud, f"{table}-{names[failing]}")
    machines.client.redrive_execution(executionArn=arn)
    ended = machines.finished(arn)
    assert (ended["status"], ended["redriveStatus"], ended["redriveCount"]) == ("SUCCEEDED", "NOT_REDRIVABLE", 1)
    assert json.loads(ended["output"]) == {"path": "abcd", "redrives": 1}
    assert visits(cloud, table) == {name: 1 for name in names if name != names[failing]}
    events = [e["type"] for e in machines.client.get_execution_history(executionArn=arn, maxResults=1000)["events"]]
    assert events.count("TaskStateEntered") == events.count("TaskStateExited") == len(names)
    assert [events.count(kind) for kind in ("ExecutionFailed", "ExecutionRedriven", "ExecutionSucceeded")] == [1, 1, 1]


def test_a_stopped_execution_is_redriven_once_for_a_token(machines):
    arn = machines.start(machines.create(SLOW))
    machines.client.stop_execution(executionArn=arn)
    first = machines.client.redrive_execution(executionArn=arn, clientToken="once")
    again = machines.client.redrive_execution(executionArn=arn, clientToken="once")
    assert first["redriveDate"] == again["redriveDate"]
    found = machines.client.describe_execution(executionArn=arn)
    assert (found["status"], found["redriveCount"]) == ("RUNNING", 1)
    machines.client.stop_execution(executionArn=arn)


def test_what_is_running_or_over_is_not_redriven(machines):
    running = machines.start(machines.create(SLOW))
    over = machines.run(machine({"Done": {"Type": "Succeed"}}, "Done"))["executionArn"]
    for arn, state in ((running, "RUNNING"), (over, "SUCCEEDED")):
        with pytest.raises(machines.client.exceptions.ExecutionNotRedrivable, match=state):
            machines.client.redrive_execution(executionArn=arn)
    with pytest.raises(machines.client.exceptions.ExecutionDoesNotExist):
        machines.client.redrive_execution(executionArn=f"{over}-not")
    machines.client.stop_execution(executionArn=running)
