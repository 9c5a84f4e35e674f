"""Checks a ``metrics.json`` that was read: both splits and all subsets must have their figures.

A finished run is shown from this file, which others may have changed since.
"""

from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import JUDGED

_MOST_POSTS = 2**40
_FIGURES = ("accuracy", "macro_f1", "weighted_f1")
DISTANCES = ("kl_divergence", "chebyshev", "cosine")
"""Figures that only posts with a distribution of votes have."""


def check_metrics(content: dict[str, Any]) -> None:
    """Raise ``ValueError``, saying what is missing or wrong, if the metrics cannot be shown."""
    confusions = _object({"confusions": {}} | content, "confusions")
    for split in JUDGED:
        for subset in SUBSETS:
            figures = _object(_object(content, split), subset)
            place = f"{split}.{subset}"
            for name in _FIGURES:
                if not _is_figure(figures.get(name, ...), share=True):
                    raise ValueError(f"{place}.{name} is not a figure")
            for name in DISTANCES:
                if not _is_figure(figures.get(name)):
                    raise ValueError(f"{place}.{name} is not a figure")
            if not _is_count(figures.get("count")):
                raise ValueError(f"{place}.count is not a count")
            if not _is_confusion(_object({split: {}} | confusions, split).get(subset, [])):
                raise ValueError(f"confusions.{place} is not a matrix of counts")
    _object({"calibration": {}} | content, "calibration")
    for name in ("validation_loss", "best_epoch"):
        if not _is_figure(content.get(name)):
            raise ValueError(f"{name} is not a figure")


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _is_figure(value: Any, *, share: bool = False) -> bool:
    """Whether it is a number, null (no posts), or the mean and deviation of several."""
    if isinstance(value, dict):
        return _is_number(value.get("mean", ...), share=share) and _is_number(value.get("std", ...))
    return _is_number(value, share=share)


def _is_number(value: Any, *, share: bool = False) -> bool:
    known = value is None or type(value) in (int, float)
    return known and (value is None or not share or 0 <= value <= 1)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST_POSTS


def _is_confusion(matrix: Any) -> bool:
    """Whether it is a matrix of counts; runs of earlier versions may have none."""
    return isinstance(matrix, list) and all(
        isinstance(row, list) and all(map(_is_count, row)) for row in matrix
    )
