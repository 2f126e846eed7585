from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.images import requirement_files
from localcloud.images.errors import InvalidRequirements


def test_order_comments_and_blank_lines_change_nothing(requirements: Callable[..., Path]) -> None:
    one = requirements("b==1  # why", "", "# whole line", "a>=2 ; python_version < '3.12'", name="one.txt")
    other = requirements("a>=2 ; python_version < '3.12'", "b==1", "b==1", name="other.txt")
    assert requirement_files.read([one]) == requirement_files.read([other])
    assert requirement_files.read([one]) == ("a>=2 ; python_version < '3.12'", "b==1")


def test_continued_lines_are_one_requirement(requirements: Callable[..., Path]) -> None:
    path = requirements("a==1 \\", "    --hash=sha256:00", "b==2")
    assert requirement_files.read([path]) == ("a==1     --hash=sha256:00", "b==2")


def test_a_url_with_a_fragment_is_not_cut_at_the_hash_sign(requirements: Callable[..., Path]) -> None:
    path = requirements("a @ https://example.com/a-1.0.whl#sha256=00")
    assert requirement_files.read([path]) == ("a @ https://example.com/a-1.0.whl#sha256=00",)


def test_nested_files_are_read_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/base.txt").write_text("b==1\n")
    (tmp_path / "inner/more.txt").write_text("-r base.txt\nc==1\n")
    (tmp_path / "top.txt").write_text("--requirement inner/more.txt\na==1\n")
    assert requirement_files.read([tmp_path / "top.txt"]) == ("a==1", "b==1", "c==1")


def test_files_that_include_each_other_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("-r two.txt\n")
    (tmp_path / "two.txt").write_text("-r one.txt\n")
    with pytest.raises(InvalidRequirements, match=r"one\.txt.*include each other"):
        requirement_files.read([tmp_path / "one.txt"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequirements, match=r"nowhere\.txt: no such requirement file"):
        requirement_files.read([tmp_path / "nowhere.txt"])


@pytest.mark.parametrize(
    "line", ["-e .", "./package", "../package", "~/x", "file:x.whl", "a @ file:///x.whl", "/x.whl"]
)
def test_what_lies_on_this_machine_is_refused_with_its_line(line: str, requirements: Callable[..., Path]) -> None:
    with pytest.raises(InvalidRequirements, match=r"requirements\.txt:2: .*folder or file"):
        requirement_files.read([requirements("a==1", line)])


def test_constraint_files_are_refused(requirements: Callable[..., Path]) -> None:
    with pytest.raises(InvalidRequirements, match=r"requirements\.txt:1: .*constraint"):
        requirement_files.read([requirements("-c constraints.txt")])
