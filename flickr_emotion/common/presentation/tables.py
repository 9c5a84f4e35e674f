"""A table of results, for pages and for LaTeX; its cells are texts as they are shown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flickr_emotion.common.printing import printable

_LONGEST = 32
"""Characters of a cell that LaTeX does not break."""
_AS_WIDE_AS_THE_PAGE = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"

_SPECIAL = {
    **{it: f"\\{it}" for it in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table whose first column names the rows."""

    name: str
    """The name of its file and LaTeX label."""
    title: str
    subject: str = ""
    """Whose table it is, for the caption in LaTeX; a page says it elsewhere."""
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: frozenset[int] = frozenset({0})
    """Which columns hold texts; the others hold numbers, which stand at the right."""
    total: bool = False
    """Whether the last row sums up the others."""

    @property
    def columns(self) -> range:
        """The numbers of the columns."""
        return range(len(self.head))


def latex(text: str) -> str:
    """Return a text that LaTeX shows as it is; a minus before a digit is a minus, not a hyphen."""
    shown = "".join(_SPECIAL.get(it, it) for it in printable(text))
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", shown)


def latex_table(table: Table) -> str:
    r"""Return a table for LaTeX to be read with ``\input``.

    It needs the packages ``booktabs`` and ``graphicx``, and shrinks if it is wider than the page.
    """
    columns = "".join(_column(table, column) for column in table.columns)
    rows = [" & ".join(map(latex, row)) + r" \\" for row in table.rows]
    if table.total:
        rows.insert(-1, r"\midrule")
    of = f" ({table.subject})" if table.subject else ""
    lines = [
        *(r"% \usepackage{booktabs,graphicx}", r"\begin{table}", r"\centering"),
        f"\\caption{{{latex(table.title + of)}}}",
        f"\\label{{tab:{table.name}}}",
        *(_AS_WIDE_AS_THE_PAGE, f"\\begin{{tabular}}{{{columns}}}", r"\toprule"),
        " & ".join(map(latex, table.head)) + r" \\",
        *(r"\midrule", *rows, r"\bottomrule", r"\end{tabular}}", r"\end{table}"),
    ]
    return "\n".join(lines) + "\n"


def _column(table: Table, column: int) -> str:
    """Return how LaTeX sets a column; long texts are broken."""
    if column not in table.texts:
        return "r"
    longest = max((len(row[column]) for row in table.rows), default=0)
    return r"p{0.22\linewidth}" if longest > _LONGEST else "l"
