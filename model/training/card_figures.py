"""The figures of a run on its card: tables for people, and the Hub's ``model-index``.

All come from ``metrics.json``. Intervals are over the test posts: Wilson's of the accuracy, and a
bootstrap's of the weighted F1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import markdown_cell
from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.folder.card_markup import markdown_table, yaml_text
from flickr_emotion.model.evaluation.metrics import (
    FIGURES,
    KNOWN,
    accuracy_interval,
    weighted_f1_interval,
)
from flickr_emotion.model.evaluation.report import no_better, percent, plain
from flickr_emotion.model.runs.metrics_file import DISTANCES

Metrics = Mapping[str, Any]

_HUB_METRICS = {"accuracy": "accuracy", "macro_f1": "f1", "weighted_f1": "f1"}


def mean_of(figure: float | Mapping[str, Any] | None) -> float | None:
    """Return a figure, of several repeats its mean; None if it is not known."""
    if isinstance(figure, Mapping):
        mean: float | None = figure["mean"]
        return mean
    return figure


def figures_of(metrics: Metrics) -> str:
    """Return the table of the test posts, and which heads are no better than a constant answer."""
    rows = []
    for subset in SUBSETS:
        found, majority = metrics[TEST][subset], metrics["majority"][TEST][subset]
        rows.append(
            [
                *(subset, str(found["count"]), *_with_intervals(metrics, subset)),
                *(percent(found["macro_f1"]), percent(majority["accuracy"])),
                percent(majority["weighted_f1"]),
            ]
        )
    head = ["subset", "posts", "accuracy (95%)", "weighted F1 (95%)", "macro F1"]
    head += ["majority, accuracy", "majority, weighted F1"]
    told = no_better(metrics[TEST], metrics["confusions"][TEST])
    return markdown_table(head, rows) + "".join(f"\n- {markdown_cell(line)}" for line in told)


def _with_intervals(metrics: Metrics, subset: str) -> list[str]:
    found, count = metrics[TEST][subset], metrics[TEST][subset]["count"]
    accuracy = mean_of(found["accuracy"])
    if accuracy is None:
        return ["-", "-"]
    confusion = np.array(metrics["confusions"][TEST][subset], dtype=np.int64)
    ends = accuracy_interval(round(accuracy * count), count), weighted_f1_interval(confusion, count)
    values = found["accuracy"], found["weighted_f1"]
    return [
        f"{percent(value)} ({percent(low)} to {percent(high)})"
        for value, (low, high) in zip(values, ends, strict=True)
    ]


def distances_of(metrics: Metrics) -> str:
    """Return the table of the distances from the votes; empty if no distribution is known."""
    rows = [
        [subset, str(found[KNOWN]), *(plain(found[name]) for name in DISTANCES)]
        for subset, found in metrics[TEST].items()
        if KNOWN in found
    ]
    if not rows:
        return ""
    return (
        "\n\nHow far the probabilities, before calibration, are from the votes' distribution: "
        "Kullback-Leibler divergence in nats and Chebyshev distance (0 is best), cosine (1 is "
        "best).\n\n"
    ) + markdown_table(["subset", "posts with votes", "KL", "Chebyshev", "cosine"], rows)


def calibration_of(metrics: Metrics) -> str:
    """Return the table of temperatures and expected calibration errors."""
    calibration = metrics["calibration"]
    rows = []
    for subset in SUBSETS:
        errors = calibration[TEST][subset]
        temperature = mean_of(calibration["temperatures"].get(subset))
        rows.append(
            [
                *(subset, "-" if temperature is None else f"{temperature:.3f}"),
                *(percent(errors["before"]), percent(errors["after"])),
            ]
        )
    return markdown_table(["subset", "temperature", "ECE before", "ECE after"], rows)


def model_index(metrics: Metrics, name: str, dataset: str, digest: str) -> str:
    """Return the figures of the test posts as the Hub reads them, in YAML; empty without posts."""
    lines = []
    for subset in SUBSETS:
        for figure in FIGURES:
            value = mean_of(metrics[TEST][subset][figure])
            if value is not None:
                # YAML takes a number with an exponent and no point for a text.
                lines += [
                    f"    - type: {_HUB_METRICS[figure]}",
                    f"      value: {np.format_float_positional(value, trim='0')}",
                    f"      name: {figure} of {subset}",
                ]
    if not lines:
        return ""
    head = [
        *("model-index:", f"- name: {yaml_text(name)}", "  results:"),
        *("  - task:", "      type: image-classification", "    dataset:"),
        *("      type: flickr-emotion", f"      name: {yaml_text(dataset)}"),
        *(f"      split: {TEST}", f"      revision: {yaml_text(digest)}", "    metrics:"),
    ]
    return "".join(f"{line}\n" for line in head + lines)
