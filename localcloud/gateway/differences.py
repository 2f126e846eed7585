"""What changed in live Python data since it was last looked at, as changes of a tree of JSON (``journal/changes.py``).

The mirror shares strings and numbers with the data, so that comparing what did not change is comparing addresses: some
ten nanoseconds a value.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.journal.changes import Change

_MISSING = object()


class Box:
    """A mapping that JSON shows under a member of an object of its own: ministack's account-scoped dictionaries.

    ``marker`` is the member that says so, ``key`` turns one of the mapping's keys into text.
    """

    __slots__ = ("items", "key", "marker")

    def __init__(self, items: dict[Any, Any], marker: str, key: Any) -> None:
        self.items, self.marker, self.key = items, marker, key


def mirror(value: Any) -> Any:
    """A copy of all containers. Each one is copied at once, whatever other threads do to it meanwhile."""
    if isinstance(value, Box):
        return Box(mirror(value.items), value.marker, value.key)
    if isinstance(value, dict):
        return {name: mirror(item) for name, item in list(value.items())}
    if isinstance(value, list):
        return [mirror(item) for item in list(value)]
    if isinstance(value, tuple):
        return tuple(mirror(item) for item in value)
    return bytes(value) if isinstance(value, bytearray) else value


def update(old: dict[Any, Any], new: dict[Any, Any], path: list[Any], changes: list[Change], key: Any = None) -> None:
    """Bring the mirror of a mapping up to date, noting the changes that do it.

    What differs is found by one comparison a level: each of the entries of a mapping that differs is compared once.
    """
    for name in [name for name in old if name not in new]:
        del old[name]
        changes.append(["delete", [*path, (key or json_key)(name)]])
    for name, value in list(new.items()):
        before = old.get(name, _MISSING)
        if before is not value and before != value:
            old[name] = _updated(before, value, [*path, (key or json_key)(name)], changes)


def json_key(key: Any) -> str:
    """The name that JSON gives a key."""
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: None}))))


def _updated(old: Any, new: Any, path: list[Any], changes: list[Change]) -> Any:
    """The new mirror of one value, the old one wherever that can be kept."""
    if isinstance(new, Box) and isinstance(old, Box):
        update(old.items, new.items, [*path, "data"], changes, new.key)
        return old
    if isinstance(new, dict) and isinstance(old, dict):
        update(old, new, path, changes)
        return old
    if isinstance(new, list) and isinstance(old, list):
        _update_list(old, list(new), path, changes)
        return old
    copy = mirror(new)
    changes.append(["set", path, copy])
    return copy


def _common(one: list[Any], other: list[Any]) -> int:
    """How many items both begin with. Halves are compared, not items: most lists have only grown."""
    low, high = 0, min(len(one), len(other))
    step = high
    while low < high:
        step = min(step, high - low)
        if one[low : low + step] == other[low : low + step]:
            low += step
        else:
            high = low + step - 1
            step = (step + 1) // 2
    return low


def _update_list(old: list[Any], new: list[Any], path: list[Any], changes: list[Change]) -> None:
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    removed, items = len(old) - start - end, new[start : len(new) - end]
    if not removed and not items:
        return
    if removed == 1 and len(items) == 1:
        old[start] = _updated(old[start], items[0], [*path, start], changes)
        return
    copies = mirror(items)
    old[start : start + removed] = copies
    changes.append(["splice", path, start, removed, copies])
