"""The monitoring job's program, started as the job starts it: a zip, a container's folders, nothing but the standard
library.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.container_python import ROOT, container_environment

SINCE = "2026-05-01T12:00:00Z"
BEFORE, AFTER = "2026-05-01T08:00:00Z", "2026-05-01T13:00:00Z"
SEEN = ((100, 200), (180, 80))
"""Brightness of the images before and after, and how many there were."""
WORDS = ["this", "kettle", "works", "well", "and", "looks", "great", "today", "again"]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, path = ROOT / "inference_code/monitor", tmp_path_factory.mktemp("monitor") / "monitor.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.py"):
            archive.write(file, str(file.relative_to(folder)))
    return path


def payload(body: str | bytes, kind: str = "application/json", encoding: str = "JSON") -> dict[str, str]:
    data = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}


def record(number: int, time: str, sent: dict[str, str], answered: Any) -> dict[str, Any]:
    output = payload(json.dumps({"predictions": answered}))
    return {
        "captureData": {"endpointInput": sent, "endpointOutput": output},
        "eventMetadata": {"eventId": f"{number:05}", "inferenceId": f"id-{number}", "inferenceTime": time},
        "eventVersion": "0",
    }


def asked(instances: Sequence[Any], answers: Sequence[Any] | None = None, *, recent: bool = False) -> list[Any]:
    """A record for each instance, sent as JSON."""
    answers = answers or ["low"] * len(instances)
    first = 10_000 if recent else 0
    return [
        record(first + number, AFTER if recent else BEFORE, payload(json.dumps({"instances": [instance]})), [answer])
        for number, (instance, answer) in enumerate(zip(instances, answers, strict=True))
    ]


class Job:
    def __init__(self, program: Path, root: Path) -> None:
        self._program, self._root = program, root

    def put(self, name: str, lines: Sequence[Any]) -> None:
        path = self._root / "processing/input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))

    def run(self, *arguments: str, captured: Sequence[Any]) -> subprocess.CompletedProcess[str]:
        self.put("captures/2026/05/01/08/00-00-000-a.jsonl", captured)
        fixed = ["--workload=digits", "--model-version=3", f"--since={SINCE}", "--threshold=0.2"]
        sizes = ["--baseline-requests=200", "--minimum-requests=50"]
        return subprocess.run(
            [sys.executable, "-I", str(self._program), *fixed, *sizes, *arguments],
            env=container_environment() | {"SLIPWAY_ML_ROOT": str(self._root)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def report(self, *arguments: str, captured: Sequence[Any]) -> dict[str, Any]:
        ended = self.run(*arguments, captured=captured)
        assert ended.returncode == 0, ended.stderr
        return json.loads((self._root / "processing/output/report.json").read_text())

    @property
    def page(self) -> str:
        return (self._root / "processing/output/report.html").read_text()

    @property
    def message(self) -> str:
        return (self._root / "output/message").read_text()


@pytest.fixture
def job(program: Path, tmp_path: Path) -> Job:
    return Job(program, tmp_path)


def column(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in report["columns"] if entry["name"] == name)


def normal(seed: int, mean: float, count: int = 200) -> list[float]:
    source = random.Random(seed)  # noqa: S311
    return [source.gauss(mean, 1.0) for _ in range(count)]


def test_a_number_that_moved_is_found_and_one_that_stayed_is_not(job: Job) -> None:
    before = asked([[a, b] for a, b in zip(normal(1, 0), normal(2, 5), strict=True)])
    after = asked([[a, b] for a, b in zip(normal(3, 0), normal(4, 7), strict=True)], recent=True)
    report = job.report(captured=[*before, *after])
    assert (report["outcome"], report["drifted"]) == ("drifted", ["input[1]"])
    moved, stayed = column(report, "input[1]"), column(report, "input[0]")
    assert moved["ks"] > 0.6 and moved["ks_probability"] < 1e-6 and moved["psi"] > 1
    assert stayed["score"] == 0 and stayed["ks_probability"] > 0.01
    assert (moved["baseline_values"], moved["recent_values"]) == (200, 200)
    assert sum(entry["recent"] for entry in moved["bins"]) == 200
    assert report["max_score"] == moved["score"]
    assert report["summary"] in job.page and "<svg" in job.page and "http" not in job.page.lower()
    assert job.message == report["summary"] and "1 of 3 columns drifted (input[1])" in job.message


@pytest.mark.parametrize("seed", range(5))
def test_samples_of_one_distribution_do_not_drift_however_small_they_are(job: Job, seed: int) -> None:
    before, after = normal(seed, 0, 200), normal(seed + 100, 0, 60)
    report = job.report(captured=[*asked(before), *asked(after, recent=True)])
    assert report["outcome"] == "stable" and report["max_score"] == 0


def test_categories_answers_and_their_shares(job: Job) -> None:
    before = asked(
        [{"job": "admin", "age": 30}] * 150 + [{"job": "nurse", "age": 31}] * 50, ["no"] * 190 + ["yes"] * 10
    )
    after = asked([{"job": "pilot", "age": 30}] * 100, ["yes"] * 90 + ["no"] * 10, recent=True)
    report = job.report(captured=[*before, *after])
    assert {"input.job", "prediction"} <= set(report["drifted"])
    bins = {entry["label"]: entry for entry in column(report, "input.job")["bins"]}
    assert bins["(others)"] == {"label": "(others)", "baseline": 0, "recent": 100}


def test_images_are_compared_by_brightness_contrast_and_shape(job: Job) -> None:
    source = random.Random(5)  # noqa: S311

    def image(level: int) -> list[list[int]]:
        return [[max(0, min(255, level + source.randint(-20, 20))) for _ in range(8)] for _ in range(8)]

    before, after = (asked([image(level) for _ in range(count)], recent=level > 100) for level, count in SEEN)
    report = job.report(captured=[*before, *after])
    assert "input.mean" in report["drifted"]
    assert column(report, "input.shape")["bins"][0] == {"label": "8x8", "baseline": 200, "recent": 80}
    assert column(report, "input.shape")["drifted"] is False


def test_texts_are_compared_by_length_and_by_words_that_are_unknown(job: Job) -> None:
    source = random.Random(6)  # noqa: S311

    def text(words: list[str]) -> str:
        return " ".join(source.choice(words) for _ in range(source.randint(5, 12)))

    report = job.report(
        captured=asked([text(WORDS) for _ in range(200)])
        + asked([text([f"mot{word}" for word in WORDS]) for _ in range(80)], recent=True)
    )
    assert "input.unknown_words" in report["drifted"]
    assert column(report, "input.unknown_words")["recent_mean"] == 1.0
    assert column(report, "input.words")["drifted"] is False


def test_csv_json_lines_and_bytes_are_read_as_they_were_sent(job: Job) -> None:
    sent = [
        payload("age,job\n30,admin\n40,nurse\n", "text/csv; header=present", "CSV"),
        payload('{"age": 30}\n{"age": 40}\n', "application/jsonlines", "JSON"),
        payload(json.dumps({"inputs": ["good", "bad"]}).encode(), "application/json", "BASE64"),
        payload(b"\x93NUMPY...", "application/x-npy", "BASE64"),
        payload("5.1,3.5\n4.9,3.0\n", "text/csv", "CSV"),
    ]
    lines = [record(number, BEFORE, sent[number % 5], [1.5, 2.5]) for number in range(250)]
    lines += [record(1000 + number, AFTER, sent[number % 5], [1.5, 2.5]) for number in range(250)]
    report = job.report("--baseline-requests=250", captured=lines)
    names = {entry["name"]: entry["kind"] for entry in report["columns"]}
    assert names == {
        "input.age": "number",
        "input.job": "category",
        "input": "category",
        "input.body_bytes": "number",
        "input[0]": "number",
        "input[1]": "number",
        "prediction": "number",
    }
    assert report["outcome"] == "stable"


def test_too_few_requests_are_said_not_guessed_at(job: Job) -> None:
    report = job.report(captured=[*asked(normal(1, 0, 200)), *asked(normal(2, 9, 49), recent=True)])
    assert (report["outcome"], report["max_score"], report["columns"]) == ("not_enough_requests", None, [])
    assert "200 baseline and 49 recent requests, needed are 50 of each" in report["summary"]


def test_the_holdout_is_the_baseline_where_the_evaluation_recorded_it(job: Job) -> None:
    job.put("baseline/baseline.jsonl", asked(normal(1, 0)))
    report = job.report(captured=asked(normal(2, 4, 100), recent=True))
    assert report["drifted"] == ["input"] and report["baseline"].startswith("the holdout")


def test_labels_that_came_later_are_joined_by_inference_id(job: Job) -> None:
    answers = [{"label": "low", "score": 0.9}] * 60
    captured = asked(normal(1, 0, 60), answers) + asked(normal(2, 0, 60), answers, recent=True)
    labels = [{"inference_id": f"id-{10_000 + n}", "label": "low" if n < 15 else "high"} for n in range(20)]
    old = {"inference_id": "id-3", "label": "high"}
    job.put("labels/2026-05-01.jsonl", [*labels, old, "no JSON", {"inference_id": "id-7"}])
    report = job.report("--quality-metric=accuracy", "--quality-field=label", captured=captured)
    assert report["quality"] == {"metric": "accuracy", "value": 0.75, "labelled_rows": 20}
    assert report["unreadable_labels"] == 2
    assert "Live accuracy 0.75 over 20 labelled rows" in report["summary"]


def test_mean_absolute_error_of_numbers(job: Job) -> None:
    job.put("labels/a.jsonl", [{"inference_id": "id-10000", "label": [3.0]}, {"inference_id": "id-10001", "label": 0}])
    report = job.report("--quality-metric=mae", captured=asked([1.0, 2.0], [1.0, 0.5], recent=True))
    assert report["quality"] == {"metric": "mae", "value": 1.25, "labelled_rows": 2}


def test_a_prediction_that_is_an_object_needs_a_field_to_compare(job: Job) -> None:
    job.put("labels/a.jsonl", [{"inference_id": "id-10000", "label": "a"}])
    ended = job.run("--quality-metric=accuracy", captured=asked([1.0], [{"class": "a"}], recent=True))
    assert ended.returncode == 1
    assert "keys class: name one of them in monitoring.quality.field" in job.message


def test_a_damaged_line_is_counted_and_left_out(job: Job) -> None:
    report = job.report(captured=[*asked(normal(1, 0, 60)), "{", {"captureData": {}}, "[]"])
    assert (report["unreadable_lines"], report["baseline_records"]) == (3, 60)


def test_of_very_many_recent_requests_a_sample_is_compared_and_all_are_counted(job: Job) -> None:
    recent = [*normal(2, 0, 9_000), *normal(3, 8, 3_000)]
    report = job.report(captured=[*asked(normal(1, 0)), *asked(recent, recent=True)])
    entry = column(report, "input")
    assert (report["recent_records"], entry["recent_values"]) == (12_000, 10_000)
    assert 0.2 < entry["bins"][-1]["recent"] / 10_000 < 0.4  # late ones are in the sample as early ones are
