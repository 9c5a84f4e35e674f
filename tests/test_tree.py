"""What holds of the tree as a whole: who imports whom, and that documents are there."""

import ast
import re

import pytest

from flickr_emotion.common.checkout import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


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


def test_the_readme_writes_into_no_folder_of_the_project() -> None:
    commands = re.findall(r"^\$ python cli\.py (.*)$", README, re.MULTILINE)
    written = [path for line in commands for path in re.findall(r"--(?:out|lists) (\S+)", line)]
    assert written
    assert {path.partition("/")[0] for path in written} <= {"out", "demo"}


def test_every_document_that_is_named_is_there() -> None:
    named = {
        name
        for path in PROJECT.rglob("*")
        if path.suffix in (".py", ".md") and ".venv" not in path.parts and path.is_file()
        for name in re.findall(r"\bdocs/[a-z]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {name for name in named if not (PROJECT / name).is_file()} == set()
