"""The table of faults says what tests show, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import fault_table

ROW = '[[fault]]\nunder = "Rollout"\nfault = "{fault}"\nanswer = "goes back"\ntests = [{tests}]\n'


def test_the_page_is_up_to_date() -> None:
    written = fault_table.PAGE.read_text("utf-8")
    assert written == fault_table.page(fault_table.faults(), fault_table.recorded()), (
        "run: python scripts/fault_table.py"
    )


def test_there_are_forty_rows_that_a_test_shows() -> None:
    assert sum(bool(row.tests) for row in fault_table.faults()) >= 40


@pytest.mark.parametrize("test", ["unit/no_such_file.py::test_it", "unit/scripts/test_fault_table.py::test_no_such"])
def test_a_test_that_is_not_there_is_named(tmp_path: Path, test: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(ROW.format(fault="Fire", tests=f'"{test}"'))
    with pytest.raises(ValueError, match=f"Fire: there is no test {test}"):
        fault_table.faults(path)


def test_a_fault_has_one_row(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(ROW.format(fault="Fire", tests="") * 2)
    with pytest.raises(ValueError, match=r"faults\.toml has twice: Fire"):
        fault_table.faults(path)


def test_what_no_test_shows_is_said_to_be_open(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(ROW.format(fault="Fire", tests="") + ROW.format(fault="Flood", tests='"unit/x.py::test_y"'))
    with pytest.raises(ValueError, match="Flood"):
        fault_table.faults(path)
    path.write_text(ROW.format(fault="Fire", tests=""))
    assert "| Fire | goes back | **open** |  |" in fault_table.page(fault_table.faults(path), {})


SUITE = """<testsuites><testsuite>
<testcase classname="tests.unit.scripts.test_fault_table" name="test_a_fault_has_one_row" />
<testcase classname="tests.unit.scripts.test_fault_table" name="test_a_test_that_is_not_there_is_named[a]" />
<testcase classname="tests.unit.scripts.test_fault_table" name="test_a_test_that_is_not_there_is_named[b]">
{end}</testcase>
<testcase classname="tests.unit.test_clocks" name="test_that_no_row_names" />
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("end", "result"), [("", "passed (3)"), ("<failure/>", "failed (3)"), ("<skipped/>", "skipped (3)")]
)
def test_a_rows_result_is_the_worst_of_its_tests(tmp_path: Path, end: str, result: str) -> None:
    names = ("test_a_fault_has_one_row", "test_a_test_that_is_not_there_is_named")
    tests = [f"unit/scripts/test_fault_table.py::{name}" for name in names]
    rows, report = tmp_path / "faults.toml", tmp_path / "report.xml"
    rows.write_text(ROW.format(fault="Fire", tests=", ".join(f'"{test}"' for test in tests)))
    report.write_text(SUITE.format(end=end))
    faults = fault_table.faults(rows)
    results = fault_table.with_report({"unit/gone.py::test_it": {"passed": 1}}, report, faults)
    assert results.keys() == set(tests)
    assert f"| {result} |" in fault_table.page(faults, results)
    assert f"| {fault_table.NOT_RUN} |" in fault_table.page(faults, {tests[0]: results[tests[0]]})
