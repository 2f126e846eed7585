"""Writes `infra/instance_types.json` from the model of the SageMaker API that botocore ships.

    python scripts/update_instance_types.py

The CDK app reads only the JSON file that comes out: botocore's model is megabytes, and reading it takes as long as a
tenth of a synthesis.
"""

from __future__ import annotations

import json
from pathlib import Path

import botocore.session

TABLE = Path(__file__).resolve().parents[1] / "infra" / "instance_types.json"
SHAPES = ("ProcessingInstanceType", "ProductionVariantInstanceType", "TrainingInstanceType")
"""The kinds of instance that manifests name, as the API calls them."""


def instance_types() -> dict[str, list[str]]:
    """Shape -> the instance types that the API knows for it, sorted."""
    model = botocore.session.Session().get_service_model("sagemaker")
    return {shape: sorted(model.shape_for(shape).enum) for shape in SHAPES}


def main() -> None:
    TABLE.write_text(json.dumps(instance_types(), indent=1) + "\n", "utf-8")
    print(f"{TABLE}: written")


if __name__ == "__main__":
    main()
