"""Writes `infra/images/managed_images.json` from the tables that the SageMaker Python SDK ships.

Run it in an environment of its own, where `sagemaker-core` 2.x (part of the SageMaker Python SDK 3.x) is installed;
the CDK app reads only the JSON file that comes out, so that synthesis needs neither the SDK nor a network:

    python scripts/update_images.py
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[1] / "infra" / "images" / "managed_images.json"
VERSIONS = 5
"""How many of the newest versions of a framework the table keeps."""
FRAMEWORKS: dict[str, tuple[str, ...]] = {
    "pytorch": ("pytorch", "pytorch-amzn2023"),
    "sklearn": ("sklearn",),
    "xgboost": ("xgboost",),
}
"""Our name of a framework -> the SDK's configuration files that hold its training images."""
SPARK_VERSIONS = {"3.5": "py312-v1.4"}
"""Version of Spark -> Python and release of the container, which the SDK's table leaves to its caller."""
PARTITION_PREFIXES = ("cn-", "us-gov-", "us-iso", "eu-iso", "eusc-")
"""Regions outside the `aws` partition: other domains, other accounts, out of scope."""


def configuration_folder() -> Path:
    """The SDK's folder of image tables, found without importing the SDK (which needs a session and seconds)."""
    spec = importlib.util.find_spec("sagemaker")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("sagemaker-core is not installed here: python -m pip install sagemaker-core")
    return Path(next(iter(spec.submodule_search_locations))) / "core" / "image_uri_config"


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def tag(version: str, entry: dict[str, Any], processor: str | None) -> str:
    """The image's tag, put together as `sagemaker.core.image_uris.retrieve` does for training images."""
    parts = [
        entry.get("tag_prefix", version),
        processor if entry.get("processor_in_tag", True) else None,
        next(iter(entry.get("py_versions", [])), None),
        entry.get("container_version", {}).get(processor),
    ]
    return "-".join(part for part in parts if part)


def tags(version: str, entry: dict[str, Any], processors: list[str]) -> dict[str, str]:
    """Processor -> tag. Where the SDK names no processors, one image is for all."""
    processors = entry.get("processors", processors)
    if not processors:
        return dict.fromkeys(("cpu", "gpu"), tag(version, entry, None))
    return {processor: tag(version, entry, processor) for processor in sorted(processors)}


def accounts(entry: dict[str, Any]) -> dict[str, str]:
    """Region -> account."""
    registries = sorted(entry["registries"].items())
    return {region: account for region, account in registries if not region.startswith(PARTITION_PREFIXES)}


def row(version: str, entry: dict[str, Any], processors: list[str]) -> dict[str, Any]:
    return {
        "repository": entry["repository"],
        "tags": tags(version, entry, processors),
        "accounts": accounts(entry),
    }


def framework(files: tuple[str, ...], folder: Path) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name in files:
        training = json.loads((folder / f"{name}.json").read_text("utf-8"))["training"]
        for version, entry in training["versions"].items():
            rows[version] = row(version, entry, training.get("processors", []))
    newest = sorted(rows, key=version_key, reverse=True)[:VERSIONS]
    return {version: rows[version] for version in newest}


def spark(folder: Path) -> dict[str, Any]:
    """Spark's images, which run Processing jobs only."""
    entries = json.loads((folder / "spark.json").read_text("utf-8"))["processing"]["versions"]
    return {
        version: {
            "repository": entries[version]["repository"],
            "tags": {"cpu": f"{version}-cpu-{container}"},
            "accounts": accounts(entries[version]),
        }
        for version, container in SPARK_VERSIONS.items()
    }


def main() -> None:
    folder = configuration_folder()
    table = {
        "source": f"sagemaker-core {importlib.metadata.version('sagemaker-core')}, sagemaker/core/image_uri_config",
        "training": {name: framework(files, folder) for name, files in sorted(FRAMEWORKS.items())},
        "processing": {"spark": spark(folder)},
    }
    TABLE.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
    print(f"wrote {TABLE.name}: {', '.join(f'{name} {list(rows)}' for name, rows in table['training'].items())}")


if __name__ == "__main__":
    main()
