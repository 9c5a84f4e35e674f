"""Metrics and answers as tables for people."""

from typing import Any

from datasets.modalities import SUBSETS


def metrics_table(figures: dict[str, Any]) -> str:
    """Return a split's figures of all seven subsets, in per cent; repeats as mean and deviation."""
    lines = [f"{'subset':<16}{'accuracy':>12}{'macro F1':>12}{'weighted F1':>13}{'posts':>8}"]
    for subset in SUBSETS:
        row = figures[subset]
        lines.append(
            f"{subset:<16}{_percent(row['accuracy']):>12}{_percent(row['macro_f1']):>12}"
            f"{_percent(row['weighted_f1']):>13}{row['count']:>8}"
        )
    return "\n".join(lines)


def prediction_table(answer: dict[str, Any]) -> str:
    """Return an answer with its classes, the most probable first."""
    ranked = sorted(answer["probabilities"].items(), key=lambda item: -item[1])
    rows = [f"{label:<14}{100 * probability:>6.1f} %" for label, probability in ranked]
    return "\n".join([f"{answer['label']} (from {answer['subset']})", *rows])


def _percent(value: float | dict[str, Any] | None) -> str:
    if isinstance(value, dict):
        mean = value["mean"]
        return "-" if mean is None else f"{100 * mean:.2f}±{100 * value['std']:.2f}"
    return "-" if value is None else f"{100 * value:.2f}"
