"""The figures of how often a run is right: by head, by class, beside another run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from flickr_emotion.common.presentation.drawing import (
    BLUE,
    GREY,
    LINE,
    ORANGE,
    WIDTH,
    Drawing,
    plain_axes,
)
from flickr_emotion.common.presentation.heat_map import heat_map, heat_map_size
from flickr_emotion.common.printing import printable
from flickr_emotion.model.evaluation.metrics import (
    Confusion,
    accuracy_interval,
    majority,
)
from flickr_emotion.model.report.accuracies import (
    confusions,
    heads_in_words,
    right_and_wrong,
)
from flickr_emotion.model.report.judging import JudgedRun


def accuracy_chart(run: JudgedRun) -> Drawing:
    """Return each head's accuracy with its interval, and that of the majority class."""
    rows = confusions(run)

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure)
        for place, confusion in enumerate(rows.values()):
            count, right = int(confusion.sum()), int(np.trace(confusion))
            if not count:
                continue
            low, high = (100 * end for end in accuracy_interval(right, count))
            always = majority(confusion, run.classes.index(run.majority))["accuracy"]
            axes.plot([low, high], [place, place], color=BLUE, linewidth=2)
            axes.plot(100 * right / count, place, "o", color=BLUE, label=None if place else "run")
            axes.plot(
                100 * always,
                place,
                "|",
                color=ORANGE,
                markersize=12,
                markeredgewidth=2,
                label=None if place else f"always {printable(run.majority)}",
            )
        axes.set_yticks(range(len(rows)), list(rows))
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("test accuracy with 95% interval, in per cent")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)

    return Drawing(
        name=f"{run.key}-accuracy",
        subject=run.name,
        title="Accuracy of each head",
        said="The table of accuracies has the numbers.",
        draw=draw,
        size=(WIDTH, 1.3 + 0.27 * len(rows)),
    )


def confusion_chart(run: JudgedRun, name: str, confusion: Confusion) -> Drawing:
    """Return a confusion matrix in per cent of each class, with the classes' sizes."""
    posts = confusion.sum(1, keepdims=True)
    shares = np.divide(100 * confusion, posts, out=np.zeros(confusion.shape), where=posts > 0)
    told = "; ".join(
        f"of {count} {label}, {share:.0f}% are answered rightly"
        for label, count, share in zip(run.classes, posts[:, 0], np.diag(shares), strict=True)
    )
    return Drawing(
        name=f"{run.key}-confusion-{name.replace(',', '').replace(' ', '-')}",
        subject=run.name,
        title=f"Confusion matrix, {name}",
        said=f"{told}.",
        draw=lambda figure: heat_map(
            figure,
            shares.tolist(),
            run.classes,
            run.classes,
            row_axis="label (test posts)",
            column_axis="answer",
            bar="per cent of the label's posts",
            posts=posts[:, 0].tolist(),
        ),
        size=heat_map_size(len(run.classes)),
    )


def heads_chart(run: JudgedRun) -> Drawing | None:
    """Return which share of posts a head gets right and another does not, for each pair."""
    shares = right_and_wrong(run)
    if shares is None:
        return None
    names = list(heads_in_words(run).values())
    return Drawing(
        name=f"{run.key}-heads",
        subject=run.name,
        title="What one head gets right and another does not",
        said="The table on the heads has the counts against the fullest head.",
        draw=lambda figure: heat_map(
            figure,
            shares,
            names,
            names,
            row_axis="right",
            column_axis="wrong",
            bar="per cent of the posts",
        ),
        size=heat_map_size(len(names)),
    )


def differences_chart(
    name: str, title: str, rows: Sequence[tuple[str, float, tuple[float, float]]]
) -> Drawing:
    """Return differences in points with their intervals."""

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure)
        axes.axvline(0, color=GREY, linewidth=1)
        for place, (_, difference, (low, high)) in enumerate(rows):
            axes.plot([low, high], [place, place], color=BLUE, linewidth=2)
            axes.plot(difference, place, "o", color=BLUE)
        axes.set_yticks(range(len(rows)), [row for row, *_ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("difference in accuracy, in points, with 95% interval")

    told = "; ".join(f"{row}: {difference:+.1f}" for row, difference, _ in rows)
    return Drawing(
        name=name,
        title=title,
        said=f"{told} points.",
        draw=draw,
        size=(WIDTH, 1.1 + 0.27 * len(rows)),
    )
