import copy
import json
import random

import pytest

from localcloud.gateway.differences import Box, mirror, update
from localcloud.journal.changes import apply


def box(items):
    return Box(items, "__boxed__", lambda key: f"{key[0]}/{key[1]}")


def encoded(value):
    def shown(other):
        return {other.marker: True, "data": {other.key(key): item for key, item in other.items.items()}}

    return json.loads(json.dumps(value, default=shown))


def changed(before, after):
    """The changes from one state to the next, and the mirror they leave."""
    kept, changes = mirror(before), []
    update(kept, after, [], changes)
    return encoded(changes), kept


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [["set", ["a"], 2]]),
        ({"a": 1}, {}, [["delete", ["a"]]]),
        ({"a": {"b": {"c": 1, "d": 2}}}, {"a": {"b": {"c": 1, "d": 3}}}, [["set", ["a", "b", "d"], 3]]),
        ({"q": [1, 2]}, {"q": [1, 2, 3]}, [["splice", ["q"], 2, 0, [3]]]),
        ({"q": [1, 2, 3]}, {"q": [2, 3]}, [["splice", ["q"], 0, 1, []]]),
        ({"q": [{"n": 0}, {"n": 1}]}, {"q": [{"n": 0}, {"n": 2}]}, [["set", ["q", 1, "n"], 2]]),
        ({"q": list(range(1000))}, {"q": list(range(1001))}, [["splice", ["q"], 1000, 0, [1000]]]),
        ({"q": list(range(1000))}, {"q": list(range(999))}, [["splice", ["q"], 999, 1, []]]),
        ({"q": [*range(99), "x", *range(700)]}, {"q": [*range(99), "y", *range(700)]}, [["set", ["q", 99], "y"]]),
        ({"q": [7] * 5}, {"q": [7] * 3}, [["splice", ["q"], 3, 2, []]]),
        ({"q": []}, {"q": []}, []),
        ({"q": [1]}, {"q": {"a": 1}}, [["set", ["q"], {"a": 1}]]),
        ({1: "a"}, {1: "b"}, [["set", ["1"], "b"]]),
    ],
)
def test_a_change_is_as_small_as_what_changed(before, after, expected):
    assert changed(before, after)[0] == expected


def test_a_boxed_mapping_is_changed_where_json_shows_it():
    before, after = {"users": box({("1", "a"): {"n": 1}})}, {"users": box({("1", "a"): {"n": 2}, ("2", "b"): {}})}
    changes, _ = changed(before, after)
    tree = encoded(before)
    apply(tree, changes)
    assert changes[0] == ["set", ["users", "data", "1/a", "n"], 2]
    assert tree == encoded(after)


def test_what_is_noted_is_not_altered_by_what_happens_next():
    live = {"queue": [{"body": "a"}]}
    kept, changes = {}, []
    update(kept, live, [], changes)
    live["queue"][0]["body"] = "b"
    assert changes == [["set", ["queue"], [{"body": "a"}]]]
    changes.clear()
    update(kept, live, [], changes)
    assert changes == [["set", ["queue", 0, "body"], "b"]]


@pytest.mark.parametrize("seed", range(50))
def test_changes_rebuild_any_state_from_any_other(seed):
    source = random.Random(seed)  # noqa: S311
    live, kept, tree = {}, {}, {}
    for _ in range(20):
        live = altered(live, source)
        changes = []
        update(kept, live, [], changes)
        apply(tree, json.loads(json.dumps(changes)))
        assert kept == live
        assert tree == json.loads(json.dumps(live))


def altered(state, source):
    """A copy with some random changes at random places."""
    state = copy.deepcopy(state)
    for _ in range(source.randrange(4)):
        place = state
        while True:
            inner = [item for item in (place.values() if isinstance(place, dict) else place) if item and is_tree(item)]
            if not inner or source.random() < 0.4:
                break
            place = source.choice(inner)
        alter(place, source)
    return state


def alter(place, source):
    fresh = source.choice([lambda: source.randrange(5), lambda: "text", dict, list, lambda: {"a": [1, {"b": 2}]}])()
    if isinstance(place, dict):
        name = source.choice("abcdef")
        if source.random() < 0.3:
            place.pop(name, None)
        else:
            place[name] = fresh
    elif place and source.random() < 0.5:
        del place[source.randrange(len(place))]
    else:
        place.insert(source.randrange(len(place) + 1), fresh)


def is_tree(value):
    return isinstance(value, dict | list)
