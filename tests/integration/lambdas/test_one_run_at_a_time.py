"""The lease, the order of events, functions that die: with real DynamoDB, S3, SQS and Step Functions."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from plan_training.handler import handler as plan_training
from plan_training.preconditions import ObjectVersionGone, StaleLease
from request_training import lease as leases
from request_training.handler import handler
from request_training.lease import Held, Lease, Waiting
from request_training.records import Ask, Records
from shared.clients import client

from tests.support.embedded_cloud import unique

EVENTS = Path(__file__).parents[2] / "events"
DATASET = "digits/20261112-080000-ab12"
FILES = [f"{DATASET}/train/images.gz", f"{DATASET}/test/images.gz"]
WAITING_MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


class Killed(BaseException):
    """What ends a function in the middle: no handler of exceptions sees it."""


@pytest.fixture
def deliver(stage: Any, context: Any) -> Callable[..., list[str]]:
    """Hands one batch of events (documents) to the function; the ids of the messages that it failed."""

    def send(*events: dict[str, Any]) -> list[str]:
        records = [{"messageId": f"m{index}", "body": json.dumps(event)} for index, event in enumerate(events)]
        return [failure["itemIdentifier"] for failure in handler({"Records": records}, context)["batchItemFailures"]]

    return send


@pytest.fixture
def long_runs(stage: Any) -> Iterator[None]:
    """Runs of the train machine go on until they are stopped."""
    arn = stage.descriptor["train_state_machine_arn"]
    client("stepfunctions").update_state_machine(stateMachineArn=arn, definition=json.dumps(WAITING_MACHINE))
    yield
    for execution in stage.executions():
        client("stepfunctions").stop_execution(executionArn=execution["executionArn"])


def landed(stage: Any, key: str, sequencer: str | None = None) -> dict[str, Any]:
    event = json.loads((EVENTS / "s3_object_created.json").read_text())
    event["detail"]["bucket"]["name"] = stage.descriptor["data"]["bucket"]
    event["detail"]["object"] |= {"key": key, "sequencer": sequencer or stage.sequencer(key)}
    return event


def ended(name: str) -> dict[str, Any]:
    detail = {"name": name, "stopDate": int(time.time() * 1000)}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def requested(number: int = 1, **detail: Any) -> dict[str, Any]:
    detail = {"workload": "digits", "request_id": f"r{number}", "hyperparameters": {}, **detail}
    return {"source": "slipway", "detail-type": "Training Requested", "detail": detail}


def upload(stage: Any) -> list[dict[str, Any]]:
    for key in FILES:
        stage.put(key)
    return [landed(stage, key) for key in FILES]


def stop(stage: Any) -> str:
    """The name of the run that was under way."""
    (execution,) = (e for e in stage.executions() if e["status"] == "RUNNING")
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    return str(execution["name"])


def lease(stage: Any, **changes: Any) -> Lease:
    place = {"table": stage.table, "machine_arn": stage.descriptor["train_state_machine_arn"]}
    return Lease(client("dynamodb"), client("stepfunctions"), **place, **changes)


def test_an_older_event_never_overwrites_a_newer_one(stage: Any) -> None:
    records = Records(client("dynamodb"), stage.table)
    sequencers = ["00617F08", "00617F0829", "00617F1", "00627F08299329D189"]  # of different lengths: zeros on the right
    for order in itertools.permutations(range(4)):
        key, news = f"{DATASET}/{unique('k')}", []
        for index in order:
            if records.is_news(key, sequencers[index]):
                news.append(index)
            records.remember(key, sequencers[index])
        assert news == [index for place, index in enumerate(order) if index == max(order[: place + 1])]
        assert [records.is_news(key, sequencer) for sequencer in [*sequencers, "00637F08"]] == [False] * 4 + [True]


def test_one_of_twenty_that_compete_gets_the_lease(stage: Any) -> None:
    barrier = threading.Barrier(20)

    def compete(number: int) -> Held | Waiting:
        barrier.wait(timeout=30)
        return lease(stage).acquire(f"run-{number}")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(compete, range(20)))
    assert [answer for answer in answers if isinstance(answer, Held)] == [Held(1)]


def test_the_lease_of_a_starter_that_died_goes_to_the_next_with_a_higher_token(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lease(stage).acquire("run-1") == Held(1)
    assert isinstance(lease(stage).acquire("run-2"), Waiting)
    assert lease(stage).acquire("run-1") == Held(1)
    monkeypatch.setattr(leases, "STARTING_SECONDS", -1)
    lease(stage).acquire("run-1")
    monkeypatch.setattr(leases, "STARTING_SECONDS", 120)
    assert lease(stage).acquire("run-2") == Held(2)
    assert isinstance(lease(stage).acquire("run-1"), Waiting)


def test_a_run_that_was_killed_frees_the_lease_though_no_event_tells(stage: Any, deliver: Any, long_runs: None) -> None:
    assert deliver(*upload(stage)) == []
    stop(stage)
    stage.put(FILES[0], b"other")
    assert deliver(landed(stage, FILES[0])) == []
    assert [e["status"] for e in stage.executions()].count("RUNNING") == 1
    assert len(stage.executions()) == 2


@pytest.mark.parametrize("error", [3600, -3600])
def test_a_function_whose_clock_is_wrong_starts_no_second_run(
    stage: Any, deliver: Any, long_runs: None, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    assert deliver(*upload(stage)) == []
    with monkeypatch.context() as wrong:
        wrong.setattr(leases, "time", SimpleNamespace(time=lambda: time.time() + error))
        for number in range(2):
            assert deliver(requested(number)) == []
    assert [execution["status"] for execution in stage.executions()] == ["RUNNING"]
    stop(stage)
    assert deliver({"source": "slipway", "detail-type": "Training Due", "detail": pending(stage)}) == []
    assert sorted(execution["status"] for execution in stage.executions()) == ["ABORTED", "RUNNING"]


def pending(stage: Any) -> dict[str, Any]:
    (request,) = Records(client("dynamodb"), stage.table).pending()
    return {"request": request.ask.id, "revision": request.revision}


def test_what_lands_during_a_run_becomes_one_next_run_that_starts_when_it_ends(
    stage: Any, deliver: Any, long_runs: None
) -> None:
    assert deliver(*upload(stage)) == []
    for number in range(30):
        key = f"{DATASET}/train/images-{number}.gz"
        stage.put(key)
        assert deliver(landed(stage, key)) == []
    assert len(stage.executions()) == 1
    assert deliver(ended(stop(stage))) == []
    for reminder in stage.reminders():
        deliver(reminder)
    running = [e for e in stage.executions() if e["status"] == "RUNNING"]
    assert (len(running), len(stage.executions())) == (1, 2)
    assert len(stage.execution_input(running[0]["executionArn"])["objects"]) == 32
    assert Records(client("dynamodb"), stage.table).pending() == []


def test_the_next_run_waits_for_the_cooldown(stage: Any, deliver: Any) -> None:
    stage.describe(triggers=stage.descriptor["triggers"] | {"cooldown_seconds": 600})
    assert deliver(*upload(stage)) == []
    stage.await_end()
    stage.put(FILES[0], b"other")
    assert deliver(landed(stage, FILES[0]), ended(stage.executions()[0]["name"])) == []
    assert deliver(landed(stage, FILES[0])) == []
    assert len(stage.executions()) == 1
    waiting = lease(stage, cooldown_seconds=600).acquire("another")
    assert isinstance(waiting, Waiting) and 590 < waiting.seconds <= 601


def test_events_within_the_debounce_time_are_one_run_over_all_objects(stage: Any, deliver: Any) -> None:
    stage.describe(triggers=stage.descriptor["triggers"] | {"debounce_seconds": 1})
    events = upload(stage)
    for number in range(3):
        stage.put(f"{DATASET}/train/images-{number}.gz")
        events.append(landed(stage, f"{DATASET}/train/images-{number}.gz"))
    for event in events:
        assert deliver(event) == []
    assert stage.executions() == []
    reminders = _all_reminders(stage, 5)
    for reminder in reminders:
        assert deliver(reminder) == []
    (execution,) = stage.executions()
    assert len(stage.execution_input(execution["executionArn"])["objects"]) == 5


def test_a_data_set_that_says_how_many_files_it_has_is_not_waited_for(stage: Any, deliver: Any) -> None:
    stage.describe(triggers=stage.descriptor["triggers"] | {"debounce_seconds": 900})
    stage.put(f"{DATASET}/request.json", b'{"objects": 2}')
    first, second = upload(stage)
    assert deliver(landed(stage, f"{DATASET}/request.json"), first, second) == []
    assert len(stage.executions()) == 1


def _all_reminders(stage: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while len(found) < count:
        assert time.monotonic() < deadline
        found += stage.reminders()
        time.sleep(0.1)
    return found


def test_who_asks_again_gets_a_run_over_the_same_versions_and_its_event_only_one(stage: Any, deliver: Any) -> None:
    assert deliver(*upload(stage)) == []
    for number, times in ((1, 3), (2, 1)):
        stage.await_end()
        for _ in range(times):
            assert deliver(requested(number, hyperparameters={"epochs": "5"})) == []
            stage.await_end()
    inputs = [stage.execution_input(e["executionArn"]) for e in stage.executions()]
    assert sorted(i["hyperparameters"].get("epochs", "") for i in inputs) == ["", "5", "5"]
    assert len({json.dumps(i["objects"]) for i in inputs}) == 1


@pytest.mark.parametrize(
    ("source", "kind"), [("aws.events", "Scheduled Event"), ("aws.cloudwatch", "CloudWatch Alarm State Change")]
)
def test_a_schedule_and_an_alarm_train_on_the_newest_complete_data_set(
    stage: Any, deliver: Any, source: str, kind: str
) -> None:
    upload(stage)
    stage.put("digits/zzz/train/images.gz")  # newer, and not complete
    assert deliver({"source": source, "detail-type": kind, "id": "e1", "detail": {}}) == []
    (execution,) = stage.executions()
    assert execution["name"].startswith("20261112-080000-ab12-")


def deployed(number: int) -> dict[str, Any]:
    detail = {"stack-id": "arn:stack", "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""}}
    kind = "CloudFormation Stack Status Change"
    return {"source": "aws.cloudformation", "detail-type": kind, "id": f"d{number}", "detail": detail}


def test_a_deployment_without_data_starts_nothing_and_alerts_nobody(stage: Any, deliver: Any) -> None:
    stage.put(FILES[0])  # a data set that is not complete
    assert deliver(deployed(1)) == []
    assert (stage.executions(), stage.alerts()) == ([], [])
    assert Records(client("dynamodb"), stage.table).pending() == []


def test_a_deployment_trains_again_if_and_only_if_it_changed_what_runs_are_made_with(stage: Any, deliver: Any) -> None:
    assert deliver(*upload(stage)) == []
    training, gate = stage.descriptor["training"], stage.descriptor["gate"]
    changed, other_gate = {**training, "code_uri": "s3://assets/changed.zip"}, {**gate, "minimum": 0.1}
    deployments = [(training, gate, 1), (training, other_gate, 1), (changed, gate, 2), (changed, gate, 2)]
    for number, (section, limits, runs) in enumerate([*deployments, (training, gate, 3)]):
        stage.describe(training=section, gate=limits)
        for _ in range(2):  # the same event twice
            stage.await_end()
            assert deliver(deployed(number)) == []
        assert len(stage.executions()) == runs, number


@pytest.mark.parametrize("deployment_first", [True, False])
def test_data_that_lands_with_a_deployment_is_trained_on_once(stage: Any, deliver: Any, deployment_first: bool) -> None:
    events = upload(stage)
    for batch in ([deployed(1)], events) if deployment_first else (events, [deployed(1)]):
        assert deliver(*batch) == []
    stage.await_end()
    for batch in ([deployed(1)], events):  # delivered again
        assert deliver(*batch) == []
    (execution,) = stage.executions()
    assert Records(client("dynamodb"), stage.table).pending() == []
    assert execution["name"].startswith("20261112-080000-ab12-")


def test_a_function_killed_at_any_of_its_calls_leads_to_one_run(stage: Any, deliver: Any) -> None:
    """Before each call to AWS in turn, and after each: delivered again, the same message gives one run."""
    for number in itertools.count():
        dataset = f"digits/set-{number}"
        keys = [f"{dataset}/train/images.gz", f"{dataset}/test/images.gz"]
        for key in keys:
            stage.put(key)
        event = landed(stage, keys[1])
        with _killing(call=number // 2, after=bool(number % 2)) as killed:
            try:
                deliver(event)
            except Killed:
                assert killed
        assert deliver(event) == []
        runs = [e for e in stage.executions() if e["name"].startswith(f"set-{number}-")]
        assert len(runs) == 1, (number, [e["name"] for e in stage.executions()])
        assert Records(client("dynamodb"), stage.table).pending() == []
        stage.await_end()
        if not killed:
            break
    assert number > 12


@contextmanager
def _killing(*, call: int, after: bool) -> Iterator[list[str]]:
    """Ends the function at its `call`-th call to AWS; which that was, once it has happened."""
    original, calls, killed = BaseClient._make_api_call, itertools.count(), []

    def make(api: Any, operation: str, arguments: Any) -> Any:
        if next(calls) != call:
            return original(api, operation, arguments)
        killed.append(operation)
        if after:
            original(api, operation, arguments)
        raise Killed(operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", make)
        yield killed


def plan_input(stage: Any) -> dict[str, Any]:
    (execution,) = stage.executions()
    return {**stage.execution_input(execution["executionArn"]), "run": execution["name"]}


def test_a_run_whose_lease_was_taken_over_is_refused(stage: Any, deliver: Any, context: Any) -> None:
    deliver(*upload(stage))
    event = plan_input(stage)
    assert plan_training(event, context)["champion"] is None
    stage.await_end()
    assert lease(stage).acquire("another") == Held(event["fencing_token"] + 1)
    with pytest.raises(StaleLease, match="fencing token is 1, the newest is 2"):
        plan_training(event, context)


def redriven(run: str) -> dict[str, Any]:
    return {"source": "slipway", "detail-type": "Redrive Requested", "detail": {"workload": "digits", "run": run}}


def test_a_run_that_failed_goes_on_when_its_turn_comes_and_holds_the_lease(
    stage: Any, deliver: Any, long_runs: None
) -> None:
    assert deliver(*upload(stage)) == []
    run = stop(stage)
    assert deliver(ended(run)) == []
    assert lease(stage).acquire("another") == Held(2)
    client("stepfunctions").start_execution(stateMachineArn=stage.descriptor["train_state_machine_arn"], name="another")
    assert deliver(redriven(run)) == []
    assert statuses(stage) == {run: "ABORTED", "another": "RUNNING"}  # it waits
    assert stop(stage) == "another"
    assert deliver(ended("another")) == []
    for reminder in _all_reminders(stage, 1):
        deliver(reminder)
    assert statuses(stage) == {run: "RUNNING", "another": "ABORTED"}
    assert isinstance(lease(stage).acquire("third"), Waiting)
    assert deliver(redriven(run)) == []  # the same event again
    (described,) = [e for e in stage.executions() if e["name"] == run]
    assert client("stepfunctions").describe_execution(executionArn=described["executionArn"])["redriveCount"] == 1


def statuses(stage: Any) -> dict[str, str]:
    return {execution["name"]: execution["status"] for execution in stage.executions()}


@pytest.mark.parametrize("late", [True, False], ids=["the event of its failure", "another request"])
def test_nothing_runs_beside_a_run_that_is_about_to_go_on(
    stage: Any, deliver: Any, long_runs: None, late: bool
) -> None:
    """What comes while the function asks Step Functions to redrive, and once more when it has."""
    assert deliver(*upload(stage)) == []
    run = stop(stage)
    failure = ended_as_described(stage, run)
    assert deliver(failure) == []
    with _before("RedriveExecution", lambda: deliver(*([failure] if late else []), requested())) as delivered:
        assert deliver(redriven(run)) == []
    assert delivered == [[]]
    assert deliver(failure, requested(2)) == []
    for reminder in stage.reminders():
        assert deliver(reminder) == []
    assert statuses(stage) == {run: "RUNNING"}
    assert stop(stage) == run
    assert deliver(ended_as_described(stage, run)) == []
    assert lease(stage).acquire("another") == Held(3)


def ended_as_described(stage: Any, run: str) -> dict[str, Any]:
    """The event of the end that the run has come to."""
    described = client("stepfunctions").describe_execution(executionArn=lease(stage).execution_arn(run))
    event = ended(run)
    event["detail"]["stopDate"] = int(described["stopDate"].timestamp() * 1000)
    return event


@contextmanager
def _before(operation: str, action: Callable[[], Any]) -> Iterator[list[Any]]:
    """Does `action` before the first call of `operation`; what it returned, once that has happened."""
    original, done = BaseClient._make_api_call, []

    def make(api: Any, name: str, arguments: Any) -> Any:
        if name == operation and not done:
            done.append(action())
        return original(api, name, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", make)
        yield done


def test_the_lease_of_a_redrive_whose_function_died_goes_to_the_next(
    stage: Any, long_runs: None, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deliver(*upload(stage)) == []
    run = stop(stage)
    assert lease(stage).acquire(run, again=True) == Held(1)
    waiting = lease(stage).acquire("another")
    assert isinstance(waiting, Waiting) and "about to start" in waiting.reason
    monkeypatch.setattr(leases, "STARTING_SECONDS", -1)
    lease(stage).acquire(run, again=True)
    monkeypatch.setattr(leases, "STARTING_SECONDS", 120)
    assert lease(stage).acquire("another") == Held(2)


def test_plan_takes_a_redriven_run_that_holds_the_lease_and_no_other_one(
    stage: Any, deliver: Any, context: Any
) -> None:
    assert deliver(*upload(stage)) == []
    (execution,) = stage.executions()
    event = {**stage.execution_input(execution["executionArn"]), "run": execution["name"]}
    stage.await_end()
    assert deliver(ended(execution["name"])) == []
    assert lease(stage).acquire(execution["name"]) == Held(2)  # its input has token 1
    assert plan_training(event, context)["training_job"]
    lease(stage).give_back(execution["name"])
    assert lease(stage).acquire("another") == Held(3)
    with pytest.raises(StaleLease):
        plan_training(event, context)


@pytest.mark.parametrize("version", [True, False])
def test_a_run_whose_data_was_deleted_is_refused_with_its_name(
    stage: Any, deliver: Any, context: Any, version: bool
) -> None:
    deliver(*upload(stage))
    event = plan_input(stage)
    gone = event["objects"][0]
    which = {"VersionId": gone["version_id"]} if version else {}
    client("s3").delete_object(Bucket=stage.descriptor["data"]["bucket"], Key=gone["key"], **which)
    with pytest.raises(ObjectVersionGone, match=gone["key"]):
        plan_training(event, context)


def test_requests_are_pending_until_a_run_took_them_up(stage: Any) -> None:
    records = Records(boto3.client("dynamodb"), stage.table)
    ask = Ask(id="d", dataset="d", hyperparameters={})
    assert [records.mark(ask).revision, records.mark(ask).revision] == [1, 2]
    (read,) = records.pending()
    assert records.mark(ask).revision == 3
    records.handled(read)
    (read,) = records.pending()
    assert (read.revision, read.handled) == (3, 2)
    records.handled(read)
    assert records.pending() == []
