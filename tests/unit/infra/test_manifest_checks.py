"""What `data.checks` may say, and what is said about rules that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from infra.manifest import Data
from infra.manifest_checks import Checks

TABLE = {"format": "csv", "columns": {"age": {"type": "int"}, "label": {"type": "str"}}}


def checks(rules: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"channels": {"train": {"*.csv": rules}}, **others}


def test_rules_reach_the_checker_with_their_defaults() -> None:
    rules = Checks.model_validate(checks(TABLE)).rules({"train": ["*.csv"]})
    assert (rules["on_bad_file"], rules["minimum_good_files"]) == ("stop", 1)
    assert rules["patterns"] == {"train": ["*.csv"]}
    table = rules["channels"]["train"]["*.csv"]
    assert (table["header"], table["delimiter"], table["missing"]) == (True, ",", [""])
    assert table["columns"]["age"]["nullable"] is False
    assert "instance" not in rules, "what the job runs on is none of the checker's business"


def test_the_page_s_example_is_a_valid_one() -> None:
    page = (Path(__file__).parents[3] / "docs/data-checks.md").read_text("utf-8")
    example = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    data = Data.model_validate(example["data"])
    assert data.checks is not None
    assert data.checks.channels["validation"] == data.checks.channels["train"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (checks({"format": "tsv"}), "'csv', 'jsonl', 'libsvm'"),
        (checks({"format": "csv"}), "columns\n  Field required"),
        (checks({**TABLE, "headers": True}), "unknown key 'headers': allowed: "),
        (checks({**TABLE, "unique": [["id"]]}), "unique: column 'id' is not in columns: allowed: age, label"),
        (checks({**TABLE, "classes": {"column": "y"}}), "classes: column 'y' is not in columns"),
        (checks({**TABLE, "columns": {"a": {"type": "str", "minimum": 1}}}), "minimum and maximum are for int"),
        (checks({**TABLE, "columns": {"a": {"type": "int", "pattern": "x"}}}), "pattern and maximum_length are for"),
        (checks({**TABLE, "columns": {"a": {"type": "str", "pattern": "("}}}), "is not a regular expression"),
        (checks({**TABLE, "columns": {"a": {"type": "int", "minimum": 2, "maximum": 1}}}), "minimum 2 is above"),
        (checks({**TABLE, "columns": {"a": {"type": "str", "allowed": [True]}}}), "allowed: True is not of type str"),
        (checks({**TABLE, "columns": {"a": {"allowed": ["x"]}}}), "allowed: 'x' is not of type any"),
        (checks({**TABLE, "minimum_rows": 9, "maximum_rows": 8}), "minimum_rows 9 is above maximum_rows 8"),
        (checks({"format": "npz", "arrays": {"x": {"type": "object"}}}), "'uint8'"),
        (
            checks({"format": "npz", "arrays": {"x": {"type": "uint8"}}, "classes": {"array": "y"}}),
            "classes: array 'y' is not in arrays: allowed: x",
        ),
        (checks(TABLE, on_bad_file="skip"), "'stop' or 'quarantine'"),
        (checks(TABLE, instance={"type": "ml.huge"}), "is not an instance type of this kind"),
        ({"channels": {"train": {"../*": TABLE}}}, "must be a file pattern inside the channel's folder"),
        ({"channels": {"train": {}}}, "at least 1 item"),
    ],
)
def test_wrong_rules_are_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Checks.model_validate(document)
    assert message in str(error.value)


def test_only_channels_of_the_data_can_be_checked() -> None:
    with pytest.raises(ValidationError, match=r"checks\.channels\.train is not a channel: allowed: test"):
        Data.model_validate({"channels": {"test": ["*"]}, "checks": checks(TABLE)})
