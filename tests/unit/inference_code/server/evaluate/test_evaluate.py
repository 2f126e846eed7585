"""Challenger and champion on the same holdout."""

from __future__ import annotations

import io
import json
import math
import subprocess
import tarfile

import pytest

CODE = """
import json, pathlib
def model_fn(model_dir):
    return json.loads((pathlib.Path(model_dir) / "weights.json").read_text())
def predict_fn(data, model):
    return data
def evaluate(model, holdout_dir):
    rows = json.loads((pathlib.Path(holdout_dir) / "rows.json").read_text())
    right = sum(row == model["answer"] for row in rows)
    return {"accuracy": right / len(rows) * model.get("scale", 1), "examples": len(rows)}
"""
SLICED = """
import json, pathlib
def predict_fn(data, model):
    return data
def evaluate(model, holdout_dir):
    return json.loads((model / "weights.json").read_text())
"""


def archive(path, *members: tuple[tarfile.TarInfo | str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as opened:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))


class Job:
    def __init__(self, container) -> None:
        self.container = container
        self.inputs = container.ml / "processing/input"
        (self.inputs / "holdout").mkdir(parents=True)
        (self.inputs / "holdout/rows.json").write_text("[1, 1, 1, 2]")

    def model(self, role: str, content: object) -> None:
        archive(self.inputs / role / "model.tar.gz", ("./weights.json", json.dumps(content).encode()))

    def run(self):
        return self.container.run("server.evaluate")

    @property
    def evaluation(self):
        path = self.container.ml / "processing/output/evaluation.json"
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def message(self) -> str:
        return (self.container.ml / "output/message").read_text()


@pytest.fixture
def job(make_container) -> Job:
    return Job(make_container().with_code({"inference.py": CODE}))


def test_the_first_model_has_no_champion(job):
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 0
    assert job.evaluation["challenger"]["metrics"] == {"accuracy": 0.75, "examples": 4}
    assert job.evaluation["challenger"]["slices"] == {}
    assert job.evaluation["champion"] is None


def test_both_are_measured_on_the_same_rows(job):
    job.model("challenger", {"answer": 1})
    job.model("champion", {"answer": 2})
    assert job.run().returncode == 0
    assert job.evaluation["champion"]["metrics"] == {"accuracy": 0.25, "examples": 4}


def test_model_and_holdout_are_known_by_their_contents_again(job, tmp_path):
    content = json.dumps({"answer": 1})
    job.model("challenger", {"answer": 1})
    job.model("champion", {"answer": 2})
    assert job.run().returncode == 0
    (tmp_path / "weights.json").write_text(content)
    artifact = job.evaluation["challenger"]["artifact"]
    assert artifact == {**_fingerprint(job, tmp_path), "files": 1, "bytes": len(content)}
    assert job.evaluation["champion"]["artifact"]["sha256"] != artifact["sha256"]
    assert job.evaluation["holdout"]["sha256"] == _fingerprint(job, job.inputs / "holdout")["sha256"]


def _fingerprint(job, folder) -> dict[str, str]:
    code = "import sys, pathlib, server.model.fingerprint as f; print(f.fingerprint(pathlib.Path(sys.argv[1])).sha256)"
    done = subprocess.run(
        [*job.container.command()[:1], "-c", code, folder],
        env=job.container.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {"sha256": done.stdout.strip()}


def test_slices_are_kept_beside_the_metrics(make_container):
    job = Job(make_container().with_code({"inference.py": SLICED}))
    measured = {"metrics": {"accuracy": 0.5}, "slices": {"class=3": {"accuracy": 0.25, "examples": 8}}}
    job.model("challenger", measured)
    assert job.run().returncode == 0
    assert {name: job.evaluation["challenger"][name] for name in measured} == measured


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ([1], "evaluate returned list; expected a dict of numbers"),
        ({"metrics": {"accuracy": 1}, "slice": {}}, "evaluate: 'slice' beside 'metrics': allowed: metrics, slices"),
        (
            {"metrics": {}, "slices": {"class=3": {"accuracy": "low"}}},
            "evaluate: slice 'class=3': 'accuracy' is 'low', not a number",
        ),
        ({"accuracy": True}, "evaluate: the metric 'accuracy' is True, not a number"),
    ],
)
def test_measurements_of_another_shape_are_named(make_container, returned, told):
    job = Job(make_container().with_code({"inference.py": SLICED}))
    job.model("challenger", returned)
    assert job.run().returncode == 1
    assert job.message == f"ValueError: {told}"


def test_both_answer_one_row_of_the_sample_request_in_turns(make_container):
    sample = json.dumps({"instances": [1, 2, 3]})
    code = CODE.replace("return data", "assert len(data) == 1; return data")
    job = Job(make_container().with_code({"inference.py": code, "sample_request.json": sample}))
    job.model("challenger", {"answer": 1})
    job.model("champion", {"answer": 2})
    assert job.run().returncode == 0
    challenger, champion = (job.evaluation[role]["latency_ms"] for role in ("challenger", "champion"))
    assert challenger["requests"] == champion["requests"] >= 1
    assert 0 < challenger["p50"] <= challenger["p99"]


def test_without_a_sample_request_no_latency_is_claimed(job):
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 0
    assert job.evaluation["challenger"]["latency_ms"] is None


def test_a_model_that_diverged_is_the_gates_to_refuse(job):
    job.model("challenger", {"answer": 1, "scale": 1e308 * 10})
    assert job.run().returncode == 0
    assert job.evaluation["challenger"]["metrics"]["accuracy"] == math.inf


def test_a_champion_that_fails_is_recorded_and_does_not_fail_the_job(job):
    job.model("challenger", {"answer": 1})
    job.model("champion", {"weights": 2})
    assert job.run().returncode == 0
    assert job.evaluation["challenger"]["metrics"]["accuracy"] == 0.75
    assert job.evaluation["champion"] == {"error": "KeyError: 'answer'"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"weights": 2}, "KeyError: 'answer'"),
        ({"answer": 1, "scale": "ab"}, "TypeError: "),
    ],
)
def test_a_challenger_that_fails_fails_the_job_with_the_reason(job, content, told):
    job.model("challenger", content)
    assert job.run().returncode == 1
    assert job.message.startswith(told)
    assert job.evaluation is None


def test_inference_code_that_cannot_evaluate_says_so(make_container):
    job = Job(make_container().with_code({"inference.py": "def predict_fn(d, m): return d"}))
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 1
    assert job.message == "InvalidInferenceCode: inference.py has no evaluate(model, holdout_dir)"


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (_member("../escaped"), "leaves the folder"),
        (_member("/escaped"), "leaves the folder"),
        (_member("a/../../escaped"), "leaves the folder"),
        (_member("link", tarfile.SYMTYPE, "/etc"), "neither an ordinary file nor a folder"),
        (_member("link", tarfile.LNKTYPE, "/etc/passwd"), "neither an ordinary file nor a folder"),
        (_member("device", tarfile.CHRTYPE), "neither an ordinary file nor a folder"),
        (_member("pipe", tarfile.FIFOTYPE), "neither an ordinary file nor a folder"),
    ],
)
def test_an_archive_that_reaches_out_is_refused(job, member, told):
    archive(job.inputs / "challenger/model.tar.gz", ("weights.json", b'{"answer": 1}'), (member, b""))
    assert job.run().returncode == 1
    assert job.message.startswith("InvalidArchive: model.tar.gz: ")
    assert told in job.message


@pytest.mark.parametrize("damage", ["not gzip", "cut", "flipped"])
def test_a_damaged_archive_is_noticed(job, damage):
    job.model("challenger", {"answer": 1, "noise": list(range(500))})
    path = job.inputs / "challenger/model.tar.gz"
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]
    path.write_bytes({"not gzip": b"junk", "cut": content[:-9], "flipped": flipped}[damage])
    assert job.run().returncode == 1
    assert job.message.startswith("InvalidArchive: model.tar.gz: damaged")


def test_a_missing_challenger_is_named(job):
    assert job.run().returncode == 1
    assert "challenger/model.tar.gz" in job.message


def test_the_holdouts_rows_and_the_new_models_answers_are_recorded_as_data_capture_would(job):
    hook = "def holdout_instances(model, holdout_dir):\n    return [[n, 'x'] for n in range(2500)]\n"
    (job.container.inference / "inference.py").write_text(CODE + hook)
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 0
    path = job.container.ml / "processing/output/baseline.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 834  # every third row
    first, last = records[0]["captureData"], records[-1]["captureData"]
    assert json.loads(first["endpointInput"]["data"]) == {"instances": [[0, "x"]]}
    assert json.loads(last["endpointOutput"]["data"]) == {"predictions": [[2499, "x"]]}
    assert len({record["eventMetadata"]["eventId"] for record in records}) == 834


def test_without_that_function_no_baseline_is_recorded(job):
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 0
    assert not (job.container.ml / "processing/output/baseline.jsonl").exists()


def test_a_row_that_the_model_cannot_answer_fails_the_evaluation(job):
    hook = "def holdout_instances(model, holdout_dir):\n    return [float('nan')]\n"
    (job.container.inference / "inference.py").write_text(CODE + hook)
    job.model("challenger", {"answer": 1})
    assert job.run().returncode == 1
    assert "JSON compliant" in job.message
