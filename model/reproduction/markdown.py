"""Numbers, tables and claims as texts and as Markdown; unknown values are a dash."""

from collections.abc import Mapping, Sequence
from typing import Any

from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.printing import markdown_cell
from flickr_emotion.datasets.folder.card_markup import table_lines

DASH = "-"


def percent(value: float | None) -> str:
    """Return an accuracy."""
    return DASH if value is None else f"{value:.2f}"


def points(value: float | None) -> str:
    """Return a difference, with its sign."""
    return DASH if value is None else f"{value:+.2f}"


def spread(found: Mapping[str, Any] | None) -> str:
    """Return mean and standard deviation, the paper's or ours; of one repeat its value alone."""
    if found is None:
        return DASH
    return f"{found['mean']:.2f}" + (f"±{found['std']:.2f}" if found["std"] is not None else "")


def interval(ends: Sequence[float] | None, *, signed: bool = False) -> str:
    """Return an interval."""
    if ends is None:
        return DASH
    show = points if signed else percent
    return f"{show(ends[0])} to {show(ends[1])}"


def with_sign(found: Mapping[str, Any] | None) -> list[str]:
    """Return a difference, its interval and its p-value as three cells."""
    if found is None:
        return [DASH, DASH, DASH]
    p_value = found["p_value"]
    return [
        points(found["difference"]),
        interval(found["interval"], signed=True),
        "< 0.001" if p_value < 0.001 else f"{p_value:.3f}",
    ]


def claims(judged: Sequence[Mapping[str, Any]], target: str) -> Table:
    """Return a table of claims with their verdicts and the differences they are based on."""
    rows = []
    for claim in judged:
        if "pairs" in claim:
            verdicts = [pair["verdict"] for pair in claim["pairs"]]
            counts = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(verdicts))
            found, ends, p_value = f"of {len(verdicts)} pairs: {counts}", DASH, DASH
        else:
            found, ends, p_value = with_sign(claim["found"])
        rows.append([claim["claim"], claim["paper"], found, ends, p_value, claim["verdict"]])
    return Table(
        name=f"{target}-claims",
        title="The paper's claims",
        head=["claim", "paper", "difference here", "95%", "p", "verdict"],
        rows=rows,
        texts=frozenset({0, 1, 2, 5}),
    )


def lines(table: Table) -> list[str]:
    """Return a table as Markdown. Its head and first column may hold names of classes."""
    return table_lines(
        [markdown_cell(cell) for cell in table.head],
        [[markdown_cell(row[0]), *row[1:]] for row in table.rows],
    )
