"""The curves of one run: of its training, of its probabilities, and of absent modalities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from flickr_emotion.common.modalities import COMPLETE, SUBSETS, subset_in_words
from flickr_emotion.common.presentation.drawing import (
    BLUE,
    GREEN,
    GREY,
    LINE,
    ORANGE,
    PLUM,
    WIDTH,
    Drawing,
    plain_axes,
)
from flickr_emotion.common.printing import printable
from flickr_emotion.model.evaluation.calibration import (
    BINS,
    UNCALIBRATED,
    Reliability,
    reliability,
)
from flickr_emotion.model.report.histories import Epochs
from flickr_emotion.model.report.judging import NO_ANSWER, JudgedRun

_LOSSES = (("train_loss", "training", ORANGE), ("validation_loss", "validation", BLUE))
_OF_HEADS = {"image": GREEN, "text": PLUM, "tags": ORANGE, COMPLETE: BLUE}
_OF_FILLINGS = dict(zip(("zeros", "mean", "nearest"), (ORANGE, PLUM, GREEN), strict=True))


def learning_charts(run: JudgedRun) -> list[Drawing]:
    """Return, of each network, its losses and its validation accuracies over the epochs."""
    return [
        drawing
        for subset, epochs in run.histories.items()
        for drawing in (_losses(run, subset, epochs), _accuracies(run, subset, epochs))
    ]


def _losses(run: JudgedRun, subset: str, epochs: Epochs) -> Drawing:
    first, last, best = epochs[0], epochs[-1], _best(epochs)

    def draw(figure: Figure) -> None:
        axes = _epoch_axes(figure, epochs)
        for (key, name, colour), what in zip(_LOSSES, run.losses, strict=True):
            axes.plot(
                [epoch["epoch"] for epoch in epochs],
                [epoch[key] for epoch in epochs],
                color=colour,
                label=f"{name} ({what})" if what else name,
                marker=_marker(epochs),
            )
        axes.set_ylabel("loss")
        _legend(axes, columns=1 if any(run.losses) else 2)

    return Drawing(
        name=f"{run.key}-losses" + (f"-{subset}" if subset else ""),
        subject=run.name,
        title=f"Losses{_of_network(subset)}",
        said=f"{len(epochs)} epochs; the training loss goes from {first['train_loss']:.3f} to "
        f"{last['train_loss']:.3f}, the validation loss from {first['validation_loss']:.3f} to "
        f"{last['validation_loss']:.3f}, and was lowest in epoch {best['epoch']:.0f}.",
        draw=draw,
    )


def _accuracies(run: JudgedRun, subset: str, epochs: Epochs) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = _epoch_axes(figure, epochs)
        for head in SUBSETS:
            known = [
                (epoch["epoch"], 100 * accuracy)
                for epoch in epochs
                if (accuracy := _accuracy(epoch, head)) is not None
            ]
            if known:
                named = head in _OF_HEADS or bool(subset)
                axes.plot(
                    *zip(*known, strict=True),
                    color=_OF_HEADS.get(head, GREY),
                    linewidth=2.2 if head == COMPLETE else 1.4 if named else 0.9,
                    label=subset_in_words(head) if named else None,
                    marker=_marker(epochs),
                )
        axes.set_ylabel("validation accuracy, %")
        _legend(axes, columns=4)

    return Drawing(
        name=f"{run.key}-validation" + (f"-{subset}" if subset else ""),
        subject=run.name,
        title=f"Validation accuracy{_of_network(subset)}, by head; in grey two modalities"
        if not subset
        else f"Validation accuracy{_of_network(subset)}",
        said="; ".join(
            f"{subset_in_words(head)}: {100 * accuracy:.1f}% in the last epoch"
            for head in SUBSETS
            if (accuracy := _accuracy(epochs[-1], head)) is not None
        ),
        draw=draw,
    )


def _of_network(subset: str) -> str:
    return f" of the network for {subset_in_words(subset)}" if subset else ""


def _best(epochs: Epochs) -> Mapping[str, Any]:
    return min(epochs, key=lambda epoch: float(epoch["validation_loss"]))


def _epoch_axes(figure: Figure, epochs: Epochs) -> Axes:
    axes = plain_axes(figure)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    best = _best(epochs)["epoch"]
    axes.axvline(best, color=GREY, linewidth=1, linestyle="--")
    axes.set_xlabel(f"epoch (dashed: lowest validation loss, epoch {best:.0f})")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def _marker(epochs: Epochs) -> str:
    return "o" if len(epochs) == 1 else ""


def _legend(axes: Axes, columns: int) -> None:
    """Put the legend above the axes, where it covers no line."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, columnspacing=1)


def _accuracy(epoch: Mapping[str, Any], subset: str) -> float | None:
    """Return a head's validation accuracy in an epoch; None if it is not known."""
    found = epoch.get("validation")
    found = found.get(subset) if isinstance(found, Mapping) else None
    found = found.get("accuracy") if isinstance(found, Mapping) else None
    return float(found) if isinstance(found, (int, float)) else None


def reliability_chart(run: JudgedRun) -> Drawing:
    """Return the reliability diagram of the answers that `predict` gives, before and after."""
    found = {}
    for name, by in (("before calibration", UNCALIBRATED), ("after calibration", run.calibration)):
        probabilities = run.own_probabilities(by)
        held = run.own_answers != NO_ANSWER
        found[name] = reliability(probabilities[held], run.labels_B[held])
    told = ", ".join(
        f"{100 * bins.error:.1f}% {name}" for name, bins in found.items() if bins.error is not None
    )

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
        above.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--")
        for (name, bins), colour in zip(found.items(), (ORANGE, BLUE), strict=True):
            _draw_bins(above, below, bins, name, colour)
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_xlim(0, 102)
        above.set_ylim(-3, 103)
        above.set_ylabel("right answers, %")
        _legend(above, columns=2)
        below.set_ylabel("posts")
        below.set_xlabel("probability of the answer, in per cent")

    return Drawing(
        name=f"{run.key}-reliability",
        subject=run.name,
        title="Reliability, each post by its own head",
        said=f"The expected calibration error is {told}.",
        draw=draw,
        size=(WIDTH, 4.4),
    )


def _draw_bins(above: Axes, below: Axes, bins: Reliability, name: str, colour: str) -> None:
    held = bins.counts > 0
    x, y = 100 * bins.confidences[held], 100 * bins.accuracies[held]
    above.plot(x, y, color=colour, linewidth=0.8, alpha=0.6)
    above.scatter(x, y, 12 + 120 * bins.counts[held] / bins.counts.sum(), color=colour)
    above.plot([], [], "o", color=colour, label=name)
    edges = np.linspace(0, 100, BINS + 1)
    below.stairs(bins.counts, edges, color=colour, linewidth=1.6)


def missing_chart(run: JudgedRun) -> Drawing:
    """Return the accuracy as modalities go missing, beside the complete head's, filled in."""
    curves = {"a head for each subset": run.missing["rates"]} | {
        name: curve["rates"] for name, curve in run.missing["filled"].items()
    }
    ours = run.missing["rates"]

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure)
        for name, rates in curves.items():
            own = name not in run.missing["filled"]
            axes.plot(
                [100 * rate["rate"] for rate in rates],
                [100 * rate["accuracy"]["mean"] for rate in rates],
                color=BLUE if own else _OF_FILLINGS.get(name, GREY),
                linewidth=2.2 if own else 1.4,
                linestyle="-" if own else "--",
                label=name if own else f"complete head, {name}",
            )
        always = float((run.labels_B == run.classes.index(run.majority)).mean())
        axes.axhline(100 * always, color=GREY, linewidth=1)
        axes.annotate(
            f"always {printable(run.majority)}",
            (90, 100 * always),
            xytext=(0, 4),
            ha="right",
            textcoords="offset points",
            fontsize="small",
        )
        axes.set_ylim(0, 100)
        axes.grid(color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_xlabel("probability that a modality is dropped, in per cent")
        axes.set_ylabel("accuracy, %")
        _legend(axes, columns=2)

    return Drawing(
        name=f"{run.key}-missing",
        subject=run.name,
        title="Accuracy as modalities go missing",
        said=f"The accuracy goes from {100 * ours[0]['accuracy']['mean']:.1f}% with nothing "
        f"dropped to {100 * ours[-1]['accuracy']['mean']:.1f}% where each modality is dropped with "
        f"a probability of {ours[-1]['rate']:.0%}.",
        draw=draw,
        size=(WIDTH, 3.6),
    )
