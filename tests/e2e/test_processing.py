"""A workload whose data go through a Processing step on two instances, and whose hidden layer's size is searched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def ring(row):
    return row("ring_network")


@pytest.fixture(scope="module")
def model(ring):
    return ring.train()


@pytest.fixture(scope="module")
def processed(ring, model) -> dict[str, bytes]:
    """`channel/file` -> content, of what the step wrote for the run."""
    artifacts = ring.slipway.descriptor("ring_network")["artifacts"]
    prefix = f"{artifacts['prefix']}processed/{_run_job(ring, model)}/"
    s3 = ring.slipway.client("s3")
    listed = s3.list_objects_v2(Bucket=artifacts["bucket"], Prefix=prefix)["Contents"]
    keys = [item["Key"] for item in listed]
    read = {key: s3.get_object(Bucket=artifacts["bucket"], Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(prefix): content for key, content in read.items()}


def _run_job(ring, model) -> str:
    """The name that the run's jobs begin with."""
    arn = next(e["executionArn"] for e in ring.slipway.executions("ring_network") if e["name"] == model["run"])
    events = ring.slipway.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    assert entered[:4] == ["Plan", "Check", "Accepted?", "Process split"]
    jobs = ring.slipway.client("sagemaker").list_processing_jobs(NameContains="-split")["ProcessingJobSummaries"]
    return jobs[0]["ProcessingJobName"].removesuffix("-split")


def test_a_sharded_step_gives_the_same_bytes_as_the_script_by_hand(ring, processed, tmp_path: Path):
    script = ring.slipway.project / "training_code" / "ring_network" / "process.py"
    for channel in ("train", "validation"):
        (tmp_path / channel).mkdir()
    places = ["--input-points", ring.data, "--output-train", tmp_path / "train"]
    places += ["--output-validation", tmp_path / "validation", "--scale", "0.5"]
    subprocess.run([sys.executable, script, *places], check=True, timeout=60)
    by_hand = {str(path.relative_to(tmp_path)): path.read_bytes() for path in sorted(tmp_path.glob("*/*"))}
    assert len(by_hand) == 8
    assert processed == by_hand


def test_both_instances_had_a_share_of_the_objects(ring, model):
    streams = ring.slipway.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")
    names = [stream["logStreamName"] for stream in streams["logStreams"]]
    hosts = {name.rsplit("/", 1)[-1].rsplit("-", 1)[0] for name in names if "-split/" in name}
    assert hosts == {"algo-1", "algo-2"}


def test_what_was_trained_on_the_steps_output_serves(ring, model):
    assert model["metrics"]["accuracy"] >= 0.9
    assert ring.predict(ring.sample_request)["predictions"] == [True, True]


def test_the_model_of_the_best_of_five_sizes_is_registered_with_its_hyperparameters(ring, model):
    sagemaker = ring.slipway.client("sagemaker")
    search = sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=model["training_job"].rsplit("-", 2)[0]
    )
    assert search["TrainingJobStatusCounters"]["Completed"] == 5
    best = search["BestTrainingJob"]
    assert best["TrainingJobName"] == model["training_job"]
    package = sagemaker.describe_model_package(ModelPackageName=model["model_package_arn"])
    (container,) = package["InferenceSpecification"]["Containers"]
    assert f"/training/{best['TrainingJobName']}/output/" in container["ModelDataUrl"]
    told = package["CustomerMetadataProperties"]
    assert told["tuning-job"] == search["HyperParameterTuningJobName"]
    assert told["hyperparameters"] == f"epochs=60 hidden={best['TunedHyperParameters']['hidden']} learning_rate=0.1"
    assert model["metrics"]["hidden"] == int(best["TunedHyperParameters"]["hidden"])


def test_the_best_is_really_the_best(ring, model):
    jobs = ring.slipway.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=model["training_job"].rsplit("-", 2)[0], SortBy="FinalObjectiveMetricValue"
    )["TrainingJobSummaries"]
    values = {
        int(job["TunedHyperParameters"]["hidden"]): job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for job in jobs
    }
    assert values.keys() == {1, 2, 4, 8, 16}
    assert values[model["metrics"]["hidden"]] == max(values.values())
    assert values[1] < 0.9


def test_a_hyperparameter_that_is_searched_cannot_be_set(ring, model):
    refused = ring.slipway.run("train", "ring_network", "--set", "hidden=4", ok=False)
    assert refused.returncode == 1
    assert "hidden is searched by the tuning job" in refused.stdout + refused.stderr


def test_logs_shows_the_step_before_the_training(ring, model):
    shown = ring.slipway.run("logs", "ring_network", "--run", model["run"]).stdout
    assert "driver: starting process.py --input-points" in shown
    assert shown.index("-split <==") < shown.index("training jobs of tuning job") < shown.index("validation_accuracy=")


def test_a_past_run_is_listed_with_what_was_trained_on_what(ring, model):
    listed = {run["name"]: run for run in ring.slipway.json("runs", "ring_network", "--json")}
    run = listed[model["run"]]
    assert (run["status"], run["outcome"], run["dataset"]) == ("SUCCEEDED", "registered", model["dataset"])
    assert (run["training_job"], run["model_version"]) == (model["training_job"], model["model_version"])
    assert run["metrics"] == model["metrics"]
    assert run["hyperparameters"].keys() == {"hidden", "epochs", "learning_rate"}


def test_a_past_run_is_repeated_on_the_same_bytes_in_one_run(ring, model):
    before = {run["name"] for run in ring.slipway.json("runs", "ring_network", "--json")}
    again = ring.slipway.json("rerun", model["run"], "--json")
    after = {run["name"]: run for run in ring.slipway.json("runs", "ring_network", "--json")}
    assert after.keys() - before == {again["run"]}
    assert again["metrics"] == model["metrics"]
    assert int(again["model_version"]) == int(model["model_version"]) + 1
    first, second = (_objects(ring, run) for run in (model["run"], again["run"]))
    assert first == second
    assert len(first) == 5


def _objects(ring, run: str) -> dict[str, tuple[int, str]]:
    """Name in the data set -> size and ETag."""
    arn = next(e["executionArn"] for e in ring.slipway.executions("ring_network") if e["name"] == run)
    given = json.loads(ring.slipway.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    return {item["key"].split("/", 2)[2]: (item["size"], item["etag"]) for item in given["objects"]}


def test_a_run_that_never_was_is_not_repeated(ring, model):
    refused = ring.slipway.run("rerun", "20200101-000000-0000-000000000000", ok=False)
    assert refused.returncode == 1
    assert "There is no run '20200101-000000-0000-000000000000'" in refused.stderr
