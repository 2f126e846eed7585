"""What the recorder takes from ministack's services is what they would have saved themselves."""

import subprocess
import sys

from localcloud.gateway.recorder import HANDS_OUT
from tests.support.embedded_cloud import ROOT

# Each store of each service gets an entry with something nested, then the service is asked both ways.
CHECK = """
import copy, importlib, json, sys
from pathlib import Path
from localcloud import config
from localcloud.gateway import Gateway, recorder
Gateway(config.load(Path(sys.argv[1]), 4566))
app = importlib.import_module("ministack.app")
persistence = importlib.import_module("ministack.core.persistence")
scoped = (persistence.AccountScopedDict, persistence.AccountRegionScopedDict)
for name in sys.argv[2:]:
    module = app._get_module(app._state_map[name])
    stores = [value for value in vars(module).values() if isinstance(value, scoped)]
    for store in stores:
        key = ("1", "r", "name") if isinstance(store, persistence.AccountRegionScopedDict) else ("1", "name")
        store._data[key] = {"nested": [{"deep": "value"}], "objects": {}}
    before = [json.dumps(store, default=persistence._json_default) for store in stores]
    copied = json.dumps(module.get_state(), default=persistence._json_default)
    handed_out = json.dumps(recorder._read(name, module.get_state), default=persistence._json_default)
    assert stores and handed_out == copied, name
    assert before == [json.dumps(store, default=persistence._json_default) for store in stores], name
    print(name)
"""


def test_services_that_hand_out_their_data_give_what_they_would_copy_and_alter_nothing(tmp_path):
    names = sorted(HANDS_OUT)
    command = [sys.executable, "-c", CHECK, str(tmp_path), *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout.split() == names, result.stderr


EFFECTS = """
import asyncio, importlib, sys
from pathlib import Path
from localcloud import config
from localcloud.gateway import Gateway, effects
Gateway(config.load(Path(sys.argv[1]), 4566))
saved = importlib.import_module("ministack.app")._state_map
assert effects.PASS_ON.union(*effects._ALSO.values()) <= saved.keys()

def changed(method, path, target="", service="", host="127.0.0.1:4566", kind=""):
    signed = f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request, Signature=0"
    headers = {"x-amz-target": target, "authorization": signed if service else "", "host": host}
    headers["x-amz-invocation-type"] = kind
    sent = [(name.encode(), value.encode()) for name, value in headers.items() if value]
    return effects.changed_by({"method": method, "path": path, "query_string": b"", "headers": sent}, noticed)

noticed = effects.Effects()
effects.current.set(noticed)

assert "ssm" in changed("POST", "/", "AmazonSSM.PutParameter", "ssm")
assert {"s3", "sqs", "eventbridge"} <= changed("PUT", "/bucket/key", service="s3")
assert {"eventbridge", "sqs", "stepfunctions"} <= changed("POST", "/", "AWSEvents.PutEvents", "events")
assert {"dynamodb", "dynamodb_streams"} <= changed("POST", "/", "DynamoDB_20120810.PutItem", "dynamodb")
assert "cloudwatch_logs" in changed("POST", "/", "Logs_20140328.PutLogEvents", "logs")
assert "cloudwatch" in changed("POST", "/", "GraniteServiceVersion20100801.PutMetricData", "monitoring")
assert "lambda" in changed("POST", "/2015-03-31/functions", service="lambda")
invocations = "/2015-03-31/functions/name/invocations"
assert changed("POST", invocations, service="lambda") == {"lambda_durable"}
assert changed("POST", invocations, service="lambda", kind="RequestResponse") == {"lambda_durable"}
assert {"lambda", "sqs"} <= changed("POST", invocations, service="lambda", kind="Event")
assert {"lambda", "sqs"} <= changed("PUT", "/2015-03-31/functions/name/code", service="lambda")
assert "stepfunctions" in changed("POST", "/", "AWSStepFunctions.StartExecution", "states")
assert {"apigateway", "apigateway_v1"} <= changed("POST", "/restapis", service="apigateway")
for service in ("cloudformation", "iam", "tagging", "ecr", "kms", "codebuild"):
    assert changed("POST", "/", service=service) is None, service

api = importlib.import_module("ministack.services.apigateway_v1")
function = "arn:aws:lambda:us-east-1:000000000000:function:name"
uri = {"uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"}
resource = {"id": "root", "path": "/"}
asyncio.run(api._invoke_lambda_proxy_v1(uri, "id", "dev", {}, resource, "/", "POST", {}, b"", {}, {}))
assert changed("POST", "/dev/path", host="id.execute-api.localhost") == frozenset()
print("as expected")
"""


def test_a_request_is_followed_by_a_look_at_what_it_may_change(tmp_path):
    command = [sys.executable, "-c", EFFECTS, str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == "as expected\n", result.stderr
