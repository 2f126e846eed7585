"""The evaluation job of an image of one's own: the evaluator as the zip that it is, with real `serve` programs."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.manifest_images import OWN_IMAGE_METRICS
from tests.support.container_python import ROOT, container_environment

EVALUATOR = ROOT / "inference_code/evaluator"
LIMIT_SECONDS = 60
# Answers a row with `offset` of model.json added to its first number; as the environment says, or as it must not.
SERVE = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
model = json.load(open(os.environ["SLIPWAY_ML_ROOT"] + "/model/model.json"))
if model.get("dies"): sys.exit("no such weights")
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments): pass
    def do_GET(self): self.answer(200 if self.path == "/ping" else 404, b"", "text/plain")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert (self.headers["Content-Type"], self.headers["Accept"]) == ("text/csv", "text/csv")
        rows = [line.split(",") for line in body.splitlines()]
        if not rows[0][0][0].isdigit():
            assert rows.pop(0) == ["number", "colour"], "the label's name was sent"
        answers = [str(float(row[0]) + model["offset"]) for row in rows][model.get("skips", 0):]
        if os.environ.get("KIND") == "json":
            return self.answer(200, json.dumps({{"predictions": answers}}).encode(), "application/json")
        self.answer(model.get("status", 200), "".join(f"{{a}},0.9\\n" for a in answers).encode(), "text/csv")
    def answer(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class Job:
    """What SageMaker puts into the container, and what the evaluation leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root / "ml"
        self.programs = root / "programs"
        self.programs.mkdir(parents=True)
        serve = self.programs / "serve"
        serve.write_text(SERVE.format(python=sys.executable))
        serve.chmod(serve.stat().st_mode | stat.S_IXUSR)
        (self.root / "processing/input/holdout").mkdir(parents=True)
        self.zip = root / "1234.zip"
        with zipfile.ZipFile(self.zip, "w") as archive:
            for path in sorted(EVALUATOR.rglob("*.py")):
                archive.write(path, path.relative_to(EVALUATOR))
        self.model("challenger", offset=1)
        self.holdout("number,species,colour\n1,2,red\n2,3.0,blue\n3,5,red\n")

    def model(self, who: str, **document: Any) -> None:
        text = json.dumps(document).encode()
        path = self.root / "processing/input" / who / "model.tar.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("model.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))

    def holdout(self, text: str, name: str = "test.csv") -> None:
        (self.root / "processing/input/holdout" / name).write_text(text)

    def run(self, label: str | int = "species", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.zip],
            env={
                **container_environment(),
                "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
                "SLIPWAY_ML_ROOT": str(self.root),
                "SLIPWAY_LABEL_COLUMN": json.dumps(label),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def evaluation(self, label: str | int = "species", **environment: str) -> dict[str, Any]:
        done = self.run(label, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads((self.root / "processing/output/evaluation.json").read_text())

    def failure(self, label: str | int = "species") -> str:
        assert self.run(label).returncode == 1
        assert not (self.root / "processing/output/evaluation.json").exists()
        return (self.root / "output/message").read_text()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_answers_are_compared_with_the_label_column_whatever_the_spelling_of_numbers(job: Job) -> None:
    found = job.evaluation()
    assert found["champion"] is None
    assert found["challenger"]["metrics"] == {
        "accuracy": pytest.approx(2 / 3), "examples": 3, "mae": pytest.approx(1 / 3), "mse": pytest.approx(1 / 3)
    }  # fmt: skip
    assert set(OWN_IMAGE_METRICS) | {"examples"} == set(found["challenger"]["metrics"])


def test_json_answers_count_as_well(job: Job) -> None:
    assert job.evaluation(KIND="json")["challenger"]["metrics"]["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("label", "rows"), [(1, "1,2,red\n3,4,red\n"), (-1, "1,red,2\n3,red,4\n")])
def test_files_without_a_header_line_name_the_label_by_its_position(job: Job, label: int, rows: str) -> None:
    job.holdout(rows)
    assert job.evaluation(label)["challenger"]["metrics"]["accuracy"] == 1


def test_every_file_and_more_rows_than_a_request_takes_are_asked_for(job: Job) -> None:
    job.holdout("number,species,colour\n" + "1,2,red\n" * 1201, "more.csv")
    assert job.evaluation()["challenger"]["metrics"]["examples"] == 1204


def test_the_champion_is_measured_on_the_same_rows_by_a_server_of_its_own(job: Job) -> None:
    job.model("champion", offset=2)
    assert job.evaluation()["champion"]["metrics"]["accuracy"] == pytest.approx(1 / 3)
    assert not (job.root / "model").exists(), "a model stayed where the next job's server would find it"


@pytest.mark.parametrize("broken", [{"dies": True}, {"offset": 1, "skips": 1}, {"offset": 1, "status": 500}])
def test_a_champion_that_does_not_serve_is_recorded_and_stops_nobody(job: Job, broken: dict[str, Any]) -> None:
    job.model("champion", **broken)
    found = job.evaluation()
    assert "ServerFailed" in found["champion"]["error"]
    assert found["challenger"]["metrics"]["examples"] == 3


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"dies": True}, "`serve` ended with exit code 1 before it answered GET /ping"),
        ({"offset": 1, "skips": 1}, "3 rows were sent to /invocations, its answer has 2 predictions"),
        ({"offset": 1, "status": 500}, "POST /invocations was answered with 500"),
    ],
)
def test_a_challenger_that_does_not_serve_fails_the_job_with_the_reason(
    job: Job, broken: dict[str, Any], message: str
) -> None:
    job.model("challenger", **broken)
    assert message in job.failure()


def test_a_label_column_that_is_not_there_is_named_with_the_file(job: Job) -> None:
    assert "test.csv: its header line has no column 'kind' (evaluation.label_column)" in job.failure("kind")


def test_an_image_without_serve_is_told_so(job: Job) -> None:
    (job.programs / "serve").unlink()
    assert "the image has no program `serve` on its PATH" in job.failure()


def test_an_archive_that_leaves_its_folder_is_refused(job: Job) -> None:
    path = job.root / "processing/input/challenger/model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())
    assert "leaves the folder" in job.failure()


def test_archives_are_unpacked_as_the_model_server_does() -> None:
    own, servers = EVALUATOR / "evaluation/archive.py", ROOT / "inference_code/server/evaluate/archive.py"
    assert own.read_text() == servers.read_text()
