"""Changes of a tree of JSON: what a record of the journal holds.

A change is a list: ``["set", path, value]``, ``["delete", path]`` or ``["splice", path, start, removed, items]``, where
``path`` leads from the root over keys of objects and indices of arrays, and a splice replaces ``removed`` items of an
array, from ``start`` on, by ``items``.
"""

from __future__ import annotations

from typing import Any

Change = list[Any]


def apply(tree: Any, changes: list[Change]) -> None:
    """Make the changes in place. Raises LookupError, TypeError or ValueError when they do not fit the tree."""
    for kind, path, *arguments in changes:
        if kind == "splice":
            start, removed, items = arguments
            _at(tree, path)[start : start + removed] = items
            continue
        holder = _at(tree, path[:-1])
        if kind == "set":
            holder[path[-1]] = arguments[0]
        elif kind == "delete":
            del holder[path[-1]]
        else:
            raise ValueError(f"unknown change {kind!r}")


def _at(tree: Any, path: list[Any]) -> Any:
    for step in path:
        tree = tree[step]
    return tree
