"""Trains with the SDK's ModelTrainer as its documentation shows, and writes down what the job says.

Arguments: file to write, image, role ARN, bucket, S3 URI of the training channel,
folder of the source code, folder of the test channel.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import MetricDefinition
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition
from sagemaker.train import ModelTrainer

result, image, role, bucket, train_uri, source_dir, test_dir = sys.argv[1:]
trainer = ModelTrainer(
    sagemaker_session=Session(default_bucket=bucket),
    role=role,
    training_image=image,
    base_job_name="sdk-trainer",
    source_code=SourceCode(source_dir=source_dir, requirements="requirements.txt", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/output"),
    hyperparameters={"epochs": 3, "rate": 0.5, "network": "cnn"},
    environment={"FLAVOUR": "vanilla"},
).with_metric_definitions([MetricDefinition(name="loss", regex="loss=([0-9.]+)")])
trainer.train(
    input_data_config=[
        InputData(channel_name="train", data_source=train_uri),
        InputData(channel_name="test", data_source=test_dir),
    ],
    wait=True,
    logs=True,
)
job = trainer._latest_training_job.refresh()
Path(result).write_text(
    json.dumps(
        {
            "name": job.training_job_name,
            "status": job.training_job_status,
            "model": job.model_artifacts.s3_model_artifacts,
            "metrics": {metric.metric_name: metric.value for metric in job.final_metric_data_list},
            "hyperparameters": job.hyper_parameters,
        }
    )
)
