"""Experiments, trials and trial components over boto3."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ACCOUNT, REGION, ControlPlane, error_of

PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:"


@pytest.fixture
def client(plane: ControlPlane) -> Any:
    """Two experiments with a trial each, and a component that belongs to the first one's trial."""
    client = plane.client
    for number in ("1", "2"):
        client.create_experiment(ExperimentName=f"e{number}", Description="sizes")
        client.create_trial(TrialName=f"t{number}", ExperimentName=f"e{number}")
    client.create_trial_component(
        TrialComponentName="c", Parameters={"hidden": {"NumberValue": 64}}, Status={"PrimaryStatus": "InProgress"}
    )
    client.associate_trial_component(TrialComponentName="c", TrialName="t1")
    return client


def _trials(client: Any, **within: str) -> list[str]:
    return [
        trial["TrialName"]
        for trial in client.list_trials(SortBy="Name", SortOrder="Ascending", **within)["TrialSummaries"]
    ]


def _components(client: Any, **within: str) -> list[str]:
    return [one["TrialComponentName"] for one in client.list_trial_components(**within)["TrialComponentSummaries"]]


def test_what_was_created_is_described(client: Any) -> None:
    experiment = client.describe_experiment(ExperimentName="e1")
    assert experiment["ExperimentArn"] == f"{PREFIX}experiment/e1"
    assert (experiment["DisplayName"], experiment["Description"]) == ("e1", "sizes")
    trial = client.describe_trial(TrialName="t1")
    assert (trial["TrialArn"], trial["ExperimentName"]) == (f"{PREFIX}experiment-trial/t1", "e1")
    component = client.describe_trial_component(TrialComponentName="c")
    assert component["Parameters"] == {"hidden": {"NumberValue": 64.0}}


def test_lists_select_by_what_belongs_to_what(client: Any) -> None:
    assert _trials(client) == ["t1", "t2"]
    assert _trials(client, ExperimentName="e2") == ["t2"]
    assert _trials(client, TrialComponentName="c") == ["t1"]
    assert _components(client, TrialName="t1") == ["c"]
    assert _components(client, TrialName="t2") == []
    assert _components(client, ExperimentName="e1") == ["c"]
    assert _components(client, ExperimentName="e2") == []


def test_a_component_leaves_the_lists_of_the_trial_it_is_taken_out_of(client: Any) -> None:
    client.associate_trial_component(TrialComponentName="c", TrialName="t2")
    client.disassociate_trial_component(TrialComponentName="c", TrialName="t1")
    assert _components(client, ExperimentName="e1") == []
    assert _components(client, ExperimentName="e2") == ["c"]


def test_maps_of_a_component_are_merged_and_keys_removed(client: Any) -> None:
    client.update_trial_component(
        TrialComponentName="c", Parameters={"rate": {"NumberValue": 0.1}}, Status={"PrimaryStatus": "Completed"}
    )
    client.update_trial_component(TrialComponentName="c", ParametersToRemove=["hidden"])
    component = client.describe_trial_component(TrialComponentName="c")
    assert component["Parameters"] == {"rate": {"NumberValue": 0.1}}
    assert component["Status"] == {"PrimaryStatus": "Completed"}
    assert component["LastModifiedTime"] >= component["CreationTime"]


def test_nothing_is_deleted_while_something_belongs_to_it(client: Any) -> None:
    for operation, arguments, left in (
        (client.delete_experiment, {"ExperimentName": "e1"}, "trials: t1"),
        (client.delete_trial, {"TrialName": "t1"}, "components: c"),
        (client.delete_trial_component, {"TrialComponentName": "c"}, "trials: t1"),
    ):
        code, message = error_of(operation, **arguments)
        assert code == "ValidationException"
        assert left in message
    client.disassociate_trial_component(TrialComponentName="c", TrialName="t1")
    client.delete_trial_component(TrialComponentName="c")
    client.delete_trial(TrialName="t1")
    client.delete_experiment(ExperimentName="e1")
    assert error_of(client.describe_experiment, ExperimentName="e1")[0] == "ResourceNotFound"


def test_a_trial_needs_its_experiment_and_names_are_taken_once(client: Any) -> None:
    code, _ = error_of(client.create_trial, TrialName="t3", ExperimentName="none")
    assert code == "ResourceNotFound"
    assert error_of(client.create_experiment, ExperimentName="e1")[0] == "ValidationException"


def test_experiments_carry_tags(client: Any) -> None:
    arn = client.describe_experiment(ExperimentName="e1")["ExperimentArn"]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]


def test_lineage_goes_from_source_to_destination_until_it_is_deleted(client: Any) -> None:
    client.create_trial_component(TrialComponentName="d", DisplayName="evaluation")
    source = f"{PREFIX}experiment-trial-component/c"
    ends = {"SourceArn": source, "DestinationArn": f"{PREFIX}experiment-trial-component/d"}
    assert error_of(client.add_association, SourceArn=source, DestinationArn=source)[0] == "ValidationException"
    missing = f"{PREFIX}artifact/a"
    assert error_of(client.add_association, SourceArn=source, DestinationArn=missing)[0] == "ResourceNotFound"
    client.add_association(**ends, AssociationType="ContributedTo")
    assert error_of(client.add_association, **ends)[0] == "ValidationException"
    (found,) = client.list_associations(SourceArn=source, AssociationType="ContributedTo")["AssociationSummaries"]
    assert (found["DestinationArn"], found["DestinationName"]) == (ends["DestinationArn"], "evaluation")
    assert client.list_associations(DestinationArn=source)["AssociationSummaries"] == []
    client.delete_association(**ends)
    assert client.list_associations(SourceArn=source)["AssociationSummaries"] == []
    assert error_of(client.delete_association, **ends)[0] == "ResourceNotFound"
