"""``docs/architecture.md`` is true: its files, folders and names exist, in the order of imports.

The paths that ``CONTRIBUTING.md`` names exist too, and so does what it tells people to run.
"""

import ast
import re
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from tests.test_tree import LAYERS

PAGE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TOPS = ("flickr_emotion", "harvest", "datasets", "model", "tests", "docs")
PATHS = sorted(
    {
        path
        for path in re.findall(r"`([\w./]+)`", PAGE + CONTRIBUTING)
        if path.partition("/")[0] in TOPS and "/" in path and "NAME" not in path
    }
)
RULES = re.findall(r"^\| (.+?) \| `([\w/]+\.py)` \| (`.+`) \|$", PAGE, re.MULTILINE)


def defined(path: Path) -> set[str]:
    """The classes, functions and constants of a module; methods after their class and a dot."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [it.name for it in node.body if isinstance(it, ast.FunctionDef)]
            found |= {f"{node.name}.{name}" for name in methods}
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found |= {it.id for it in ast.walk(target) if isinstance(it, ast.Name)}
    return found


def test_every_path_of_the_tour_is_there() -> None:
    assert len(PATHS) > 60
    assert [path for path in PATHS if not (PROJECT / path).exists()] == []


def test_a_folder_ends_with_a_slash() -> None:
    assert [path for path in PATHS if (PROJECT / path).is_dir() != path.endswith("/")] == []


def test_make_help_says_something_of_every_target() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(re.findall(r"^([a-z-]+):.* ## .+\.$", MAKEFILE, re.MULTILINE)) == set(phony.split())


def test_what_contributors_are_told_to_run_is_there() -> None:
    targets = {*re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)}
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", CONTRIBUTING, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m (benchmarks[.\w]+)", CONTRIBUTING))
    assert len(modules) >= 3
    for module in modules:
        assert (PROJECT / f"{module.replace('.', '/')}.py").is_file(), module
    assert (PROJECT / re.findall(r"T=([\w/.]+)", CONTRIBUTING)[0]).is_file()


def test_there_are_twelve_rules_or_more() -> None:
    assert len(RULES) >= 12
    assert len({rule for rule, _, _ in RULES}) == len(RULES)


@pytest.mark.parametrize(("rule", "path", "names"), RULES)
def test_a_rule_is_where_the_page_says(rule: str, path: str, names: str) -> None:
    missing = set(re.findall(r"`([\w.]+)`", names)) - defined(PROJECT / path)
    assert not missing, f"{rule}: {path} does not define {missing}"


@pytest.mark.parametrize("top", ["harvest", "datasets", "model"])
def test_folders_stand_in_the_order_of_their_imports(top: str) -> None:
    listed = re.findall(rf"^\| `({top}/[\w/]+)/` \|", PAGE, re.MULTILINE)
    assert [path.replace("/", ".") for path in listed] == [
        layer for layer in LAYERS if layer.startswith(f"{top}.")
    ]
