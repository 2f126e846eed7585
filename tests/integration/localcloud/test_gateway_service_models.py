"""ministack gets the service models that it would have read itself."""

import subprocess
import sys

from tests.support.embedded_cloud import ROOT

CHECK = """
import importlib
from localcloud import clients
from localcloud.gateway import service_models
actions = importlib.import_module("ministack.core.iam_actions")
responses = importlib.import_module("ministack.core.responses")
documents = ("sagemaker", "lambda", "apigatewayv2", "sesv2", "no-such-service")
services = ("states", "monitoring", "ssm", "no-such-service")
own = {name: actions._load_botocore_model(name) for name in documents}
protocols = {name: getattr(responses._service_model(name), "metadata", None) for name in services}
service_models.register()
for name in documents:
    read = actions._load_botocore_model(name)
    assert read == own[name], name
    assert not read or read is clients.loader().load_service_model(name, "service-2"), name
for name in services:
    assert getattr(responses._service_model(name), "metadata", None) == protocols[name], name
print("as expected")
"""


def test_ministack_gets_the_models_that_it_would_read():
    result = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stdout == "as expected\n", result.stderr
