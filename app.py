"""The entry point of `cdk synth` and `cdk deploy`."""

import atexit
import gc
import importlib
import os
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> None:
    # Nothing that is made here is garbage before the end.
    gc.disable()
    # Importing the CDK waits for Node, which loads it; what needs no CDK is imported meanwhile.
    threading.Thread(target=importlib.import_module, args=["infra.workloads"]).start()
    from aws_cdk import App

    from infra.app import build
    from infra.workloads import CodeRoots

    app = App()
    build(
        app,
        CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code"),
        validated=os.environ.get("CDK_VALIDATION") != "false",  # what `cdk --no-validation` sets
    )
    app.synth()


main()
# The interpreter's own end takes half a second here: it frees hundreds of thousands of objects one by one.
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
