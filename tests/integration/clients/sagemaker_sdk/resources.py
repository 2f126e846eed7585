"""Trains, processes, hosts and deletes with the SDK's resource classes, and writes down what each of them said.

Arguments: file to write, image with `train` and `serve`, role ARN, S3 URI of the training channel,
S3 folder for what comes out.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ProcessingJob, Tag, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    AppSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProcessingClusterConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingOutputConfig,
    ProcessingResources,
    ProcessingS3Input,
    ProcessingS3Output,
    ProductionVariant,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)

NAME = "sdk-resources"
PROCESS = (
    "import pathlib; text = pathlib.Path('/opt/ml/processing/input/train.csv').read_text(); "
    "pathlib.Path('/opt/ml/processing/output/lines.txt').write_text(str(len(text.splitlines())))"
)
result, image, role, train_uri, output_uri = sys.argv[1:]


def train() -> dict:
    source = DataSource(s3_data_source=S3DataSource(s3_data_type="S3Prefix", s3_uri=train_uri))
    job = TrainingJob.create(
        training_job_name=NAME,
        role_arn=role,
        algorithm_specification=AlgorithmSpecification(training_image=image, training_input_mode="File"),
        hyper_parameters={"scale": "2"},
        input_data_config=[Channel(channel_name="training", data_source=source)],
        output_data_config=OutputDataConfig(s3_output_path=output_uri),
        resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
        tags=[Tag(key="team", value="iris")],
    )
    job.wait(poll=1, timeout=120)
    found = TrainingJob.get(NAME)
    listed = [entry.training_job_name for entry in TrainingJob.get_all(name_contains=NAME)]
    return {
        "status": found.training_job_status,
        "model": found.model_artifacts.s3_model_artifacts,
        "listed": listed,
    }


def process() -> dict:
    folder = "/opt/ml/processing"
    given = ProcessingS3Input(
        s3_uri=train_uri, local_path=f"{folder}/input", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    taken = ProcessingS3Output(
        s3_uri=f"{output_uri}/processed", local_path=f"{folder}/output", s3_upload_mode="EndOfJob"
    )
    job = ProcessingJob.create(
        processing_job_name=NAME,
        role_arn=role,
        app_specification=AppSpecification(image_uri=image, container_entrypoint=["python3", "-c", PROCESS]),
        processing_inputs=[ProcessingInput(input_name="data", s3_input=given)],
        processing_output_config=ProcessingOutputConfig(
            outputs=[ProcessingOutput(output_name="lines", s3_output=taken)]
        ),
        processing_resources=ProcessingResources(
            cluster_config=ProcessingClusterConfig(instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=1)
        ),
    )
    job.wait(poll=1, timeout=120)
    return {"status": ProcessingJob.get(NAME).processing_job_status}


def host(model_data: str) -> dict:
    container = ContainerDefinition(image=image, model_data_url=model_data)
    model = Model.create(model_name=NAME, primary_container=container, execution_role_arn=role)
    variant = ProductionVariant(
        variant_name="AllTraffic", model_name=NAME, initial_instance_count=1, instance_type="ml.m5.large"
    )
    config = EndpointConfig.create(endpoint_config_name=NAME, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=NAME, endpoint_config_name=NAME)
    endpoint.wait_for_status("InService", poll=1, timeout=120)
    answer = endpoint.invoke(body="1.1,1\n5,5.2\n", content_type="text/csv", accept="text/csv")
    said = {
        "status": Endpoint.get(NAME).endpoint_status,
        "answer": answer.body.read().decode(),
        "variant": answer.invoked_production_variant,
        "content_type": answer.content_type,
    }
    endpoint.delete()
    endpoint.wait_for_delete(poll=1, timeout=60)
    config.delete()
    model.delete()
    left = [*Endpoint.get_all(), *EndpointConfig.get_all(), *Model.get_all()]
    return {**said, "left": len(left)}


trained = train()
said = {"training": trained, "processing": process(), "hosting": host(trained["model"])}
Path(result).write_text(json.dumps(said))
