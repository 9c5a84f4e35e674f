"""Figure 5: accuracy against the fraction of posts that are complete (section 4.2.2).

A fraction of the complete training posts stays complete, the others keep one modality each. The
multitask network is trained on all of them, a single-task network on the complete ones only. Where
the paper does not say: each repeat draws its own posts by its seed, and the single-task network
repeats its few posts to make up for the others, so that both networks take the same number of
steps and the difference is not due to longer training.
"""

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.presentation.drawing import BLUE, GREY, LINE, ORANGE, WIDTH, plain_axes
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.printing import printable
from flickr_emotion.datasets.build.reduce import kept_modalities
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.inputs.selection import training_posts
from flickr_emotion.model.reproduction import claims
from flickr_emotion.model.reproduction.cell import MULTITASK, SINGLE_TASK, Cell
from flickr_emotion.model.reproduction.cells import Finished
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
from flickr_emotion.model.reproduction.paper import FIGURE_5_GAP, FIGURE_5_MATCH, TABLE_1

FRACTIONS = (0.01, 0.05, 0.1, FIGURE_5_MATCH, 0.5, 0.75, 1.0)
"""The paper's text gives 1%, 25% and 100%; the others are ours."""


def _fractions(dataset: Dataset) -> list[float]:
    """Return the fractions that leave at least one post complete; a small data set has fewer."""
    complete = [post for post in training_posts(dataset) if post[2] == COMPLETE]
    return [
        fraction
        for fraction in FRACTIONS
        if COMPLETE in kept_modalities(complete, fraction=fraction, seed=0).values()
    ]


def _cells(dataset: Dataset, seeds: Sequence[int]) -> list[Cell]:
    return [
        cell
        for fraction in _fractions(dataset)
        for seed in seeds
        for cell in (
            Cell(system=SINGLE_TASK, seed=seed, fraction=fraction, subset=COMPLETE),
            Cell(system=MULTITASK, seed=seed, fraction=fraction),
        )
    ]


def _content(dataset: Dataset, trained: Trained, seeds: Sequence[int]) -> Content:
    def single(fraction: float) -> list[Finished]:
        return repeats(trained, seeds, SINGLE_TASK, fraction, COMPLETE)

    def multitask(fraction: float) -> list[Finished]:
        return repeats(trained, seeds, MULTITASK, fraction)

    fractions = _fractions(dataset)
    return {
        "points": [
            {
                "fraction": fraction,
                "paper": _printed(fraction),
                SINGLE_TASK: estimate(single(fraction), COMPLETE),
                MULTITASK: estimate(multitask(fraction), COMPLETE),
                "difference": difference(multitask(fraction), single(fraction), COMPLETE),
            }
            for fraction in fractions
        ],
        "majority": majority(multitask(1.0), COMPLETE),
        "claims": [
            claims.ahead_by_far(multitask(fractions[0]), single(fractions[0]), fractions[0]),
            *(
                [claims.quarter_matches_all(multitask(FIGURE_5_MATCH), single(1.0), FIGURE_5_MATCH)]
                if FIGURE_5_MATCH in fractions
                else []
            ),
        ],
    }


def _printed(fraction: float) -> Content | None:
    """Return the paper's text on a fraction; its figure is not printed as numbers."""
    if fraction == FRACTIONS[0]:
        return {SINGLE_TASK: None, MULTITASK: None, "difference": FIGURE_5_GAP}
    if fraction == 1:  # the complete heads of Table 1
        single, multitask = (TABLE_1[name][COMPLETE] for name in (SINGLE_TASK, MULTITASK))
        return {
            SINGLE_TASK: single._asdict(),
            MULTITASK: multitask._asdict(),
            "difference": multitask.mean - single.mean,
        }
    return None


def _whole(content: Content) -> Table:
    head = ["complete"]
    for name in (SINGLE_TASK, MULTITASK):
        head += [f"{name}: paper", "ours", "95%, mean", "95%, one run"]
    head += ["multitask minus single-task: paper", "ours", "95%", "p"]
    rows = []
    for point in content["points"]:
        paper = point["paper"]
        row = [f"{point['fraction']:.0%}"]
        for name in (SINGLE_TASK, MULTITASK):
            found = point[name]
            row += [
                *(spread(paper and paper[name]), spread(found)),
                interval(found and found["mean_interval"]),
                interval(found and found["run_intervals"][0]),
            ]
        rows.append([*row, points(paper and paper["difference"]), *with_sign(point["difference"])])
    title = "Accuracy of the complete head by the share of complete posts, in per cent"
    return Table(name="figure5", title=title, head=head, rows=rows)


def _tables(content: Content) -> list[Table]:
    """Return the table in three parts, because a page of print is too narrow for it."""
    whole = _whole(content)
    return [
        replace(
            whole,
            name=f"{whole.name}-{name}",
            head=[whole.head[column] for column in columns],
            rows=[[row[column] for column in columns] for row in whole.rows],
        )
        for name, columns in (
            (SINGLE_TASK, (0, 1, 2, 3, 4)),
            (MULTITASK, (0, 5, 6, 7, 8)),
            ("difference", (0, 9, 10, 11, 12)),
        )
    ]


def _markdown(content: Content) -> list[str]:
    return [
        *lines(_whole(content)),
        "",
        f"Always answering {content['majority']['label']}: "
        f"{percent(content['majority']['accuracy'])}.",
    ]


def _draw(content: Content, figure: Figure) -> None:
    axes = plain_axes(figure)
    for name, colour in ((SINGLE_TASK, ORANGE), (MULTITASK, BLUE)):
        known = [point for point in content["points"] if point[name]]
        axes.errorbar(
            [100 * point["fraction"] for point in known],
            [point[name]["mean"] for point in known],
            yerr=[point[name]["std"] or 0 for point in known],
            fmt="o-",
            markersize=4,
            capsize=2,
            color=colour,
            label=f"{name}, ours",
        )
        printed = [point for point in content["points"] if point["paper"] and point["paper"][name]]
        axes.scatter(
            [100 * point["fraction"] for point in printed],
            [point["paper"][name]["mean"] for point in printed],
            marker="s",
            s=36,
            facecolors="none",
            edgecolors=colour,
            linewidths=1.5,
            zorder=3,
            label=f"{name}, paper",
        )
    # 1, 5 and 10% lie in one spot of a linear axis.
    shown = [100 * point["fraction"] for point in content["points"]]
    axes.set_xscale("log")
    axes.set_xticks(shown, [f"{share:g}" for share in shown], fontsize="small")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axhline(content["majority"]["accuracy"], color=GREY, linewidth=1, linestyle="--")
    axes.annotate(
        f"always {printable(content['majority']['label'])}",
        (shown[-1], content["majority"]["accuracy"]),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        fontsize="small",
    )
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("complete training posts, in per cent (logarithmic)")
    axes.set_ylabel("test accuracy, %")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


SWEEP = Experiment(
    title="Figure 5: the fraction of training posts that are complete",
    cells=_cells,
    content=_content,
    markdown=_markdown,
    tables=_tables,
    draw=_draw,
    size=lambda content: (WIDTH, 3.6),
)
