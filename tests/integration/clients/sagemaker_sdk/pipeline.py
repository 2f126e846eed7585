"""Runs a pipeline of the SDK as its documentation shows: process, train, decide, register; writes down what it did.

Arguments: file to write, image with `train` and `serve`, role ARN of the jobs, role ARN of the pipeline, bucket,
script of the processing step.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import (
    CacheConfig,
    ConditionStep,
    FailStep,
    ModelStep,
    Pipeline,
    ProcessingStep,
    TrainingStep,
)
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer

result, image, role, pipeline_role, bucket, script = sys.argv[1:]
session = PipelineSession(default_bucket=bucket)
data = ParameterString("Data", default_value=f"s3://{bucket}/raw/")
count = ParameterInteger("Count", default_value=1)
least = ParameterFloat("Least", default_value=2.0)
group = "sdk-pipeline"

processor = ScriptProcessor(
    role=role,
    image_uri=image,
    command=["python3"],
    instance_count=count,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
report = PropertyFile(name="Report", output_name="report", path="report.json")
prepared = f"s3://{bucket}/prepared"
prepare = ProcessingStep(
    name="Prepare",
    step_args=processor.run(
        code=script,
        arguments=["--least", least.to_string()],
        inputs=[
            ProcessingInput(
                input_name="raw",
                s3_input=ProcessingS3Input(
                    s3_uri=data,
                    local_path="/opt/ml/processing/input/raw",
                    s3_data_type="S3Prefix",
                    s3_input_mode="File",
                ),
            )
        ],
        outputs=[
            ProcessingOutput(
                output_name=name,
                s3_output=ProcessingS3Output(
                    s3_uri=Join(on="/", values=[prepared, ExecutionVariables.PIPELINE_EXECUTION_ID, name]),
                    local_path=f"/opt/ml/processing/output/{name}",
                    s3_upload_mode="EndOfJob",
                ),
            )
            for name in ("train", "report")
        ],
    ),
    property_files=[report],
)
trainer = ModelTrainer(
    sagemaker_session=session,
    role=role,
    training_image=image,
    base_job_name="sdk-pipeline",
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/pipeline-models"),
    hyperparameters={"scale": "1"},
)
train_uri = prepare.properties.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri
train = TrainingStep(
    name="Train",
    step_args=trainer.train(input_data_config=[InputData(channel_name="training", data_source=train_uri)]),
    cache_config=CacheConfig(enable_caching=True, expire_after="P1D"),
)
builder = ModelBuilder(
    image_uri=image,
    role_arn=role,
    sagemaker_session=session,
    s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
)
register = ModelStep(
    name="Register",
    step_args=builder.register(
        model_package_group_name=group,
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status="Approved",
    ),
)
lines = JsonGet(step_name="Prepare", property_file=report, json_path="lines")
gate = ConditionStep(
    name="Enough",
    conditions=[ConditionGreaterThanOrEqualTo(left=lines, right=least)],
    if_steps=[register],
    else_steps=[FailStep(name="TooFew", error_message=Join(on=" ", values=["only", lines, "lines"]))],
    depends_on=[train],
)
pipeline = Pipeline(
    name="SdkPipeline", parameters=[data, count, least], steps=[prepare, train, gate], sagemaker_session=session
)
pipeline.upsert(role_arn=pipeline_role, description="of the SDK", tags=[{"Key": "team", "Value": "sdk"}])
pipeline.upsert(role_arn=pipeline_role, description="of the SDK, again")


def run(parameters: dict | None = None) -> dict:
    execution = pipeline.start(parameters=parameters)
    try:
        execution.wait(delay=1, max_attempts=120)
    except Exception as failed:  # the waiter's own error tells nothing of the steps
        print(failed, execution.list_steps(), file=sys.stderr)
    steps = {step["StepName"]: step for step in execution.list_steps()}
    return {
        "status": execution.describe()["PipelineExecutionStatus"],
        "steps": {name: step["StepStatus"] for name, step in steps.items()},
        "message": steps.get("TooFew", {}).get("Metadata", {}).get("Fail", {}).get("ErrorMessage"),
        "parameters": {entry["Name"]: entry["Value"] for entry in execution.list_parameters()["PipelineParameters"]},
    }


said = {
    "good": run(),
    "poor": run({"Least": 100.0}),
    "packages": Session(default_bucket=bucket).sagemaker_client.list_model_packages(ModelPackageGroupName=group)[
        "ModelPackageSummaryList"
    ],
    "versions": pipeline.latest_pipeline_version_id,
}
pipeline.delete()
Path(result).write_text(json.dumps(said, default=str))
