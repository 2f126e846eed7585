"""Tunes with the SDK's HyperparameterTuner as its documentation shows, and writes down what it found.

Arguments: file to write, image, role ARN, bucket, S3 URI of the training channel.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

result, image, role, bucket, train_uri = sys.argv[1:]
trainer = ModelTrainer(
    sagemaker_session=Session(default_bucket=bucket),
    role=role,
    training_image=image,
    base_job_name="sdk-tuned",
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/tuned"),
)
tuner = HyperparameterTuner(
    trainer,
    objective_metric_name="classes",
    hyperparameter_ranges={"scale": ContinuousParameter(1, 2)},
    metric_definitions=[{"Name": "classes", "Regex": "classes=([0-9]+);"}],
    strategy="Random",
    max_jobs=3,
    max_parallel_jobs=2,
    random_seed=3,
)
tuner.tune(inputs=[InputData(channel_name="training", data_source=train_uri)], wait=True)
job = tuner.describe()
Path(result).write_text(
    json.dumps(
        {
            "status": job.hyper_parameter_tuning_job_status,
            "completed": job.training_job_status_counters.completed,
            "best": tuner.best_training_job(),
            "value": job.best_training_job.final_hyper_parameter_tuning_job_objective_metric.value,
            "scale": job.best_training_job.tuned_hyper_parameters["scale"],
        }
    )
)
