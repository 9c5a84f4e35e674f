"""Which head answers a post: the rule for all commands, and what a run records for it.

A head that no training post has taught holds random weights, so it is no head. A post is answered
by the largest head that it has the modalities for; of equally large ones by the one with the
highest validation accuracy. Prediction, the robustness curve and exports all use this rule
(``answering_subset`` of ``common/modalities.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import say
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.posts.posts import Posts

TRAINING_POSTS = "training_posts"
"""The entry of ``config.json`` that says how many training posts hold each subset."""


def ranked(heads: Iterable[str], accuracies: Mapping[str, float | None]) -> tuple[str, ...]:
    """Return heads in the order of preference, the best last.

    ``accuracies``: on the validation posts; a head without one comes before equally large heads.
    """

    def preference(subset: str) -> tuple[int, float, int]:
        accuracy = accuracies.get(subset)
        known = -1.0 if accuracy is None else accuracy
        return subset.count("+"), known, SUBSETS.index(subset)

    return tuple(sorted(heads, key=preference))


def validation_accuracies(metrics: Mapping[str, Any] | None) -> dict[str, float | None]:
    """Return each head's accuracy on the validation posts; with several seeds their mean."""
    if metrics is None:
        return {}
    found = {subset: metrics["validation"][subset]["accuracy"] for subset in SUBSETS}
    return {s: own["mean"] if isinstance(own, dict) else own for s, own in found.items()}


def count_training_posts(posts: Posts) -> dict[str, int]:
    """Return how many posts hold each subset, whatever else they hold."""
    return {subset: int(posts.holding(subset).sum()) for subset in SUBSETS}


def recorded_training_posts(content: Mapping[str, Any], path: Path) -> dict[str, int] | None:
    """Return how many training posts held each subset, from a run's ``config.json``.

    Runs of earlier versions do not record it. Their data set says it, if it is where it was; else
    the result is None, and the user is told. Raises ``ModelError`` for a damaged entry.
    """
    counts = content.get(TRAINING_POSTS)
    if counts is None:
        counts = _counts_of_dataset(content["dataset"])
        if counts is None:
            say(
                f"{path.parent} does not record which heads its training posts have taught, and "
                "its data set is no longer there: all its heads answer, also untrained ones; "
                "train again to be sure"
            )
        return counts
    if not isinstance(counts, dict) or any(type(counts.get(s)) is not int for s in SUBSETS):
        raise ModelError(f"{path}: {TRAINING_POSTS!r} has no count for each subset: train again")
    return counts


def _counts_of_dataset(origin: Mapping[str, Any]) -> dict[str, int] | None:
    try:
        dataset = open_dataset(Path(origin["folder"]))
    except (DatasetError, OSError):
        return None
    if dataset.digest != origin["digest"]:
        return None
    exactly: dict[str, int] = dataset.counts["train"]["subsets"]
    return {
        subset: sum(
            count for held, count in exactly.items() if {*subset.split("+")} <= {*held.split("+")}
        )
        for subset in SUBSETS
    }


def say_heads(where: object, heads: Sequence[str], built_for: Sequence[str]) -> None:
    """Say which heads there are, unless all of the network's are."""
    if missing := [subset for subset in built_for if subset not in heads]:
        say(
            f"{where} has heads for {', '.join(s for s in SUBSETS if s in heads)}, and none for "
            f"{', '.join(missing)}, which no training post holds: a post is answered by the "
            "largest head that it has the modalities for"
        )
