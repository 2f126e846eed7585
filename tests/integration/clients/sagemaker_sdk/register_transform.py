"""Registers a model, approves it, and scores a file with it in a batch; writes down what each step said.

Arguments: file to write, image with `serve`, role ARN, bucket, S3 URI of the model data, S3 URI of the lines to score.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Model, ModelPackage, ModelPackageGroup
from sagemaker.core.shapes import ContainerDefinition
from sagemaker.core.transformer import Transformer

GROUP = "sdk-registry"
result, image, role, bucket, model_data, lines_uri = sys.argv[1:]
session = Session(default_bucket=bucket)


def register() -> dict:
    group = ModelPackageGroup.create(model_package_group_name=GROUP, model_package_group_description="of the SDK")
    # ModelPackage.create of this SDK reads a ModelPackageName that CreateModelPackage does not answer, on AWS either.
    created = session.sagemaker_client.create_model_package(
        ModelPackageGroupName=GROUP,
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": model_data}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )
    package = ModelPackage.get(created["ModelPackageArn"])
    package.update(model_approval_status="Approved")
    found = ModelPackage.get(package.model_package_arn)
    model = Model.create(
        model_name="sdk-registered",
        execution_role_arn=role,
        containers=[ContainerDefinition(model_package_name=package.model_package_arn)],
    )
    return {
        "group": group.model_package_group_status,
        "version": found.model_package_version,
        "approval": found.model_approval_status,
        "model": model.get_name(),
    }


def transform(model_name: str) -> dict:
    transformer = Transformer(
        model_name=model_name,
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        output_path=f"s3://{bucket}/scored",
        accept="text/csv",
        sagemaker_session=session,
    )
    transformer.transform(lines_uri, content_type="text/csv", split_type="Line", wait=True, logs=False)
    return {"status": transformer.latest_transform_job.refresh().transform_job_status}


registered = register()
said = {"registry": registered, "transform": transform(registered["model"])}
Path(result).write_text(json.dumps(said))
