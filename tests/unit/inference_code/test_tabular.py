"""Models of the workloads with tables and a graph, trained by their own scripts, behind the real server."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.container_python import ROOT
from tests.support.workloads import sample_data, train, write_evaluation_inputs

CHANNELS = {
    "direct_marketing_xgboost": ("train", "validation"),
    "housing_sklearn": ("train", "test"),
    "karate_club_gcn": ("train",),
}
METRICS = {
    "direct_marketing_xgboost": {"auc": 0.8, "accuracy": 0.75, "examples": 800},
    "housing_sklearn": {"r2": 0.75, "mse": 0, "examples": 40},
    "karate_club_gcn": {"accuracy": 32 / 34, "nodes_right": 32, "examples": 34},
}
"""The least that each metric of the evaluation has to be on the sample data."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """`trained(workload)` -> its training run, done once."""
    runs = {}

    def _trained(workload: str):
        if workload not in runs:
            folder = tmp_path_factory.mktemp(workload)
            data = sample_data(workload, folder / "data")
            runs[workload] = train(workload, data, folder / "model", channels=CHANNELS[workload])
            assert runs[workload].done.returncode == 0, runs[workload].done.stderr
        return runs[workload]

    return _trained


@pytest.fixture(scope="module")
def serve(make_container, start, trained):
    """`serve(workload)` -> a running server with its model."""
    servers = {}

    def _serve(workload: str):
        if workload not in servers:
            container = make_container(workload).with_workload(workload)
            shutil.copytree(trained(workload).model, container.ml / "model", dirs_exist_ok=True)
            servers[workload] = start(container)
        return servers[workload]

    return _serve


def sample(workload: str) -> dict:
    return json.loads((ROOT / "inference_code" / workload / "sample_request.json").read_text("utf-8"))


@pytest.mark.parametrize("workload", CHANNELS)
def test_the_evaluation_measures_the_sample_data(make_container, trained, workload):
    container = make_container(workload).with_workload(workload)
    write_evaluation_inputs(trained(workload), container.ml)
    done = container.run("server.evaluate")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((container.ml / "processing/output/evaluation.json").read_text())["challenger"]["metrics"]
    assert metrics.keys() == METRICS[workload].keys()
    assert all(metrics[name] >= least for name, least in METRICS[workload].items()), metrics


@pytest.mark.parametrize("workload", CHANNELS)
def test_every_format_gets_the_same_answer(serve, workload):
    server, instances = serve(workload), sample(workload)["instances"]
    answers = server.invoke({"instances": instances}).json["predictions"]
    rows = [row if isinstance(row, list) else [row] for row in instances]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    lines = "".join(f"{json.dumps(instance)}\n" for instance in instances)
    assert server.invoke(text.encode(), content_type="text/csv").json["predictions"] == answers
    assert server.invoke(lines.encode(), content_type="application/jsonlines").json["predictions"] == answers
    as_csv = server.invoke(text.encode(), content_type="text/csv", accept="text/csv").body.decode()
    assert len(as_csv.splitlines()) == len(instances)


@pytest.mark.parametrize("workload", ["direct_marketing_xgboost", "housing_sklearn"])
def test_a_table_may_come_with_its_header_and_rows_by_name(serve, trained, workload):
    server, run = serve(workload), trained(workload)
    header, first = (run.data / "train.csv").read_text().splitlines()[:2]
    columns, cells = header.split(",")[:-1], first.split(",")[:-1]
    named = {"instances": [dict(zip(columns, map(float, cells), strict=True))]}
    body = f"{','.join(columns)}\n{','.join(cells)}\n".encode()
    answers = [
        server.invoke(named),
        server.invoke(body, content_type="text/csv"),
        server.invoke(body, content_type="text/csv; header=present"),
    ]
    assert [answer.status for answer in answers] == [200] * 3
    assert answers[0].json == answers[1].json == answers[2].json
    backwards = f"{','.join(reversed(columns))}\n{','.join(reversed(cells))}\n".encode()
    assert server.invoke(backwards, content_type="text/csv; header=present").json == answers[0].json


def test_a_category_is_the_same_however_it_is_written_and_an_unknown_one_is_no_error(serve):
    server = serve("direct_marketing_xgboost")
    (row,) = sample("direct_marketing_xgboost")["instances"]
    spelled = [[*row[:1], job, *row[2:]] for job in (3, 3.0, "3", "3.", " 3 ")]
    assert len(set(server.invoke({"instances": spelled}).json["predictions"])) == 1
    answer = server.invoke({"instances": [[*row[:1], job, *row[2:]] for job in ("astronaut", None)]})
    assert answer.status == 200


WRONG = [
    ("housing_sklearn", [[1.0] * 11], "instances[0]: expected 12 numbers (crim, zn, "),
    ("housing_sklearn", [[1.0] * 11 + ["x"]], "instances[0][11]: expected a number, got 'x'"),
    ("housing_sklearn", [{"crim": 1}], "instances[0]: missing "),
    ("housing_sklearn", [], "instances: expected at least one row"),
    ("housing_sklearn", [3], "instances[0]: expected a list of numbers, got int"),
    ("direct_marketing_xgboost", [[1] * 19], "instances[0]: expected 20 values (age, job, "),
    ("direct_marketing_xgboost", [[1] * 20, ["x"] * 20], "instances[1]: column 'age': expected a number, got 'x'"),
    ("direct_marketing_xgboost", [[True] * 20], "instances[0]: column 'age': expected a number, got 'True'"),
    ("direct_marketing_xgboost", [[[1]] * 20], "instances[0]: expected texts and numbers in a row"),
    ("direct_marketing_xgboost", [{"agee": 1}], "instances[0]: unknown column agee"),
    ("direct_marketing_xgboost", ["x"], "instances[0]: expected a row of 20 values"),
    ("karate_club_gcn", [0, 34], "instances[1]: expected a node from 0 to 33, got '34'"),
    ("karate_club_gcn", [-1], "instances[0]: expected a node from 0 to 33, got '-1'"),
    ("karate_club_gcn", [1.5], "instances[0]: expected a node from 0 to 33, got '1.5'"),
    ("karate_club_gcn", [True], "instances[0]: expected a node from 0 to 33, got 'True'"),
    ("karate_club_gcn", ["nan"], "instances[0]: expected a node from 0 to 33, got 'nan'"),
    ("karate_club_gcn", [], "instances: expected at least one node"),
]


@pytest.mark.parametrize(("workload", "instances", "told"), WRONG)
def test_the_first_wrong_value_is_named(serve, workload, instances, told):
    answer = serve(workload).invoke({"instances": instances})
    assert answer.status == 400
    assert answer.error["message"].startswith(told)
    assert answer.error["field"] == told.partition(": ")[0]


def test_a_pickle_in_the_place_of_a_model_is_refused_and_does_not_run(make_container, trained, tmp_path):
    ran = tmp_path / "ran"
    evil = f"c__builtin__\neval\n(V__import__('pathlib').Path({str(ran)!r}).touch()\ntR.".encode()
    files = {
        "direct_marketing_xgboost": ("model.ubj", "RefusedArtifact: model.ubj: a pickle"),
        "housing_sklearn": ("model.skops", "RefusedArtifact: model.skops: not skops"),
        "karate_club_gcn": ("model.safetensors", "RefusedArtifact: model.safetensors: not safetensors"),
    }
    for workload, (name, told) in files.items():
        done = _evaluate_with(make_container, trained(workload), {name: evil}, tmp_path / workload)
        assert done.returncode == 1
        assert told in done.stderr
    assert not ran.exists()


def test_a_skops_file_with_another_type_is_refused_by_name(make_container, trained, tmp_path):
    """Types of scikit-learn's that skops itself would build are refused as well: the list is closed."""
    planted = tmp_path / "planted.skops"
    with (
        zipfile.ZipFile(trained("housing_sklearn").model / "model.skops") as source,
        zipfile.ZipFile(planted, "w") as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                content = content.replace(b'"LinearRegression"', b'"Ridge"').replace(b"model._base", b"model._ridge")
            target.writestr(name, content)
    changed = {"model.skops": planted.read_bytes()}
    done = _evaluate_with(make_container, trained("housing_sklearn"), changed, tmp_path / "changed")
    assert done.returncode == 1
    told = "RefusedArtifact: model.skops: holds types that are not on the list: sklearn.linear_model._ridge.Ridge"
    assert told in done.stderr


def _evaluate_with(make_container, run, files: dict[str, bytes], folder: Path):
    shutil.copytree(run.model, folder)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    container = make_container(run.workload).with_workload(run.workload)
    write_evaluation_inputs(type(run)(run.workload, run.data, folder, run.done), container.ml)
    return container.run("server.evaluate")


def test_the_area_under_the_curve_is_scikit_learns(monkeypatch):
    numpy = pytest.importorskip("numpy")
    metrics = pytest.importorskip("sklearn.metrics")
    monkeypatch.syspath_prepend(str(ROOT / "inference_code/direct_marketing_xgboost"))
    from ranking import area_under_curve

    sys.modules.pop("ranking")
    random = numpy.random.default_rng(0)
    truth, scores = (random.random(500) > 0.7).astype(float), random.random(500).round(1)  # rounded: with ties
    assert area_under_curve(truth, scores) == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert area_under_curve(truth, truth) == 1
    with pytest.raises(ValueError, match="rows of both classes"):
        area_under_curve(numpy.zeros(3), scores[:3])
