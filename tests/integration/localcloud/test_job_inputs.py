"""How input data reaches the containers of a job: modes, data types, instances, and what is wrong with it."""

import gzip
import json
import struct
from typing import Any

import pytest

from tests.integration.localcloud.test_jobs import Jobs, _input, _output, jobs
from tests.support.embedded_cloud import allow, unique

__all__ = ["jobs"]  # the fixture

CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}

# Reads three epochs of every Pipe channel as AWS's own examples do, and leaves what it saw.
READ_PIPES = """
import json, os, pathlib
ml = pathlib.Path("/opt/ml")
channels = json.loads((ml / "input/config/inputdataconfig.json").read_text())
data = ml / "input/data"
seen = {"config": channels, "before": sorted(os.listdir(data))}
for name, channel in channels.items():
    if channel["TrainingInputMode"] == "Pipe":
        seen[name] = [(data / f"{name}_{epoch}").read_bytes().hex() for epoch in range(3)]
me = json.loads((ml / "input/config/resourceconfig.json").read_text())["current_host"]
(ml / f"model/{me}.json").write_text(json.dumps(seen))
"""


def _train_piped(jobs: Jobs, *channels: dict[str, Any], instances: int = 1) -> list[dict[str, Any]]:
    """What each host saw."""
    name = jobs.train(READ_PIPES, channels=list(channels), ResourceConfig={**CLUSTER, "InstanceCount": instances})
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = jobs.model(job)
    return [json.loads(model[f"algo-{host}.json"]) for host in range(1, instances + 1)]


def _text(epochs: list[str]) -> list[str]:
    return [bytes.fromhex(epoch).decode() for epoch in epochs]


def test_pipe_mode_streams_every_epoch_in_the_forms_asked_for(jobs: Jobs) -> None:
    prefix = unique("pipe")
    for letter in "abcdefgh":
        jobs.put(f"{prefix}/plain/{letter}", letter.encode())
        jobs.put(f"{prefix}/zip/{letter}.gz", gzip.compress(letter.encode()))
    lines = [{"at-ref": f"s3://{jobs.bucket}/{prefix}/plain/{letter}", "label": ord(letter)} for letter in "abc"]
    augmented = jobs.put(f"{prefix}/list.jsonl", "\n".join(map(json.dumps, lines)).encode())
    plain, zipped = (f"s3://{jobs.bucket}/{prefix}/{folder}/" for folder in ("plain", "zip"))
    pipe = {"InputMode": "Pipe", "ContentType": "text/plain"}

    (seen,) = _train_piped(
        jobs,
        jobs.channel("plain", plain) | pipe,
        jobs.channel("zip", zipped) | pipe | {"CompressionType": "Gzip"},
        jobs.channel("shuffled", plain) | pipe | {"ShuffleConfig": {"Seed": 1}},
        jobs.channel("lines", augmented, S3DataType="AugmentedManifestFile", AttributeNames=["at-ref", "label"])
        | pipe
        | {"RecordWrapperType": "RecordIO"},
    )

    assert seen["config"]["lines"] == {
        "ContentType": "text/plain",
        "TrainingInputMode": "Pipe",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "RecordIO",
    }
    assert seen["before"] == ["lines_0", "plain_0", "script", "shuffled_0", "zip_0"]
    assert _text(seen["plain"]) == _text(seen["zip"]) == ["abcdefgh"] * 3
    orders = _text(seen["shuffled"])
    assert [sorted(order) for order in orders] == [sorted("abcdefgh")] * 3
    assert len({"abcdefgh", *orders}) == 4
    record = struct.pack("<II", 0xCED7230A, 1) + b"a\0\0\0" + struct.pack("<II", 0xCED7230A, 2) + b"97\0\0"
    assert bytes.fromhex(seen["lines"][0])[: len(record)] == record


def test_pipe_mode_shuffles_across_instances_before_it_shards(jobs: Jobs) -> None:
    prefix = unique("shards")
    for letter in "abcdefgh":
        jobs.put(f"{prefix}/{letter}", letter.encode())
    channel = jobs.channel("train", f"s3://{jobs.bucket}/{prefix}/", S3DataDistributionType="ShardedByS3Key")
    hosts = _train_piped(jobs, channel | {"InputMode": "Pipe", "ShuffleConfig": {"Seed": 5}}, instances=2)
    epochs = list(zip(*(_text(seen["train"]) for seen in hosts), strict=True))
    assert [sorted("".join(parts)) for parts in epochs] == [list("abcdefgh")] * 3
    assert all(len(part) == 4 for parts in epochs for part in parts)
    assert len({frozenset(first) for first, _ in epochs}) > 1, "the first host got the same objects in every epoch"


@pytest.mark.parametrize(
    "script",
    ["pass", "open('/opt/ml/input/data/train_0', 'rb').read(1)", "f = open('/opt/ml/input/data/train_0', 'rb')"],
    ids=["never opened", "left early", "never read"],
)
def test_a_script_that_does_not_consume_its_pipe_still_ends(jobs: Jobs, script: str) -> None:
    uri = jobs.put(f"{unique('big')}/x", b"x" * 1_000_000)
    job = jobs.trained(jobs.train(script, channels=[jobs.channel("train", uri) | {"InputMode": "Pipe"}]))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_fast_file_shows_the_objects_as_files_that_cannot_be_changed(jobs: Jobs) -> None:
    base = f"{unique('fast')}/"
    jobs.put(f"{base}x/1.csv", b"1")
    jobs.put(f"{base}not-named", b"2")
    manifest = jobs.put(
        f"manifests/{base}m", json.dumps([{"prefix": f"s3://{jobs.bucket}/{base}"}, "x/1.csv"]).encode()
    )
    script = """
import pathlib
folder = pathlib.Path("/opt/ml/input/data/train")
assert [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()] == ["x/1.csv"]
assert (folder / "x/1.csv").read_text() == "1"
for change in (lambda: (folder / "new").write_text("x"), (folder / "x/1.csv").unlink):
    try:
        change()
    except OSError as error:
        assert error.errno == 30, error
    else:
        raise AssertionError("it was changed")
"""
    channel = jobs.channel("train", manifest, S3DataType="ManifestFile") | {"InputMode": "FastFile"}
    job = jobs.trained(jobs.train(script, channels=[channel]))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_instance_groups_find_each_other_and_get_their_own_channels(jobs: Jobs) -> None:
    prefix = unique("groups")
    for letter in "ab":
        jobs.put(f"{prefix}/{letter}", letter.encode())
    script = """
import json, os, pathlib, socket
ml = pathlib.Path("/opt/ml")
resources = json.loads((ml / "input/config/resourceconfig.json").read_text())
channels = json.loads((ml / "input/config/inputdataconfig.json").read_text())
me, server = resources["current_host"], resources["instance_groups"][0]["hosts"][0]
if me == server:
    listener = socket.create_server((me, 5000))
    for _ in resources["hosts"][1:]:
        listener.accept()[0].sendall(b"hello")
else:
    import time
    for attempt in range(200):
        try:
            connection = socket.create_connection((server, 5000))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    assert connection.recv(5) == b"hello"
resources["data"] = {name: sorted(os.listdir(ml / "input/data" / name)) for name in channels if name != "script"}
(ml / f"model/{me}").write_text(json.dumps(resources))
"""
    groups = [
        {"InstanceGroupName": "feed", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "train", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
    source = {"InstanceGroupNames": ["train"], "S3DataDistributionType": "ShardedByS3Key"}
    name = jobs.train(
        script,
        ResourceConfig={"VolumeSizeInGB": 1, "InstanceGroups": groups},
        channels=[jobs.channel("shards", f"s3://{jobs.bucket}/{prefix}/", **source)],
    )
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = jobs.model(job)
    seen = [json.loads(model[f"algo-{number}"]) for number in (1, 2, 3)]
    assert [host["current_group_name"] for host in seen] == ["feed", "train", "train"]
    assert [host["current_instance_type"] for host in seen] == ["ml.c5.xlarge", "ml.m5.large", "ml.m5.large"]
    assert [host["data"] for host in seen] == [{}, {"shards": ["a"]}, {"shards": ["b"]}]


def test_a_processing_job_reads_a_compressed_input_from_its_pipe(jobs: Jobs) -> None:
    uri = jobs.put(f"{unique('packed')}/x.gz", gzip.compress(b"unpacked"))
    entry = _input("rows", uri, "/opt/ml/processing/input/rows")
    entry["S3Input"] |= {"S3InputMode": "Pipe", "S3CompressionType": "Gzip"}
    job = jobs.process(
        "import pathlib\n"
        "pathlib.Path('/opt/ml/processing/output/seen').write_bytes("
        "pathlib.Path('/opt/ml/processing/input/rows_0').read_bytes())",
        entry,
        ProcessingOutputConfig={"Outputs": [_output(f"s3://{jobs.bucket}/seen")]},
    )
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert jobs.read(f"s3://{jobs.bucket}/seen/seen") == b"unpacked"


@pytest.mark.parametrize("mode", ["File", "Pipe"])
def test_a_manifest_that_is_missing_or_malformed_fails_the_job_and_is_named(jobs: Jobs, mode: str) -> None:
    missing = f"s3://{jobs.bucket}/{unique('no')}/manifest"
    malformed = jobs.put(f"{unique('bad')}/manifest", b'[{"prefix": "s3://b/"}, 5]')
    reasons = []
    for uri in (missing, malformed):
        channel = jobs.channel("train", uri, S3DataType="ManifestFile") | {"InputMode": mode}
        job = jobs.trained(jobs.train("print()", channels=[channel]))
        assert job["TrainingJobStatus"] == "Failed"
        reasons.append(job["FailureReason"])
    prefix = "ClientError: Data download failed: Failed to download data from "
    assert reasons[0].startswith(f"{prefix}{missing}. ")
    assert "NoSuchKey" in reasons[0]
    assert reasons[1] == f"{prefix}{malformed}. entry 1 of the manifest {malformed} is 5, not a relative key"


def test_a_malformed_augmented_line_fails_the_job_before_it_trains(jobs: Jobs) -> None:
    uri = jobs.put(f"{unique('bad')}/list", b'{"label": 1}\n{"label": ')
    channel = jobs.channel("train", uri, S3DataType="AugmentedManifestFile", AttributeNames=["label"])
    job = jobs.trained(jobs.train("print()", channels=[channel | {"InputMode": "Pipe"}]))
    assert job["TrainingJobStatus"] == "Failed"
    assert f"line 2 of the augmented manifest {uri} is not valid JSON" in job["FailureReason"]
    assert "Training" not in [step["Status"] for step in job["SecondaryStatusTransitions"]]


@pytest.mark.parametrize("mode", ["File", "Pipe"])
def test_an_object_that_the_role_may_not_read_fails_the_job_and_is_named(jobs: Jobs, mode: str) -> None:
    prefix = unique("secret")
    jobs.put(f"{prefix}/a", b"a")
    hidden = jobs.put(f"{prefix}/b", b"b")
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{jobs.bucket}/{prefix}/b"}
    services = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    role = jobs.cloud.role(unique("job"), "sagemaker.amazonaws.com", allow(["s3:*", *services]), deny)
    channel = jobs.channel("train", f"s3://{jobs.bucket}/{prefix}/") | {"InputMode": mode}
    script = "import time; print(open('/opt/ml/input/data/train_0').read()); time.sleep(600)"
    job = jobs.trained(jobs.train(script, RoleArn=role, channels=[channel]))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        f"ClientError: Data download failed: Failed to download data from {hidden}. "
    )
    assert f'the role "{role}" has "s3:GetObject" permissions' in job["FailureReason"]


def test_a_key_that_is_a_file_and_a_folder_fails_the_job(jobs: Jobs) -> None:
    prefix = unique("both")
    jobs.put(f"{prefix}/a", b"1")
    jobs.put(f"{prefix}/a/b", b"2")
    job = jobs.trained(jobs.train("print()", channels=[jobs.channel("train", f"s3://{jobs.bucket}/{prefix}/")]))
    assert job["TrainingJobStatus"] == "Failed"
    assert "no object that is both a folder as well as a file" in job["FailureReason"]
