"""What the cards of data sets and of runs share: Hugging Face's YAML header, and tables.

Names of classes, licences and the like come from others, so each passes ``yaml_text`` or
``markdown_cell`` before it stands in a card.
"""

import json
import re
from collections.abc import Iterable, Sequence

_HUB_LANGUAGE = re.compile(r"[a-z]{2,3}(?=-|$)")


def language_line(code: str) -> str:
    """Return the line of the texts' language, as the Hub names it: without a country or script."""
    found = _HUB_LANGUAGE.match(code)
    return f"language: [{json.dumps(found[0])}]\n" if found else ""


def yaml_text(text: str) -> str:
    """Return a text as YAML in quotes; it must stay the same, so nothing is replaced."""
    return "".join(
        it if it.isprintable() else f"\\U{ord(it):08x}"
        for it in json.dumps(text, ensure_ascii=False)
    )


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; the cells are Markdown already."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a line break at its end; the cells are Markdown already."""
    return "".join(f"{line}\n" for line in table_lines(head, rows))
