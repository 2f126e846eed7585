"""Builds and deploys a model of an image of one's own with the SDK's ModelBuilder; writes down what it answers.

Arguments: file to write, image with `serve`, role ARN, bucket, S3 URI of the model data.
"""

import json
import sys
from pathlib import Path

from sagemaker.core.helper.session_helper import Session
from sagemaker.serve.model_builder import ModelBuilder

result, image, role, bucket, model_data = sys.argv[1:]
builder = ModelBuilder(
    image_uri=image,
    role_arn=role,
    sagemaker_session=Session(default_bucket=bucket),
    s3_model_data_url=model_data,
    instance_type="ml.m5.large",
)
model = builder.build(model_name="sdk-built")
# Its own waiting looks once in 30 s.
endpoint = builder.deploy(endpoint_name="sdk-built", initial_instance_count=1, instance_type="ml.m5.large", wait=False)
endpoint.wait_for_status("InService", poll=1, timeout=120)
answer = endpoint.invoke(body="1.1,1\n5,5.2\n", content_type="text/csv")
said = {"model": model.model_name, "status": endpoint.endpoint_status, "answer": answer.body.read().decode()}
Path(result).write_text(json.dumps(said))
