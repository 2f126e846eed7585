"""Other people's checkers find nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from infra.app import build
from infra.workloads import CodeRoots

ROOT = Path(__file__).resolve().parents[2]

REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"]
NOISE = ["W3005", "I1022"]
"""Dependencies that CDK states twice; `Fn::Join` where a person would write `Fn::Sub`."""


def test_cfn_lint_is_clean_in_three_regions(assembly: Any) -> None:
    templates = [str(path) for path in sorted(assembly.folder.glob("*.template.json"))]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "-t", *templates, "-r", *REGIONS, "-c", "I", "-i", *NOISE]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_cdk_nag_stops_a_synthesis_that_breaks_a_rule(tmp_path: Path) -> None:
    """That the app was synthesised at all says that cdk-nag found nothing in it; here: that it was looking."""
    context = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    app = App(context=context, outdir=str(tmp_path))
    build(app, CodeRoots(training=tmp_path, inference=tmp_path))
    s3.CfnBucket(Stack(app, "careless"), "Public")
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()
