"""The architecture's one rule on imports: a stage reads only the box before it."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def imported(package: str) -> set[str]:
    """The top-level packages that a package's modules import."""
    found = set()
    for path in (PROJECT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "never"),
    [("harvest", {"datasets", "model"}), ("datasets", {"model"}), ("model", {"harvest"})],
)
def test_a_stage_reads_only_the_box_before_it(package: str, never: set[str]) -> None:
    assert not imported(package) & never
