"""Data: jobs over several instances, batch scoring by many records a request, pre-processing on one machine.

    python -m benchmarks.data [--megabytes 512] [--rounds 2] [--json FILE] [--write-docs]

A processing job of the embedded cloud turns text into numbers, on one instance and on two, each with its shard of the
objects; what they write is the same. Batch transform jobs ask our model server with one record a request and with as
many as fit: the ratio is of records a second, job and server start included; the answers are those of the model.
The same pre-processing as a program of its own, by Polars and by Spark in local mode, start of the program and of the
Java machine included, on as many processors as there are: what fits one machine needs no cluster.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.clouds import Embedded, Server
from benchmarks.command import main as command
from benchmarks.containers import BUCKET, POLL_SECONDS, Containers, empty_archive
from benchmarks.containers import seconds as timed
from benchmarks.environments import environment
from benchmarks.results import Goal, Result, alternate, summarise
from cli.programs import ROOT
from localcloud.images import ImageRegistry

SHARDS = "processing: one instance / two instances"
CSV, NPY = "transform, CSV: many records a request / one", "transform, npy: many records a request / one"
SPARK = "pre-processing: Spark / Polars"
GOALS = {SHARDS: Goal(minimum=1.7), CSV: Goal(minimum=5), NPY: Goal(minimum=50), SPARK: Goal(minimum=15)}
OBJECTS = 16
FEATURES = 32
TABLE_MEGABYTES = 54
MEGABYTE = 1 << 20
JOB_SECONDS = 900.0
IMAGE = "serving:1"

# What people write: a line, its cells, their numbers, and what describes them.
PROCESS = """
import array, math, pathlib
source, target = pathlib.Path("/opt/ml/processing/input/text"), pathlib.Path("/opt/ml/processing/output")
for path in sorted(source.iterdir()):
    numbers = array.array("d")
    with path.open() as lines:
        for line in lines:
            cells = [float(cell) for cell in line.split(",")]
            mean, ordered = sum(cells) / len(cells), sorted(cells)
            deviation = math.sqrt(sum((cell - mean) ** 2 for cell in cells) / len(cells))
            numbers.extend((mean, deviation, ordered[0], ordered[len(cells) // 2], ordered[-1]))
    (target / path.name).write_bytes(numbers.tobytes())
"""
INFERENCE = """
import numpy as np

def predict_fn(data, model):
    return np.asarray(data, dtype=np.float32).sum(axis=1)
"""
POLARS = """
import sys, polars as pl
table = pl.scan_csv(sys.argv[1]).filter(pl.col("x0") > 0.1)
mean, deviation = pl.col("x1").mean(), pl.col("x1").std()
table = table.with_columns(((pl.col("x1") - mean) / deviation).alias("scaled"))
table.group_by("group").agg(pl.len().alias("rows"), pl.col("x2").mean().alias("mean"), pl.col("scaled").max())\
    .sort("group").select("group", "rows", "mean", "scaled").collect().write_csv(sys.argv[2])
"""
PYSPARK = """
import glob, shutil, sys
from pyspark.sql import SparkSession, functions as f
spark = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")\
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
table = spark.read.csv(sys.argv[1], header=True, inferSchema=True).filter(f.col("x0") > 0.1).cache()
mean, deviation = table.agg(f.mean("x1"), f.stddev("x1")).first()
table = table.withColumn("scaled", (f.col("x1") - mean) / deviation)
table.groupBy("group").agg(f.count("*").alias("rows"), f.mean("x2").alias("mean"), f.max("scaled").alias("scaled"))\
    .sort("group").coalesce(1).write.csv(sys.argv[2] + ".folder", header=True)
shutil.copy(glob.glob(sys.argv[2] + ".folder/*.csv")[0], sys.argv[2])
spark.stop()
"""


def measure(rounds: int, megabytes: int, *, records: int = 1000, rival: bool = True) -> Result:
    """Times in seconds. `records`: of the transform jobs with one a request."""
    with tempfile.TemporaryDirectory(prefix="slipway-data-") as folder:
        work = Path(folder)
        cloud = Embedded(work / "state")
        try:
            jobs = Jobs(cloud.start(), cloud.state, work, megabytes)
            sides = jobs.sides(records)
            table = Table(work) if rival else None
            sides |= table.sides() if table else {}
            runs = alternate(rounds, sides)
            jobs.check()
        finally:
            cloud.stop()
    return summarise(runs, lambda run: _ratios(run, records), {name: GOALS[name] for name in _names(rival)})


def _names(rival: bool) -> list[str]:
    return [SHARDS, CSV, NPY, *([SPARK] if rival else [])]


def _ratios(run: dict[str, float], records: int) -> dict[str, float]:
    many = records * Jobs.MANY
    ratios = {SHARDS: run["one instance"] / run["two instances"]}
    for name, kind in ((CSV, "csv"), (NPY, "npy")):
        ratios[name] = (many / run[f"{kind}, many"]) / (records / run[f"{kind}, one"])
    if "spark" in run:
        ratios[SPARK] = run["spark"] / run["polars"]
    return ratios


class Jobs:
    """The jobs on one embedded cloud, with their data and images in it."""

    MANY = 100  # so many times the records where a request takes many of them

    def __init__(self, server: Server, state: Path, work: Path, megabytes: int) -> None:
        self._server, self._work = server, work
        (work / "containers").mkdir()
        self._role = Containers(server, state, work / "containers").role
        self._numbers = iter(range(10**6))
        self._s3, self._sagemaker = server.client("s3"), server.client("sagemaker")
        self._build_serving_image(state)
        self._upload_text(megabytes)

    def sides(self, records: int) -> dict[str, Callable[[], float]]:
        rows = np.random.default_rng(1).random((records * self.MANY, FEATURES), dtype=np.float32)
        self._rows = {"one": rows[:records], "many": rows}
        sides: dict[str, Callable[[], float]] = {
            "one instance": lambda: self._process(1),
            "two instances": lambda: self._process(2),
        }
        for amount, values in self._rows.items():
            self._put(f"csv-{amount}/rows.csv", _csv(values))
            for number, part in enumerate(values if amount == "one" else np.array_split(values, 4)):
                self._put(f"npy-{amount}/{number:06}.npy", _npy(np.atleast_2d(part)))
            for kind in ("csv", "npy"):
                sides[f"{kind}, {amount}"] = lambda kind=kind, amount=amount: self._transform(kind, amount)
        return sides

    def check(self) -> None:
        """Both numbers of instances wrote the same, and every record has the model's answer. Raises AssertionError."""
        outputs = [self._read(f"processed-{count}/") for count in (1, 2)]
        _require(len(outputs[0]) == OBJECTS and outputs[0] == outputs[1], "two instances do not write what one does")
        for kind in ("csv", "npy"):
            for amount, rows in self._rows.items():
                answers = np.concatenate([_answers(body) for body in self._read(f"scored-{kind}-{amount}/").values()])
                found = np.allclose(answers, rows.sum(axis=1), atol=1e-3)
                _require(found, f"the answers of {kind}, {amount}, are not the model's")

    def _build_serving_image(self, state: Path) -> None:
        context = self._work / "serving"
        code = context / "inference_code"
        shutil.copytree(ROOT / "inference_code/server", code / "server")
        (code / "bench").mkdir()
        (code / "bench/inference.py").write_text(INFERENCE)
        (code / "bench/requirements.txt").write_text("numpy\n")
        registry = ImageRegistry(SimpleNamespace(state_dir=state, account="000000000000"))
        registry.build(context, code / "server/Dockerfile", {"WORKLOAD": "bench"}, IMAGE)
        self._put("model.tar.gz", empty_archive())
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        self._sagemaker.create_model(ModelName="sums", ExecutionRoleArn=self._role, PrimaryContainer=container)

    def _upload_text(self, megabytes: int) -> None:
        rows = np.random.default_rng(0).random((2000, FEATURES))
        block = _csv(rows)
        body = block * max(1, megabytes * MEGABYTE // OBJECTS // len(block))
        for number in range(OBJECTS):
            self._put(f"text/{number:02}.csv", body)
        (self._work / "process.py").write_text(PROCESS)
        self._put("code/process.py", PROCESS.encode())

    def _process(self, instances: int) -> float:
        name = f"processing-{next(self._numbers)}"
        folder = "/opt/ml/processing"
        request = {
            "ProcessingJobName": name,
            "RoleArn": self._role,
            "AppSpecification": {
                "ImageUri": "benchmark:1",
                "ContainerEntrypoint": ["python3", f"{folder}/input/code/process.py"],
            },
            "ProcessingInputs": [
                _input("code", f"{folder}/input/code", "FullyReplicated"),
                _input("text", f"{folder}/input/text", "ShardedByS3Key"),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [_output("numbers", f"{folder}/output", f"processed-{instances}")],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1}
            },
        }
        return timed(lambda: self._await("processing", name, self._sagemaker.create_processing_job, request))

    def _transform(self, kind: str, amount: str) -> float:
        name = f"transform-{next(self._numbers)}"
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{kind}-{amount}/"}}
        content = {"csv": "text/csv", "npy": "application/x-npy"}[kind]
        many = kind == "csv" and amount == "many"
        request = {
            "TransformJobName": name,
            "ModelName": "sums",
            "BatchStrategy": "MultiRecord" if many else "SingleRecord",
            "MaxPayloadInMB": 6,
            "TransformInput": {
                "DataSource": source,
                "ContentType": content,
                "SplitType": "Line" if kind == "csv" else "None",
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{BUCKET}/scored-{kind}-{amount}",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line" if kind == "csv" else "None",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        return timed(lambda: self._await("transform", name, self._sagemaker.create_transform_job, request))

    def _await(self, kind: str, name: str, create: Callable[..., Any], request: dict[str, Any]) -> None:
        create(**request)
        describe = getattr(self._sagemaker, f"describe_{kind}_job")
        noun = kind.capitalize()
        deadline = time.monotonic() + JOB_SECONDS
        while (found := describe(**{f"{noun}JobName": name}))[f"{noun}JobStatus"] != "Completed":
            if found[f"{noun}JobStatus"] == "Failed" or time.monotonic() > deadline:
                raise RuntimeError(f"{name} is {found[f'{noun}JobStatus']}: {found.get('FailureReason')}")
            time.sleep(POLL_SECONDS)

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def _read(self, prefix: str) -> dict[str, bytes]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = sorted(found["Key"] for page in pages for found in page.get("Contents", []))
        return {key.removeprefix(prefix): self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


class Table:
    """A table of 54 MB, and two programs that prepare it for training."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._polars = environment("polars", ["polars==2.1.0"])
        self._spark = environment("spark", ["pyspark==3.5.9", "setuptools==80.9.0"], only_binary=False)
        self._write()

    def sides(self) -> dict[str, Callable[[], float]]:
        programs = {"polars": (self._polars, POLARS), "spark": (self._spark, PYSPARK)}
        self._check({name: self._run(name, *program) for name, program in programs.items()})
        return {
            name: lambda name=name, program=program: self._timed(name, *program) for name, program in programs.items()
        }

    def _write(self) -> None:
        values = np.random.default_rng(2)
        names = ["group", *(f"x{number}" for number in range(6))]
        with (self._work / "table.csv").open("w") as file:
            file.write(",".join(names) + "\n")
            while file.tell() < TABLE_MEGABYTES * 1_000_000:
                rows = np.column_stack([values.integers(0, 50, 10_000), values.random((10_000, 6))])
                np.savetxt(file, rows, fmt=["%d", *["%.6f"] * 6], delimiter=",")

    def _timed(self, name: str, folder: Path, program: str) -> float:
        return timed(lambda: self._run(name, folder, program))

    def _run(self, name: str, folder: Path, program: str) -> Path:
        target = self._work / f"{name}.csv"
        shutil.rmtree(f"{target}.folder", ignore_errors=True)
        line = [folder / "bin" / "python", "-c", program, self._work / "table.csv", target]
        subprocess.run(line, check=True, cwd=self._work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return target

    def _check(self, targets: dict[str, Path]) -> None:
        ours, theirs = (np.loadtxt(path, delimiter=",", skiprows=1) for path in targets.values())
        _require(ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=1e-6), "Polars and Spark disagree")


def _input(name: str, folder: str, distribution: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": f"s3://{BUCKET}/{name}/",
            "LocalPath": folder,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": distribution,
        },
    }


def _output(name: str, folder: str, prefix: str) -> dict[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": folder, "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": place}


def _csv(rows: np.ndarray) -> bytes:
    buffer = io.StringIO()
    np.savetxt(buffer, rows, fmt="%.6f", delimiter=",")
    return buffer.getvalue().encode()


def _npy(rows: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows)
    return buffer.getvalue()


def _answers(body: bytes) -> np.ndarray:
    """A line a record, in which the record's prediction is the only number."""
    return np.array([json.loads(line) for line in body.splitlines() if line], dtype=np.float64).reshape(-1)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--megabytes", type=int, default=512, help="of the processing jobs' text (%(default)s)")


if __name__ == "__main__":
    command("data", __doc__, lambda given: measure(given.rounds, given.megabytes), rounds=2, add_options=_options)
