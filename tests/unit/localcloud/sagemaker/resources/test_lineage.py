"""Artifacts, actions, contexts and what leads from one to another."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.unit.localcloud.sagemaker.conftest import ControlPlane, error_of


def _artifact(client: Any, name: str, kind: str = "DataSet", **members: Any) -> str:
    source = {"SourceUri": f"s3://b/{name}"}
    return client.create_artifact(ArtifactName=name, Source=source, ArtifactType=kind, **members)["ArtifactArn"]


def _chain(client: Any, *names: str) -> list[str]:
    arns = [_artifact(client, name) for name in names]
    for source, destination in itertools.pairwise(arns):
        client.add_association(SourceArn=source, DestinationArn=destination, AssociationType="DerivedFrom")
    return arns


def _reached(client: Any, start: str, **request: Any) -> list[str]:
    return [vertex["Arn"] for vertex in client.query_lineage(StartArns=[start], **request)["Vertices"]]


def test_an_artifact_is_known_by_its_source(plane: ControlPlane) -> None:
    client, source = plane.client, {"SourceUri": "s3://b/a"}
    arn = client.create_artifact(Source=source, ArtifactType="DataSet", Properties={"k": "v"})["ArtifactArn"]
    assert error_of(client.create_artifact, Source=source, ArtifactType="Model") == (
        "ValidationException",
        f"Resource '{arn}' already exists.",
    )
    assert client.describe_artifact(ArtifactArn=arn)["Properties"] == {"k": "v"}
    assert error_of(client.delete_artifact, ArtifactArn=arn, Source=source)[0] == "ValidationException"
    assert client.delete_artifact(Source=source)["ArtifactArn"] == arn
    assert error_of(client.describe_artifact, ArtifactArn=arn)[0] == "ResourceNotFound"


def test_what_is_associated_cannot_be_deleted(plane: ControlPlane) -> None:
    client = plane.client
    first, second = _chain(client, "a", "b")
    for arn in (first, second):
        assert "delete the association" in error_of(client.delete_artifact, ArtifactArn=arn)[1]
    client.delete_association(SourceArn=first, DestinationArn=second)
    client.delete_artifact(ArtifactArn=first)


def test_a_query_goes_the_asked_way_and_not_to_siblings(plane: ControlPlane) -> None:
    client = plane.client
    data, model, endpoint = _chain(client, "data", "model", "endpoint")
    sibling = _artifact(client, "sibling")
    client.add_association(SourceArn=data, DestinationArn=sibling)
    assert _reached(client, model, Direction="Ascendants") == [data]
    assert _reached(client, model, Direction="Descendants") == [endpoint]
    assert _reached(client, model) == [endpoint, data]
    assert set(_reached(client, data, MaxDepth=1)) == {model, sibling}
    edges = client.query_lineage(StartArns=[endpoint])["Edges"]
    assert {(edge["SourceArn"], edge["DestinationArn"]) for edge in edges} == {(data, model), (model, endpoint)}


def test_a_filter_shows_what_lies_behind_what_it_hides(plane: ControlPlane) -> None:
    client = plane.client
    data, model = _artifact(client, "data", Properties={"of": "shop"}), _artifact(client, "model", "Model")
    action = client.create_action(ActionName="train", Source={"SourceUri": "x"}, ActionType="Training")["ActionArn"]
    client.add_association(SourceArn=data, DestinationArn=action)
    client.add_association(SourceArn=action, DestinationArn=model)
    assert _reached(client, model, Filters={"LineageTypes": ["Artifact"]}) == [data]
    assert _reached(client, model, Filters={"Types": ["Training"]}) == [action]
    assert _reached(client, model, Filters={"Properties": {"of": "shop"}}) == [data]
    assert _reached(client, model, Filters={"CreatedAfter": 4102444800}) == []


def test_a_query_is_answered_in_pages(plane: ControlPlane) -> None:
    client = plane.client
    start, *others = _chain(client, "a", "b", "c", "d")
    first = client.query_lineage(StartArns=[start], MaxResults=2)
    second = client.query_lineage(StartArns=[start], MaxResults=2, NextToken=first["NextToken"])
    assert [vertex["Arn"] for vertex in first["Vertices"] + second["Vertices"]] == others
    assert "NextToken" not in second


@pytest.mark.parametrize("noun", ["action", "context"])
def test_actions_and_contexts_are_updated_and_listed_by_type(plane: ControlPlane, noun: str) -> None:
    client, title = plane.client, noun.capitalize()
    for name in ("a", "b"):
        request = {f"{title}Name": name, "Source": {"SourceUri": "x"}, f"{title}Type": name * 2}
        getattr(client, f"create_{noun}")(**request)
    getattr(client, f"update_{noun}")(**{f"{title}Name": "a", "Properties": {"k": "v"}, "Description": "d"})
    found = getattr(client, f"describe_{noun}")(**{f"{title}Name": "a"})
    assert (found["Properties"], found["Description"]) == ({"k": "v"}, "d")
    listed = getattr(client, f"list_{noun}s")(**{f"{title}Type": "bb"})[f"{title}Summaries"]
    assert [entry[f"{title}Name"] for entry in listed] == ["b"]


def test_models_and_pipelines_are_found_by_search(plane: ControlPlane) -> None:
    client = plane.client
    role = "arn:aws:iam::123456789012:role/sagemaker-execution"
    client.create_model(ModelName="m1", PrimaryContainer={"Image": "x"}, ExecutionRoleArn=role)
    text = '{"Version": "2020-12-01", "Steps": [], "Parameters": [{"Name": "P", "Type": "Integer", "DefaultValue": 1}]}'
    client.create_pipeline(PipelineName="p1", PipelineDefinition=text, RoleArn=role)
    client.start_pipeline_execution(PipelineName="p1")

    def search(resource: str, name: str, value: str) -> list[dict[str, Any]]:
        filters = [{"Name": name, "Operator": "Equals", "Value": value}]
        return client.search(Resource=resource, SearchExpression={"Filters": filters})["Results"]

    assert search("Model", "ModelName", "m1")[0]["Model"]["Model"]["ModelName"] == "m1"
    assert search("Pipeline", "PipelineName", "p1")[0]["Pipeline"]["PipelineStatus"] == "Active"
    (execution,) = search("PipelineExecution", "PipelineExecutionStatus", "Executing")
    assert execution["PipelineExecution"]["PipelineParameters"] == [{"Name": "P", "Value": "1"}]
