"""Figure 5: accuracy against the fraction of posts that are complete (section 4.2.2).

A fraction of the complete training posts stays complete, the others keep one modality each. The
multitask network is trained on all of them, a single-task network on the complete ones only. Where
the paper does not say: each repeat draws its own posts by its seed, and the single-task network
repeats its few posts to make up for the others, so that both networks take the same number of
steps and the difference is not due to longer training.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes

from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.datasets.build.reduce import kept_modalities
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.inputs.selection import training_posts
from flickr_emotion.model.reproduction import claims, drawing
from flickr_emotion.model.reproduction.cell import MULTITASK, SINGLE_TASK, Cell
from flickr_emotion.model.reproduction.cells import Finished
from flickr_emotion.model.reproduction.estimates import difference, estimate, majority
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained, repeats
from flickr_emotion.model.reproduction.markdown import (
    interval,
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


def _markdown(content: Content) -> list[str]:
    return [
        *table_lines(
            [
                "complete",
                "single-task: paper",
                "ours",
                "95%, mean",
                "95%, one run",
                "multitask: paper",
                "ours",
                "95%, mean",
                "95%, one run",
                "multitask minus single-task: paper",
                "ours",
                "95%",
                "p",
            ],
            [
                [
                    f"{point['fraction']:.0%}",
                    *(
                        cell
                        for name in (SINGLE_TASK, MULTITASK)
                        for found in (point[name],)
                        for cell in (
                            spread(point["paper"] and point["paper"][name]),
                            spread(found),
                            interval(found and found["mean_interval"]),
                            interval(found and found["run_intervals"][0]),
                        )
                    ),
                    points(point["paper"] and point["paper"]["difference"]),
                    *with_sign(point["difference"]),
                ]
                for point in content["points"]
            ],
        ),
        "",
        f"Always answering {content['majority']['label']}: "
        f"{percent(content['majority']['accuracy'])}.",
    ]


def _draw(content: Content, axes: Axes) -> None:
    for name, colour in ((SINGLE_TASK, drawing.OTHER), (MULTITASK, drawing.OURS)):
        known = [point for point in content["points"] if point[name]]
        axes.errorbar(
            [100 * point["fraction"] for point in known],
            [point[name]["mean"] for point in known],
            yerr=[point[name]["std"] or 0 for point in known],
            fmt="o-",
            markersize=4,
            color=colour,
            label=name,
        )
        printed = [point for point in content["points"] if point["paper"] and point["paper"][name]]
        axes.scatter(
            [100 * point["fraction"] for point in printed],
            [point["paper"][name]["mean"] for point in printed],
            marker="s",
            s=24,
            color=drawing.OTHER_PAPER if name == SINGLE_TASK else drawing.PAPER,
            label=f"{name}, paper",
        )
    axes.set_xlabel("complete posts in training, per cent")
    axes.set_ylabel("test accuracy of the complete head, per cent")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


SWEEP = Experiment(
    title="Figure 5: the fraction of training posts that are complete",
    cells=_cells,
    content=_content,
    markdown=_markdown,
    draw=_draw,
    size=(8.0, 4.0),
)
