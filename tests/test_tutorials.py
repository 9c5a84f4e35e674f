"""Runs each tutorial from an empty folder."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import blocks, document, needs_weights, run_all, run_python, set_up
from tests.harvest.corpora import jpeg

pytestmark = [pytest.mark.slow, needs_weights]


def test_from_the_list_to_the_tables_and_a_rebuild(tmp_path: Path) -> None:
    run_all(document("docs/tutorial-paper.md"), set_up(tmp_path))
    tables = {path.suffix for path in (tmp_path / "out" / "paper").glob("table1.*")}
    assert {".md", ".tex", ".json"} <= tables


def test_from_a_csv_to_production(tmp_path: Path) -> None:
    text = document("docs/tutorial-own-posts.md")
    (table,) = blocks(text, "csv")
    write_posts(table, set_up(tmp_path))
    outputs = [
        run(words, tmp_path)
        for block in blocks(text, "sh")
        for words in map(shlex.split, block.splitlines())
    ]
    assert any("image 60, text 60, tags 60" in output for output in outputs)
    assert len((tmp_path / "out" / "answers.csv").read_text().splitlines()) == 61
    assert (tmp_path / "out" / "posts.html").stat().st_size > 10_000
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


def write_posts(table: str, workplace: Path) -> None:
    """Write sixty posts like the two of a table, with pictures."""
    header, *rows = table.splitlines()
    (workplace / "pictures").mkdir()
    (workplace / "out").mkdir()
    lines = [header]
    for number in range(1, 61):
        cells = rows[number % 2].split(",")
        cells[0], cells[2] = str(number), f"pictures/{number}.jpg"
        lines.append(",".join(cells).replace("#", f"#tag{number} #", 1))
        (workplace / cells[2]).write_bytes(jpeg(number, 64, 64))
    for name in ("posts.csv", "new.csv", "labelled.csv"):
        (workplace / name).write_text("\n".join([*lines, ""]), encoding="utf-8")


def run(words: list[str], workplace: Path) -> str:
    assert words[0] == "python"
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def test_from_python(tmp_path: Path) -> None:
    program = "\n".join(blocks(document("docs/tutorial-python.md"), "python"))
    printed = run_python(program, tmp_path)
    assert "'ok': 1751" in printed
    assert "give the folder that `build-splits --out` wrote" in printed
