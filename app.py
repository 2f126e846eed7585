"""The entry point of `cdk synth` and `cdk deploy`."""

from pathlib import Path

from aws_cdk import App

from infra.app import build
from infra.workloads import CodeRoots

ROOT = Path(__file__).resolve().parent

app = App()
build(app, CodeRoots(training=ROOT / "training_code", inference=ROOT / "inference_code"))
app.synth()
