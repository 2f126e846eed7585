"""The server's own predict_fn, for a workload whose model_fn returns a torch.nn.Module; with real torch."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.container_python import ROOT, container_environment, torch_serving_python

CASES = """
import json, sys
import numpy as np, torch
from server.errors import InvalidInferenceCode
from server.model import cuda_graphs
from server.model.torch_module import ModulePredictFn, prepare

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.dropout, self.second = torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 3)
        self.sizes = []

    def forward(self, rows):
        self.sizes.append(len(rows))
        return self.second(self.dropout(torch.relu(self.first(rows))))

class Answers(torch.nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, rows):
        return self.answer(rows)

def told(function):
    try:
        return ["answered", str(function())]
    except Exception as error:
        return [type(error).__name__, str(error)]

def served(module, largest_batch=0):
    prepare(module)
    predict_fn = ModulePredictFn(module, largest_batch)
    return lambda data: predict_fn(data, module)

network = Network()
in_training = network.training
predict = served(network)
ROWS = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
with torch.inference_mode():
    EXPECTED = network(ROWS).numpy()

def away(data, expected=EXPECTED):
    found = predict(data)
    assert found.dtype == np.float32 and isinstance(found, np.ndarray), found
    return float(np.abs(found - expected).max())

found = {
    "training": [in_training, network.training],
    "away": {
        "lists": away(ROWS.tolist()),
        "float32": away(ROWS.numpy()),
        "float64": away(ROWS.numpy().astype(np.float64)),
        "unwritable": away(np.frombuffer(ROWS.numpy().tobytes(), np.float32).reshape(5, 4)),
        "strided": away(np.asfortranarray(ROWS.numpy())),
        "cells": away([[repr(value) for value in row] for row in ROWS.tolist()]),
        "tensor": away(ROWS),
        "one row": away(ROWS[:1].numpy(), EXPECTED[:1]),
    },
    "refused": {
        name: told(lambda: predict(data))
        for name, data in {
            "dict": {"rows": ROWS.numpy()},
            "tuple": (ROWS.numpy(), ROWS.numpy()),
            "ragged": [[1, 2, 3, 4], [1, 2]],
            "ragged below": [[[1, 2], [3]]],
            "text": [[1, 2, "three", 4]],
            "nan": [["nan", 2, 3, 4]],
            "wide": [[1e39, 2, 3, 4]],
            "object": [{"a": 1}],
            "nothing": [],
            "shape": [[1, 2, 3]],
        }.items()
    },
    "answers": {
        name: told(lambda: served(Answers(answer))([[1.0, 2.0], [3.0, 4.0]]))
        for name, answer in {
            "tuple": lambda rows: (rows, rows),
            "dict": lambda rows: {"rows": rows},
            "one row": lambda rows: rows[:1],
            "no row": lambda rows: rows.sum(),
            "error": lambda rows: torch.zeros(3) + torch.zeros(2),
        }.items()
    },
    "no module": told(lambda: prepare(object())),
    "labels": served(Answers(lambda rows: rows.argmax(1)))([[1.0, 2.0], [3.0, 2.0]]).tolist(),
    "numbers of words": served(torch.nn.Embedding(9, 2))(torch.tensor([3, 8])).shape,
}

half = Network().bfloat16()
answers = served(half)(ROWS.tolist())
with torch.inference_mode():
    found["half"] = [str(answers.dtype), float(np.abs(answers - half(ROWS.bfloat16()).float().numpy()).max())]

program = torch.export.export(network, (ROWS,), dynamic_shapes=({0: torch.export.Dim.AUTO},)).module()
found["exported"] = float(np.abs(served(program)(ROWS.tolist()) - EXPECTED).max())

given_at = {}

def again(given):  # what a GPU's recording does
    given_at[len(given)] = given
    answers = network(given)
    return lambda: answers.copy_(network(given)), answers

with torch.inference_mode():
    batches = cuda_graphs.PaddedBatches(ROWS[:1], 5, again)
    network.sizes.clear()
    many = torch.cat([ROWS, ROWS])
    found["padded"] = {
        rows: float((batches(many[:rows]) - network(many[:rows])).abs().max()) for rows in (8, 1, 2, 3, 4, 5, 6, 7)
    }
    found["sizes"] = [batches.sizes, network.sizes[::2]]
    batches(many[:8])
    batches(many[:3])
    found["rest"] = given_at[4].tolist()[3]
    kept = batches(ROWS[:2]).clone()
    one = batches(ROWS[:2])
    batches(ROWS[2:4])
    found["kept"] = torch.equal(kept, one)
    found["takes"] = [
        batches.takes(batch)
        for batch in (ROWS, torch.zeros(8, 4), torch.zeros(9, 4), ROWS[:0], ROWS[:, :3], ROWS.double())
    ]
    found["check"] = told(lambda: cuda_graphs.check(batches, network, ROWS))
    other = cuda_graphs.PaddedBatches(ROWS[:1], 2, lambda given: (lambda: None, network(given)))
    found["check of another"] = told(lambda: cuda_graphs.check(other, network, ROWS))

if not torch.cuda.is_available():
    import logging
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    predict_fn = ModulePredictFn(network, 8)
    without = predict_fn._record(ROWS) is None
    found["fall-back"] = [without, float(np.abs(predict_fn(ROWS.numpy(), network) - EXPECTED).max())]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What each case came to; one process for all, because torch takes long to import."""
    variables = container_environment() | {"PYTHONPATH": str(ROOT / "inference_code")}
    command = [torch_serving_python(), "-c", CASES]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"log": done.stderr}


def test_it_answers_what_the_module_answers_whatever_the_rows_are_in(found):
    assert {how: away for how, away in found["away"].items() if away > 1e-6} == {}
    assert found["labels"] == [1, 0]  # whole numbers stay whole
    assert found["exported"] <= 1e-6


def test_a_module_is_taken_out_of_training_mode(found):
    assert found["training"] == [True, False]


def test_a_module_of_another_dtype_is_given_that_and_answers_float32(found):
    dtype, away = found["half"]
    assert (dtype, away) == ("float32", 0.0)


def test_a_tensor_goes_to_the_module_as_it_is(found):
    assert found["numbers of words"] == [2, 2]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("ragged", "instances[1]: expected 4 numbers as in instances[0], got 2"),
        ("ragged below", "instances: expected numbers of 32 bits, in lists of the same lengths"),
        ("text", "instances[0][2]: expected a number, got 'three'"),
        ("nan", "instances[0][0]: expected a number, got 'nan'"),
        ("wide", "instances: expected numbers of 32 bits, in lists of the same lengths"),
        ("object", "instances[0]: expected a list of numbers, got dict"),
        ("nothing", "instances: expected numbers of 32 bits, in lists of the same lengths"),
        ("shape", "the model does not take the shape (3,); it has answered instances of the shape (4,)"),
    ],
)
def test_what_is_no_rows_of_the_models_numbers_is_the_clients_fault(found, data, told):
    kind, message = found["refused"][data]
    assert kind == "InvalidInput" and told in message


@pytest.mark.parametrize("data", ["dict", "tuple"])
def test_other_inputs_need_a_predict_fn(found, data):
    kind, message = found["refused"][data]
    assert kind == "TypeError" and message.startswith(f"input_fn returned {data}; ") and "predict_fn" in message


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ("tuple", "TypeError", "the model's forward returned tuple; "),
        ("dict", "TypeError", "the model's forward returned dict; "),
        ("one row", "ValueError", "returned the shape (1, 2) for 2 instances; "),
        ("no row", "ValueError", "returned the shape () for 2 instances; "),
        ("error", "RuntimeError", "must match"),
    ],
)
def test_a_module_that_answers_otherwise_is_told_of(found, answer, kind, told):
    assert found["answers"][answer][0] == kind
    assert told in found["answers"][answer][1]


def test_no_other_model_is_served_without_a_predict_fn(found):
    kind, message = found["no module"]
    assert kind == "InvalidInferenceCode"
    assert "has no predict_fn(data, model), and its model_fn returned a builtins.object" in message


def test_padded_batches_are_answered_as_they_would_be_alone(found):
    assert {rows for rows, away in found["padded"].items() if away > 1e-6} == set()
    assert len(found["padded"]) == 8
    largest_first, asked = found["sizes"]
    assert largest_first == [8, 4, 2, 1]
    assert asked == [8, 1, 2, 4, 4, 8, 8, 8]  # of the sizes that were recorded, the first that holds the batch
    assert found["rest"] == [0, 0, 0, 0]  # and not what somebody else has asked before
    assert found["kept"]  # an answer is not written over by the next
    assert found["takes"] == [True, True, False, False, False, False]


def test_a_recording_that_does_not_answer_what_the_module_answers_is_refused(found):
    assert found["check"] == ["answered", "None"]
    assert found["check of another"] == ["RuntimeError", "a recording of 2 rows does not answer what the model answers"]


def test_a_module_that_cannot_be_recorded_is_served_without(found):
    if "fall-back" not in found:
        pytest.skip("there is a GPU, where recording does not fail: test_cuda_graphs.py")
    without, away = found["fall-back"]
    assert without and away <= 1e-6
    assert found["log"].count("the model runs without CUDA graphs, which it does not allow: ") == 1


SERVED = """
import torch

class Network(torch.nn.Module):  # the sum of a row, of how many rows at once, by how many threads
    def forward(self, rows):
        assert not self.training and torch.is_inference_mode_enabled()
        facts = torch.tensor([float(len(rows)), float(torch.get_num_threads())])
        return torch.cat([rows.view(len(rows), 2).sum(1, keepdim=True), facts.expand(len(rows), 2)], dim=1)

def model_fn(model_dir):
    return Network()
"""
SAMPLE = '{"instances": [[1, 2]]}'
CODE = {"inference.py": SERVED, "sample_request.json": SAMPLE}


@pytest.fixture(scope="module")
def torch_container(make_container):
    return lambda files: make_container(python=torch_serving_python()).with_code(files)


@pytest.fixture(scope="module")
def server(torch_container, start):
    settings = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "SLIPWAY_BATCH_MAX_WAIT_MICROSECONDS": "300000"}
    return start(torch_container(CODE), **settings)


def test_a_module_is_served_without_a_predict_fn_in_all_formats(server):
    answer = server.invoke({"instances": [[1, 2.5], [3, 4]]})
    assert [row[0] for row in answer.json["predictions"]] == [3.5, 7.0]
    answer = server.invoke(b"1,2.5\n3,4\n", content_type="text/csv", accept="text/csv")
    assert [row.split(",")[0] for row in answer.body.decode().split()] == ["3.5", "7.0"]
    assert server.invoke(b"[1, 2]\n", content_type="application/jsonlines").json["predictions"][0][0] == 3.0


def test_it_uses_the_threads_that_a_worker_has(server):
    of_a_worker = int(os.environ.get("OMP_NUM_THREADS") or max(1, len(os.sched_getaffinity(0)) // 2))
    assert server.invoke({"instances": [[1, 2]]}).json["predictions"][0][2] == of_a_worker


def test_rows_of_a_shape_that_the_model_does_not_take_are_400(server):
    answer = server.invoke({"instances": [[1, 2, 3]]})
    assert answer.status == 400
    assert answer.error == {
        "message": "instances: the model does not take the shape (3,); it has answered instances of the shape (2,)",
        "field": "instances",
    }


def test_requests_are_answered_together(server):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: server.invoke({"instances": [[number, 1]]}), range(16)))
    rows = [answer.json["predictions"][0] for answer in answers]
    assert [row[0] for row in rows] == [number + 1 for number in range(16)]
    assert max(row[1] for row in rows) > 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (SERVED.replace("return Network()", "return None"), "its model_fn returned a builtins.NoneType"),
        (SERVED.replace("return torch.cat", "return rows, torch.cat"), "the model's forward returned tuple"),
    ],
    ids=["no module", "no tensor"],
)
def test_a_model_that_needs_a_predict_fn_ends_the_server_and_says_so(torch_container, start, code, told):
    server = start(torch_container(CODE | {"inference.py": code}), ready=False)
    assert server.process.wait(timeout=60) == 1
    assert told in server.log
