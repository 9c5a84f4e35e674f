"""The table of answers in `docs/reliability.md` names tests that are there."""

import ast
import re
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from tests.harvest.crawl.test_every_answer import FINAL, LISTINGS, PICTURES, STATUSES, TRANSIENT

DOCUMENT = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([a-z_0-9]+/test_\w+\.py)::([\w:]+)(?:\[([\w-]+)\])?`", DOCUMENT)))
ROWS = {"TestGetInfo": {*FINAL, *TRANSIENT}, "TestListings": {*LISTINGS}}
ROWS["TestPictures"] = {*PICTURES, *STATUSES}


def names_in(path: Path) -> set[str]:
    """The tests of a file, those of a class as `Class::test`."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{it.name}" for it in node.body if hasattr(it, "name")}
    return found


def test_every_row_names_a_test() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and "/test_" in line]
    assert len(rows) > 50
    table = DOCUMENT[DOCUMENT.index("## Every kind of answer") : DOCUMENT.index("## The breaker")]
    bare = [line for line in table.splitlines() if line.startswith("| ") and "test_" not in line]
    assert all(line.startswith(("| answer |", "| content |")) for line in bare)


@pytest.mark.parametrize("file", sorted({file for file, _, _ in NAMED}))
def test_each_named_test_is_there(file: str) -> None:
    there = names_in(PROJECT / "tests" / "harvest" / file)
    assert {test for its, test, _ in NAMED if its == file} - there == set()


def test_each_named_case_is_there() -> None:
    for file, test, case in NAMED:
        if case:
            assert file == "crawl/test_every_answer.py"
            assert case in ROWS[test.partition("::")[0]]
