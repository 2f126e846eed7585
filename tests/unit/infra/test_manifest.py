"""What a manifest may say, and what is said about one that is wrong."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.workloads import CodeRoots, ManifestError, find_workloads

GOOD: dict[str, Any] = {
    "name": "digits",
    "description": "Digits.",
    "data": {"channels": {"train": ["*.gz"], "test": ["*.gz"]}},
    "training": {
        "image": {"framework": "pytorch", "version": "2.13"},
        "instance": {"type": "ml.m5.xlarge"},
        "max_runtime_seconds": 3600,
        "hyperparameters": {"epochs": {"type": "int", "default": 6, "minimum": 1, "maximum": 9}},
        "metrics": [{"name": "test:accuracy", "regex": "accuracy=([0-9.]+)"}],
    },
    "evaluation": {"instance": {"type": "ml.m5.large"}, "channel": "test"},
    "gate": {"metric": "accuracy", "goal": "maximize", "minimum": 0.9, "max_regression": 0.01},
    "approval": "automatic",
    "serving": {"instance": {"type": "ml.m5.large"}},
    "rollout": {"strategy": "all_at_once"},
}
EPOCHS = "training.hyperparameters.epochs"


@pytest.fixture
def roots(tmp_path: Path) -> CodeRoots:
    roots = CodeRoots(training=tmp_path / "training_code", inference=tmp_path / "inference_code")
    (roots.training / "digits").mkdir(parents=True)
    (roots.training / "digits" / "train.py").touch()
    (roots.inference / "digits").mkdir(parents=True)
    (roots.inference / "digits" / "inference.py").touch()
    return roots


def write(roots: CodeRoots, document: Any) -> None:
    text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
    (roots.training / "digits" / "workload.yaml").write_text(text, "utf-8")


def changed(path: str, value: Any) -> dict[str, Any]:
    """GOOD with the value at the dotted `path` replaced, or left out where `value` is `...`."""
    document = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    node = document
    for key in parents:
        node = node[key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return document


def test_a_good_manifest_is_read_with_its_defaults(roots: CodeRoots) -> None:
    write(roots, GOOD)
    (workload,) = find_workloads(roots)
    assert workload.name == "digits"
    assert workload.manifest.training.script == "train.py"
    assert workload.manifest.training.instance.count == 1
    assert workload.manifest.training.spot_max_wait_seconds is None
    assert workload.sample_request is None


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("training.instance.type", "ml.m5.huge", "training.instance.type: 'ml.m5.huge' is not an instance type"),
        ("training.instance.type", "ml.t2.medium", "allowed: "),
        ("training.instance.typo", "x", "training.instance: unknown key 'typo': allowed: type, count, volume_gb"),
        ("training.instance.count", "2", "training.instance.count: '2' allowed: a valid integer"),
        ("training.instance.count", 0, "training.instance.count: 0 allowed: greater than or equal to 1"),
        ("training.image.framework", "torch", "training.image.framework: 'torch' is unknown: allowed: pytorch"),
        ("training.image.version", "1.0", "training.image.version: '1.0' is unknown: allowed: 2.14, 2.13"),
        ("training.script", "other.py", "needs the file training_code/digits/other.py"),
        ("training.script", "../train.py", "training.script: '../train.py'"),
        ("training.spot_max_wait_seconds", 60, "spot_max_wait_seconds 60 is less than max_runtime_seconds 3600"),
        ("training.metrics", [{"name": "a", "regex": "(("}], "training.metrics.0.regex: '((' is not a regular expr"),
        ("training.metrics", [{"name": "a", "regex": "a=.*"}], "training.metrics.0.regex: 'a=.*' has 0 groups"),
        (f"{EPOCHS}.type", "integer", f"{EPOCHS}.type: 'integer' allowed: 'int', 'float', 'str' or 'bool'"),
        (f"{EPOCHS}.default", "6", f"{EPOCHS}: '6' is not of type int"),
        (f"{EPOCHS}.default", True, f"{EPOCHS}: True is not of type int"),
        (f"{EPOCHS}.default", 0, f"{EPOCHS}: default 0 is below minimum 1"),
        (f"{EPOCHS}.default", 10, f"{EPOCHS}: default 10 is above maximum 9"),
        (f"{EPOCHS}.choices", [1, 2], f"{EPOCHS}: default 6 is not allowed: allowed: [1, 2]"),
        ("data.channels", {"code": ["*"]}, "data: channel names code are taken by the training driver"),
        ("data.channels.train", ["../x"], "data.channels.train.0: '../x'"),
        ("evaluation.channel", "valid", "evaluation.channel 'valid' is not a channel: allowed: train, test"),
        ("gate.goal", "max", "gate.goal: 'max' allowed: 'maximize' or 'minimize'"),
        ("gate.max_model_mb", 0, "gate.max_model_mb: 0 allowed: greater than 0"),
        ("gate.slices", {"minimum_examples": 5}, "gate.slices.max_regression: Field required"),
        ("gate.slices", {"max_regression": -0.1}, "gate.slices.max_regression: -0.1"),
        ("gate.max_latency_ms", 50, "a limit of latency needs inference_code/digits/sample_request.json"),
        ("approval", ..., "approval: Field required"),
        ("rollout.strategy", "canary", "'canary' moves traffic by part of the fleet, and serving.instance.count is 1"),
        (
            "serving",
            {
                "instance": {"type": "ml.m5.large", "count": 9},
                "autoscaling": {"minimum": 1, "maximum": 4, "invocations_per_instance": 600},
            },
            "serving.instance.count 9 is outside of serving.autoscaling: allowed: 1 to 4",
        ),
        ("rollout.strategy", "blue_green", "rollout: Input tag 'blue_green' found using 'strategy' does not match"),
        ("rollout", {"strategy": "canary", "size_percent": 51}, "rollout.canary.size_percent: 51"),
        ("rollout", {"strategy": "linear", "step_percent": 9}, "rollout.linear.step_percent: 9"),
        ("rollout", {"strategy": "all_at_once", "latency_p99_ratio": 1.5}, "nothing is watched with bake_seconds 0"),
        ("rollout", {"strategy": "canary", "bake_seconds": 60, "latency_p99_ratio": 1}, "canary.latency_p99_ratio: 1"),
        ("rollout", {"strategy": "ab", "latency_p99_ratio": 1.5}, "rollout.ab: unknown key 'latency_p99_ratio'"),
        ("rollout", {"strategy": "rolling", "batch_percent": 60}, "rollout.rolling.batch_percent: 60"),
        (
            "rollout",
            {"strategy": "linear", "step_percent": 10, "interval_seconds": 1081},
            "interval_seconds 1081: 10 moves of traffic are watched for 10810 seconds together: allowed: 10800",
        ),
        ("rollout", {"strategy": "rolling", "batch_percent": 5, "interval_seconds": 600}, "interval_seconds up to 540"),
        ("triggers", {"schedule": "every day"}, "is not a schedule: allowed: rate(1 day)"),
        ("triggers", {"schedule": "rate(1 days)"}, "is not a schedule"),
        ("triggers", {"schedule": "cron(0 3 * * *)"}, "is not a schedule"),
        ("triggers", {"debounce_seconds": 901}, "triggers.debounce_seconds: 901"),
        ("triggers", {"cooldown": 1}, "unknown key 'cooldown': allowed: objects, schedule, api"),
        ("rollout", {"strategy": "ab", "steps": [100]}, "steps [100]: nothing would be split or watched"),
        ("rollout", {"strategy": "ab", "steps": [50, 10]}, "steps [50, 10]: each must be larger than the one before"),
        ("rollout", {"strategy": "all_at_once", "size_percent": 5}, "unknown key 'size_percent': allowed: latency"),
        ("name", "numbers", "name: 'numbers' is not the folder's: allowed: digits"),
        ("name", "Digits-1", "name: 'Digits-1'"),
        ("surprise", 1, "(document): unknown key 'surprise': allowed: name, description, data"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_value_and_what_is_allowed(
    roots: CodeRoots, path: str, value: Any, message: str
) -> None:
    write(roots, changed(path, value))
    with pytest.raises(ManifestError) as error:
        find_workloads(roots)
    assert "training_code/digits/workload.yaml: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nname: b\n", "duplicate key 'name'"),
        ("[1, 2]", "must be a mapping, is list"),
        ("a: [", "workload.yaml: while parsing"),
        ("!!python/object/apply:os.system [true]", "could not determine a constructor"),
    ],
)
def test_what_is_not_a_plain_mapping_is_refused(roots: CodeRoots, text: str, message: str) -> None:
    write(roots, text)
    with pytest.raises(ManifestError, match=r"training_code/digits/workload\.yaml") as error:
        find_workloads(roots)
    assert message in str(error.value)


def test_a_duplicate_key_is_found_at_any_depth(roots: CodeRoots) -> None:
    text = yaml.safe_dump(GOOD).replace("  metric: accuracy\n", "  metric: accuracy\n  metric: loss\n")
    write(roots, text)
    with pytest.raises(ManifestError, match="duplicate key 'metric'"):
        find_workloads(roots)


def test_a_workload_without_inference_code_is_refused(roots: CodeRoots) -> None:
    write(roots, GOOD)
    (roots.inference / "digits" / "inference.py").unlink()
    with pytest.raises(ManifestError, match=r"needs the file inference_code/digits/inference\.py"):
        find_workloads(roots)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("training_code/digits/shared/idx.py", r"training_code/digits/shared: .*needs the file digits/shared/__init__"),
        ("inference_code/digits/shared.py", "inference_code/digits/shared.py: training_code/digits/shared takes its"),
        ("inference_code/digits/shared/idx.py", "inference_code/digits/shared: training_code/digits/shared takes its"),
    ],
)
def test_a_shared_package_that_would_be_another_one_in_the_image_is_refused(
    roots: CodeRoots, file: str, message: str
) -> None:
    write(roots, GOOD)
    shared = roots.training / "digits" / "shared"
    shared.mkdir()
    (shared / "__init__.py").touch()
    assert find_workloads(roots)[0].shared_folder == shared
    path = roots.training.parent / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    if path.parent == shared:
        (shared / "__init__.py").unlink()
    with pytest.raises(ManifestError, match=message):
        find_workloads(roots)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "processing.0.script: 'process.py': needs the file training_code/digits/process.py"),
        (
            {"script": "train.py", "image": {"framework": "torch", "version": "1"}},
            "processing.0.image.framework: 'torch'",
        ),
    ],
)
def test_a_processing_step_without_its_script_or_image_is_refused(
    roots: CodeRoots, change: dict[str, Any], message: str
) -> None:
    step = {
        "name": "clean",
        "image": GOOD["training"]["image"],
        "script": "process.py",
        "instance": {"type": "ml.m5.large"},
        "max_runtime_seconds": 60,
        "inputs": {"train": "sharded"},
        "outputs": ["clean"],
    }
    write(roots, {**GOOD, "processing": [{**step, **change}]})
    with pytest.raises(ManifestError) as error:
        find_workloads(roots)
    assert message in str(error.value)


def test_the_sample_request_is_part_of_the_workload(roots: CodeRoots) -> None:
    write(roots, GOOD)
    (roots.inference / "digits" / "sample_request.json").write_text('{"instances": [[1, 2]]}', "utf-8")
    assert find_workloads(roots)[0].sample_request == {"instances": [[1, 2]]}


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ('"' + "x" * 5000 + '"', "has 5002 characters as compact JSON")]
)
def test_a_sample_request_that_cannot_be_sent_is_refused(roots: CodeRoots, text: str, message: str) -> None:
    write(roots, GOOD)
    (roots.inference / "digits" / "sample_request.json").write_text(text, "utf-8")
    with pytest.raises(ManifestError, match=f"inference_code/digits/sample_request.json: {message}"):
        find_workloads(roots)


def test_folders_without_a_manifest_are_no_workloads(roots: CodeRoots) -> None:
    (roots.training / "entrypoint").mkdir()
    assert find_workloads(roots) == []


def test_only_the_chosen_workloads_are_read(roots: CodeRoots) -> None:
    write(roots, GOOD)
    (roots.training / "broken").mkdir()
    (roots.training / "broken" / "workload.yaml").write_text("[", "utf-8")
    assert [workload.name for workload in find_workloads(roots, {"digits"})] == ["digits"]
    with pytest.raises(ManifestError, match="context value workloads: 'other' unknown: allowed: broken, digits"):
        find_workloads(roots, {"digits", "other"})
