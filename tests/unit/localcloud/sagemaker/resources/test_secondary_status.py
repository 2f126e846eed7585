"""The history of a training job's secondary status."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.resources.secondary_status import begin_secondary_status

_STEPS = st.lists(st.sampled_from(["Starting", "Downloading", "Training", "Uploading", "Stopping"]), max_size=8)


@given(_STEPS)
def test_transitions_follow_each_other_without_gap(steps: list[str]) -> None:
    document: dict[str, Any] = {}
    for now, step in enumerate([*steps, "Completed"]):
        begin_secondary_status(document, step, f"at {now}", float(now))
    transitions = document["SecondaryStatusTransitions"]
    statuses = [transition["Status"] for transition in transitions]
    assert all(first != second for first, second in pairwise(statuses))
    for earlier, later in pairwise(transitions):
        assert earlier["EndTime"] == later["StartTime"]
    assert transitions[-1]["StartTime"] == transitions[-1]["EndTime"] == float(len(steps))
    assert document["SecondaryStatus"] == "Completed"
    assert document["LastModifiedTime"] == float(len(steps))


def test_a_new_message_in_the_same_status_replaces_the_old() -> None:
    document: dict[str, Any] = {}
    begin_secondary_status(document, "Training", "image pulled", 1.0)
    begin_secondary_status(document, "Training", "epoch 1", 2.0)
    assert document["SecondaryStatusTransitions"] == [
        {"Status": "Training", "StartTime": 1.0, "StatusMessage": "epoch 1"}
    ]
