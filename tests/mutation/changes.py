"""Which functions have lines that were changed since a commit."""

import ast
import re
import subprocess
from collections.abc import Iterator

from flickr_emotion.common.checkout import PROJECT
from tests.mutation.areas import Areas

_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def changed_functions(areas: Areas, since: str) -> list[tuple[str, str]]:
    """Return file and function, or `Class.method`, of those with changed lines.

    What is not committed counts too. Lines of a module's or a class's own are no function's.
    """
    diff = subprocess.run(
        ["git", "diff", "--unified=0", "--no-color", "--merge-base", since, "--", *areas.folders],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = []
    for file, lines in changed_lines(diff).items():
        program = (PROJECT / file).read_text(encoding="utf-8")
        found += [(file, name) for name, span in functions(program) if not lines.isdisjoint(span)]
    return found


def changed_lines(diff: str) -> dict[str, set[int]]:
    """Return the lines of each Python file that a diff without context adds or changes."""
    found: dict[str, set[int]] = {}
    file = None
    for line in diff.splitlines():
        if line.startswith("+++ "):
            name = line.removeprefix("+++ ").removeprefix("b/")
            file = name if name.endswith(".py") else None
        elif file and (hunk := _HUNK.match(line)):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(file, set()).update(range(start, start + count))
    return found


def functions(program: str) -> Iterator[tuple[str, range]]:
    """Yield the functions and methods that mutmut tells apart, each with its lines."""
    for node in ast.parse(program).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, _lines(node)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", _lines(inner)


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
