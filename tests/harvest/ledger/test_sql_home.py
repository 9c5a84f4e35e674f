"""All SQL is in the modules of the ledger; other modules call their functions."""

import ast
import re
from pathlib import Path

from flickr_emotion.common.checkout import PROJECT

HOME = PROJECT / "harvest" / "ledger"
# It reads SQLite files from elsewhere.
OTHER_FILES = {PROJECT / "harvest" / "yfcc100m" / "tables.py"}
SQL = re.compile(
    r"\s*(?:SELECT\s|INSERT\s|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(?:TEMP\s)?TABLE|PRAGMA\s)"
)
CALLS = {"execute", "executemany", "executescript"}


def modules() -> list[Path]:
    paths = [path for part in ("harvest", "datasets") for path in (PROJECT / part).rglob("*.py")]
    return [path for path in paths if "sandbox" not in path.parts]


def is_at_home(path: Path) -> bool:
    return path.is_relative_to(HOME) or path in OTHER_FILES


def sql_in(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            found.append(f"{path.stem}, line {node.lineno}: {node.value.strip()[:40]}")
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            found.append(f"{path.stem}, line {node.lineno}: {node.attr}")
    return found


def test_no_other_module_has_sql() -> None:
    assert [line for path in modules() if not is_at_home(path) for line in sql_in(path)] == []


def test_no_other_module_takes_the_connection() -> None:
    holds = re.compile(r"\.transaction\(\) as ")
    paths = [path for path in modules() if not is_at_home(path)]
    assert [it.stem for it in paths if holds.search(it.read_text(encoding="utf-8"))] == []


def test_no_other_module_names_a_fact_of_the_harvest() -> None:
    """They are read and written by the functions of `facts`."""
    names = re.compile(r"\.(?:set_)?meta\(")
    homes = {HOME / "facts.py", *(HOME / "rows").glob("*.py")}
    paths = [path for path in modules() if path not in homes]
    assert [it.stem for it in paths if names.search(it.read_text(encoding="utf-8"))] == []


def test_the_ledgers_modules_have_sql() -> None:
    speak = {path.stem for path in modules() if is_at_home(path) and sql_in(path)}
    assert {"ledger", "evidence", "pictures", "tables"} <= speak
