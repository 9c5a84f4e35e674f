"""Checks a ``metrics.json`` that was read: both splits and all subsets must have their figures.

A finished run is shown from this file, which others may have changed since.
"""

from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import JUDGED

_FIGURES = ("accuracy", "macro_f1", "weighted_f1")


def check_metrics(content: dict[str, Any]) -> None:
    """Raise ``ValueError``, saying what is missing or wrong, if the metrics cannot be shown."""
    for split in JUDGED:
        for subset in SUBSETS:
            figures = _object(_object(content, split), subset)
            place = f"{split}.{subset}"
            for name in _FIGURES:
                if not _is_figure(figures.get(name, ...)):
                    raise ValueError(f"{place}.{name} is not a figure")
            if type(figures.get("count")) is not int:
                raise ValueError(f"{place}.count is not a count")
    for name in ("confusions", "calibration"):
        _object({name: {}} | content, name)
    for name in ("validation_loss", "best_epoch"):
        if not _is_figure(content.get(name)):
            raise ValueError(f"{name} is not a figure")


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _is_figure(value: Any) -> bool:
    """Whether it is a number, null (no posts), or the mean and deviation of several."""
    if isinstance(value, dict):
        return all(_is_number(value.get(name, ...)) for name in ("mean", "std"))
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return value is None or type(value) in (int, float)
