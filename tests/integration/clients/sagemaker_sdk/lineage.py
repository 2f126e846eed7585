"""Records lineage with the SDK's classes and asks for it; writes down what it was told. Arguments: file, bucket."""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lineage.action import Action
from sagemaker.core.lineage.artifact import Artifact
from sagemaker.core.lineage.association import Association
from sagemaker.core.lineage.context import Context
from sagemaker.core.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum

result, bucket = sys.argv[1:]
session = Session(default_bucket=bucket)
data = Artifact.create(
    artifact_name="clothes",
    source_uri=f"s3://{bucket}/clothes",
    artifact_type="DataSet",
    properties={"rows": "10", "old": "yes"},
    sagemaker_session=session,
)
train = Action.create(
    action_name="train",
    source_uri="train.py",
    action_type="ModelTraining",
    status="InProgress",
    sagemaker_session=session,
)
model = Artifact.create(
    artifact_name="model", source_uri=f"s3://{bucket}/model", artifact_type="Model", sagemaker_session=session
)
endpoint = Context.create(
    context_name="shop", source_uri="arn:shop", context_type="Endpoint", sagemaker_session=session
)
ends = [
    (data.artifact_arn, train.action_arn, "ContributedTo"),
    (train.action_arn, model.artifact_arn, "Produced"),
    (model.artifact_arn, endpoint.context_arn, "AssociatedWith"),
]
for source, destination, kind in ends:
    Association.create(source_arn=source, destination_arn=destination, association_type=kind, sagemaker_session=session)
train.status = "Completed"
train.properties = {"epochs": "3"}
train.save()
data.properties_to_remove = ["old"]
data.save()
found = LineageQuery(session).query(
    start_arns=[endpoint.context_arn],
    query_filter=LineageFilter(entities=[LineageEntityEnum.ARTIFACT]),
    direction=LineageQueryDirectionEnum.ASCENDANTS,
    include_edges=False,
)
said = {
    "ascendants": [vertex.arn.rpartition("/")[2] for vertex in found.vertices],
    "expected": [arn.rpartition("/")[2] for arn in (model.artifact_arn, data.artifact_arn)],
    "trained": Action.load("train", sagemaker_session=session).status,
    "properties": Artifact.load(data.artifact_arn, sagemaker_session=session).properties,
    "models": [entry.artifact_name for entry in Artifact.list(artifact_type="Model", sagemaker_session=session)],
    "by_source": [
        entry.artifact_arn == data.artifact_arn
        for entry in Artifact.list(source_uri=f"s3://{bucket}/clothes", sagemaker_session=session)
    ],
    "associations": [
        [entry.association_type, entry.destination_type]
        for entry in Association.list(source_arn=train.action_arn, sagemaker_session=session)
    ],
}
for entity in (data, train, model, endpoint):
    entity.delete(disassociate=True)
said["left"] = [entry.artifact_name for entry in Artifact.list(sagemaker_session=session)]
Path(result).write_text(json.dumps(said))
