"""PyTorch's DistributedDataParallel over two instances trains as one process does on the same global batch."""

import io
import json
import zipfile

import numpy as np

from tests.integration.localcloud.test_jobs import Jobs, jobs
from tests.support.container_python import ROOT, TRAINING_IMAGE
from tests.support.embedded_cloud import unique

__all__ = ["jobs"]  # the fixture

# Each instance sums in its own order: float32 carries some 7 digits, and ten steps may cost one of them.
RELATIVE_TOLERANCE = 1e-5
STEPS, BATCH, FEATURES = 10, 16, 8

# Every shard gives its part of each global batch; one instance holds both shards, or each of two holds its own.
TRAIN = f"""
import json, os, pathlib
import numpy as np, torch
import torch.distributed as dist

torch.set_num_threads(1)
torch.manual_seed(0)
distributed = "RANK" in os.environ
if distributed:
    dist.init_process_group("gloo")
model = torch.nn.Sequential(torch.nn.Linear({FEATURES}, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
net = torch.nn.parallel.DistributedDataParallel(model) if distributed else model
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
files = sorted(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
shards = [torch.from_numpy(np.load(path)) for path in files]
losses = []
for step in range({STEPS}):
    rows = torch.cat([shard[step * {BATCH} : (step + 1) * {BATCH}] for shard in shards])
    loss = torch.nn.functional.mse_loss(net(rows[:, :-1]), rows[:, -1:])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    whole = loss.detach().clone()
    if distributed:
        dist.all_reduce(whole)
        whole /= dist.get_world_size()
    losses.append(whole.item())
if not distributed or dist.get_rank() == 0:
    seen = {{"losses": losses, "weights": [w.tolist() for w in model.parameters()], "shards": len(files),
            "world": dist.get_world_size() if distributed else 1,
            "host": os.environ.get("MASTER_ADDR"), "interface": os.environ.get("GLOO_SOCKET_IFNAME")}}
    pathlib.Path(os.environ["SM_MODEL_DIR"], "seen.json").write_text(json.dumps(seen))
if distributed:
    dist.destroy_process_group()
"""


def _zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _driver() -> bytes:
    folder = ROOT / "training_code/entrypoint"
    return _zip({str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.py"))})


def _train(jobs: Jobs, data: str, instances: int) -> dict:
    name = jobs.train(
        "",
        algorithm={
            "TrainingImage": TRAINING_IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/entrypoint/driver.zip"],
        },
        Environment={"SLIPWAY_SCRIPT": "train.py"},
        EnableNetworkIsolation=True,  # the instances find each other all the same
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 1},
        channels=[
            jobs.channel("entrypoint", jobs.put("driver/driver.zip", _driver())),
            jobs.channel("code", jobs.put("code/code.zip", _zip({"train.py": TRAIN}))),
            jobs.channel("train", data, S3DataDistributionType="ShardedByS3Key"),
        ],
    )
    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return json.loads(jobs.model(job)["seen.json"])


def test_two_instances_reach_the_loss_and_the_weights_of_one(jobs: Jobs) -> None:
    prefix = unique("rows")
    generator = np.random.default_rng(0)
    for shard in "ab":
        rows = generator.standard_normal((STEPS * BATCH, FEATURES + 1)).astype(np.float32)
        rows[:, -1] = rows[:, :-1].sum(axis=1) + (5 if shard == "b" else 0)  # the shards differ
        buffer = io.BytesIO()
        np.save(buffer, rows)
        jobs.put(f"{prefix}/{shard}.npy", buffer.getvalue())
    data = f"s3://{jobs.bucket}/{prefix}/"

    one, two = (_train(jobs, data, instances) for instances in (1, 2))

    assert (one["world"], one["shards"]) == (1, 2)
    assert (two["world"], two["shards"], two["host"], two["interface"]) == (2, 1, "algo-1", "lo")
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=RELATIVE_TOLERANCE)
    for found, expected in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(found, expected, rtol=RELATIVE_TOLERANCE, atol=1e-6)
    assert one["losses"][-1] < one["losses"][0] / 2, "nothing was learnt"
