"""Tables 1, 2 and 3: the accuracy of each subset's head, for two systems.

Tables 1 and 2 (section 4.2.1) are trained on the complete posts only, of Flickr Emotion and of VSO:
one experiment on two data sets. Table 3 (section 4.2.2) is trained on the incomplete posts too; to
show their effect, a network is also trained without them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from flickr_emotion.common.modalities import COMPLETE, SUBSETS, subset_in_words
from flickr_emotion.common.presentation.drawing import BLUE, LINE, ORANGE, WIDTH, plain_axes
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction import claims
from flickr_emotion.model.reproduction.cell import LATE_FUSION, MULTITASK, SINGLE_TASK, Cell
from flickr_emotion.model.reproduction.estimates import difference, estimate, majority
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained, repeats
from flickr_emotion.model.reproduction.markdown import (
    interval,
    lines,
    percent,
    points,
    spread,
    with_sign,
)
from flickr_emotion.model.reproduction.paper import TABLE_1, TABLE_2, TABLE_3, Printed

SHORT = {"image": "I", "text": "T", "tags": "#"}
"""The paper's letters for the modalities."""

_COMPLETE_ONLY = 1.0
_WHOSE = ("paper", "ours")

Columns = Mapping[str, Mapping[str, Printed]]


def _cells_without(dataset: Dataset, seeds: Sequence[int]) -> list[Cell]:
    return [
        Cell(system=system, seed=seed, fraction=_COMPLETE_ONLY)
        for seed in seeds
        for system in (SINGLE_TASK, MULTITASK)
    ]


def _cells_with(dataset: Dataset, seeds: Sequence[int]) -> list[Cell]:
    return [
        cell
        for seed in seeds
        for cell in (
            Cell(system=LATE_FUSION, seed=seed),
            Cell(system=MULTITASK, seed=seed),
            Cell(system=MULTITASK, seed=seed, fraction=_COMPLETE_ONLY),
        )
    ]


def _without(printed: Columns) -> Callable[[Dataset, Trained, Sequence[int]], Content]:
    def content(dataset: Dataset, trained: Trained, seeds: Sequence[int]) -> Content:
        single = repeats(trained, seeds, SINGLE_TASK, _COMPLETE_ONLY)
        multitask = repeats(trained, seeds, MULTITASK, _COMPLETE_ONLY)
        paper = _against(printed[MULTITASK][COMPLETE], printed[SINGLE_TASK][COMPLETE])
        return {
            "rows": _rows(printed, {SINGLE_TASK: single, MULTITASK: multitask}),
            "majority": {subset: majority(multitask, subset) for subset in SUBSETS},
            "claims": [
                claims.multitask_is_ahead(multitask, single, SINGLE_TASK, paper),
                claims.absence_costs_in_order(multitask, printed[MULTITASK]),
            ],
        }

    return content


def _with(dataset: Dataset, trained: Trained, seeds: Sequence[int]) -> Content:
    fusion = repeats(trained, seeds, LATE_FUSION, None)
    multitask = repeats(trained, seeds, MULTITASK, None)
    complete_only = repeats(trained, seeds, MULTITASK, _COMPLETE_ONLY)
    printed = TABLE_3[MULTITASK][COMPLETE]
    return {
        "rows": _rows(TABLE_3, {LATE_FUSION: fusion, MULTITASK: multitask}),
        "majority": {subset: majority(multitask, subset) for subset in SUBSETS},
        "complete_posts_only": {subset: estimate(complete_only, subset) for subset in SUBSETS},
        "claims": [
            claims.multitask_is_ahead(
                multitask, fusion, LATE_FUSION, _against(printed, TABLE_3[LATE_FUSION][COMPLETE])
            ),
            claims.more_posts_help(
                multitask, complete_only, _against(printed, TABLE_1[MULTITASK][COMPLETE])
            ),
        ],
    }


def _rows(printed: Columns, systems: Mapping[str, claims.Repeats]) -> list[dict[str, Any]]:
    other = next(name for name in systems if name != MULTITASK)
    return [
        {
            "subset": subset,
            "systems": {
                name: {"paper": column[subset]._asdict(), "ours": estimate(systems[name], subset)}
                for name, column in printed.items()
            },
            "difference": difference(systems[MULTITASK], systems[other], subset),
        }
        for subset in SUBSETS
    ]


def _against(ahead: Printed, behind: Printed) -> str:
    return f"{ahead.mean:.2f}±{ahead.std:.2f} against {behind.mean:.2f}±{behind.std:.2f}"


def _tables(content: Content) -> list[Table]:
    rows = content["rows"]
    names = list(rows[0]["systems"])
    target = content["target"]
    accuracies = Table(
        name=f"{target}-accuracies",
        title="Accuracy on the test posts, in per cent, mean and standard deviation",
        head=["", "majority", *(f"{name}: {which}" for name in names for which in _WHOSE)],
        rows=[
            [
                letters(row["subset"]),
                percent(content["majority"][row["subset"]]["accuracy"]),
                *(spread(row["systems"][name][which]) for name in names for which in _WHOSE),
            ]
            for row in rows
        ],
    )
    certainty = Table(
        name=f"{target}-intervals",
        title="95% intervals of the accuracy, and weighted F1, in per cent",
        head=[
            "",
            *(f"{name}: 95%, {which}" for name in names for which in ("mean", "one run")),
            *(f"{name}: weighted F1" for name in names),
        ],
        rows=[
            [
                letters(row["subset"]),
                *(
                    interval(ours and (ours[which] if which == "mean_interval" else ours[which][0]))
                    for name in names
                    for which in ("mean_interval", "run_intervals")
                    for ours in (row["systems"][name]["ours"],)
                ),
                *(
                    percent(ours and ours["weighted_f1"])
                    for name in names
                    for ours in (row["systems"][name]["ours"],)
                ),
            ]
            for row in rows
        ],
    )
    differences = Table(
        name=f"{target}-differences",
        title=f"Accuracy of multitask minus that of {names[0]}, in points",
        head=["", f"multitask minus {names[0]}: paper", "ours", "95%", "p"],
        rows=[
            [
                letters(row["subset"]),
                points(
                    row["systems"][MULTITASK]["paper"]["mean"]
                    - row["systems"][names[0]]["paper"]["mean"]
                ),
                *with_sign(row["difference"]),
            ]
            for row in rows
        ],
    )
    return [accuracies, certainty, differences]


def _markdown(content: Content) -> list[str]:
    accuracies, certainty, differences = map(lines, _tables(content))
    shown = [*accuracies, "", *certainty, "", *differences]
    if only := content.get("complete_posts_only"):
        shown += [
            "",
            "Multitask trained on the complete posts only, on this data set: "
            + ", ".join(f"{letters(subset)} {spread(found)}" for subset, found in only.items())
            + ".",
        ]
    return shown


def _draw(content: Content, figure: Figure) -> None:
    axes = plain_axes(figure)
    rows = content["rows"]
    for place, name in enumerate(rows[0]["systems"]):
        colour = (ORANGE, BLUE)[place]
        for which in _WHOSE:
            drawn = [
                (
                    number + 0.36 * (place - 0.5) + 0.16 * (which == "ours"),
                    row["systems"][name][which],
                )
                for number, row in enumerate(rows)
                if row["systems"][name][which] is not None
            ]
            axes.errorbar(
                [cell["mean"] for _, cell in drawn],
                [height for height, _ in drawn],
                xerr=[cell["std"] or 0 for _, cell in drawn],
                fmt="o" if which == "ours" else "s",
                markerfacecolor=colour if which == "ours" else "none",
                color=colour,
                markersize=5,
                linewidth=1.4,
                label=f"{name}, {which}",
            )
    axes.set_yticks(range(len(rows)), [subset_in_words(row["subset"]) for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("test accuracy, mean and standard deviation, in per cent")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def letters(subset: str) -> str:
    """Return a subset in the paper's letters: ``I+#``."""
    return "+".join(SHORT[modality] for modality in subset.split("+"))


def _table(title: str, printed: Columns) -> Experiment:
    return Experiment(
        title=title,
        cells=_cells_without,
        content=_without(printed),
        markdown=_markdown,
        tables=_tables,
        draw=_draw,
        size=lambda content: (WIDTH, 4.6),
    )


TABLES = {
    "table1": _table("Table 1: trained on complete posts, of Flickr Emotion in the paper", TABLE_1),
    "table2": _table("Table 2: trained on complete posts, of VSO in the paper", TABLE_2),
    "table3": Experiment(
        title="Table 3: trained with the additional incomplete posts, of Flickr Emotion in the "
        "paper",
        cells=_cells_with,
        content=_with,
        markdown=_markdown,
        tables=_tables,
        draw=_draw,
        size=lambda content: (WIDTH, 4.6),
    ),
}
