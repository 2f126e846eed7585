"""The table of instance types is the one of the API's model that is installed."""

from __future__ import annotations

import json

from scripts import update_instance_types


def test_the_table_is_up_to_date() -> None:
    written = json.loads(update_instance_types.TABLE.read_text("utf-8"))
    assert written == update_instance_types.instance_types(), "run: python scripts/update_instance_types.py"
