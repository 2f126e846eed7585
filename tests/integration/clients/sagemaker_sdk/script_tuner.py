"""Tunes a script on AWS's own image with the SDK's HyperparameterTuner; writes down what it found.

Arguments: file to write, image URI, role ARN, bucket, S3 URI of the training channel, folder of the source code.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

result, image, role, bucket, train_uri, source_dir = sys.argv[1:]
trainer = ModelTrainer(
    sagemaker_session=Session(default_bucket=bucket),
    role=role,
    training_image=image,
    base_job_name="sdk-script",
    source_code=SourceCode(source_dir=source_dir, entry_script="tune.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/script"),
    hyperparameters={"epochs": 2, "word": "good day"},
)
tuner = HyperparameterTuner(
    trainer,
    objective_metric_name="loss",
    objective_type="Minimize",
    hyperparameter_ranges={"rate": CategoricalParameter([0.5, 0.25])},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
    strategy="Grid",
    max_parallel_jobs=2,
)
tuner.tune(inputs=[InputData(channel_name="train", data_source=train_uri)], wait=True)
job = tuner.describe()
Path(result).write_text(
    json.dumps(
        {
            "status": job.hyper_parameter_tuning_job_status,
            "completed": job.training_job_status_counters.completed,
            "best": tuner.best_training_job(),
            "loss": job.best_training_job.final_hyper_parameter_tuning_job_objective_metric.value,
        }
    )
)
