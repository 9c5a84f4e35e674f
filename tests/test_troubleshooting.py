"""Every line of `docs/troubleshooting.md` is one that the program can say."""

import ast
import re
from functools import cache

import pytest

from flickr_emotion.common.checkout import PROJECT

PAGE = (PROJECT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
LINES = [line.strip("` ") for line in re.findall(r"^\| (`+.*?`+) \|", PAGE, re.MULTILINE)]


@cache
def messages() -> list[str]:
    """The texts of the code; NUL stands where a value is put in."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("flickr_emotion", "harvest", "datasets", "model")
        for path in (PROJECT / folder).rglob("*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return [
        "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "\0"
            for part in (node.values if isinstance(node, ast.JoinedStr) else [node])
        )
        for node in nodes
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in docstrings
    ]


def can_be_said(line: str) -> bool:
    wanted = ".*".join(re.escape(part.strip()) for part in line.split("…"))
    return any(re.search(wanted, said, re.DOTALL) for said in messages())


def test_there_are_some() -> None:
    assert len(LINES) > 20


@pytest.mark.parametrize("line", LINES)
def test_the_program_can_say_it(line: str) -> None:
    assert can_be_said(line)


def test_a_line_that_nobody_says_is_found() -> None:
    assert not can_be_said("the … has no … of its own, sadly")
