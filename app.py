"""The entry point of `cdk synth` and `cdk deploy`."""

import atexit
import gc
import os
import sys
from pathlib import Path

from aws_cdk import App

from infra.app import build
from infra.workloads import CodeRoots

ROOT = Path(__file__).resolve().parent

# Nothing that is made here is garbage before the end.
gc.disable()
app = App()
build(
    app,
    CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code"),
    validated=os.environ.get("CDK_VALIDATION") != "false",  # what `cdk --no-validation` sets
)
app.synth()
# The interpreter's own end takes half a second here: it frees hundreds of thousands of objects one by one.
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
