"""Inputs that are joined, and predictions that are taken apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server.batching.micro_batches import NotSplittable, join, rows_and_kind, split


def of(rows: int, *shape: int, dtype: str = "float32") -> np.ndarray:
    return np.arange(rows * int(np.prod(shape)), dtype=dtype).reshape(rows, *shape)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([[1, 2]], [[3, 4.5], [5, 6]], True),
        ([[1, 2]], [[1, 2, 3]], False),
        ([{"a": 1}], [{"a": 2}], True),
        ([{"a": 1}], [{"b": 1}], False),
        ([1], ["1"], False),
        ([[[1, 2]]], [[[1, 2], [3, 4]]], False),
        (of(2, 28, 28), of(3, 28, 28), True),
        (of(2, 28, 28), of(2, 28, 27), False),
        (of(2, 3), of(2, 3, dtype="float64"), False),
        ({"ids": of(2, 8), "mask": of(2, 8)}, {"mask": of(1, 8), "ids": of(1, 8)}, True),
        ({"ids": of(2, 8)}, {"ids": of(2, 9)}, False),
    ],
)
def test_what_is_joined_has_the_same_shape_and_type(one, other, same):
    assert (rows_and_kind(one)[1] == rows_and_kind(other)[1]) is same
    assert rows_and_kind(one)[1] is not None


class Tensor:
    """As those of torch and TensorFlow: their dtype has no `str`."""

    dtype, shape = object(), (2, 3)


@pytest.mark.parametrize(
    "alone",
    [
        [],
        of(0, 3),
        {},
        {"a": of(2, 3), "b": of(3, 3)},
        {"a": 1},
        "text",
        None,
        np.float32(3),
        b"bytes",
        Tensor(),
        {"a": Tensor()},
    ],
)
def test_what_has_no_rows_stays_alone(alone):
    assert rows_and_kind(alone) == (1, None)


def test_deep_nesting_is_not_followed_for_ever():
    deep: list = []
    for _ in range(1000):
        deep = [deep]
    assert rows_and_kind(deep)[0] == 1


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=5), min_size=1, max_size=6))
def test_every_request_gets_its_own_back(inputs):
    rows = [len(one) for one in inputs]
    assert split(join(inputs), rows) == inputs
    arrays = [np.array(one, dtype=object) for one in inputs]
    assert [part.tolist() for part in split(join(arrays), rows)] == inputs
    named = split(join([{"a": array, "b": array} for array in arrays]), rows)
    assert [part["b"].tolist() for part in named] == inputs


@pytest.mark.parametrize(
    ("predictions", "told"),
    [([1, 2], "2 predictions for 3 instances"), (7, "returned int"), (iter([1, 2, 3]), "not a list or an array")],
)
def test_predictions_that_are_not_one_for_each_instance_are_not_guessed_about(predictions, told):
    with pytest.raises(NotSplittable, match=told):
        split(predictions, [1, 2])
