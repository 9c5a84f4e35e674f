"""The label rules: a list's votes or pairs give each photo one label, or the reason for none.

Votes (the paper, section 4.1: "we removed the examples in which strictly less than three workers
agreed for a particular label"): the emotion with the most agreeing votes, if they are at least
``min_votes`` and outnumber the disagreeing ones. Sentiment (VSO): the sign of the values of the
photo's adjective-noun pairs. Any other list gives labels, with votes or without them.
``docs/datasets.md`` explains the choices that the paper leaves open.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

POSITIVE, NEGATIVE = "positive", "negative"


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A photo's label and the evidence for it."""

    name: str
    votes: int | None = None
    """Agreeing votes for that label; None for VSO, and for a list without votes."""
    sentiment: float | None = None
    """VSO: mean of the values of the photo's pairs, from -2 to 2; otherwise None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoLabel:
    """Why a photo has no label."""

    reason: str
    """``votes``, ``tie``, ``conflict``, ``no-sentiment`` or ``no-label``."""


def label_by_votes(rows: Iterable[tuple[str, int, int]], *, min_votes: int) -> Label | NoLabel:
    """Return a photo's label from its rows (emotion, agree, disagree); repeated rows are summed."""
    agree: dict[str, int] = defaultdict(int)
    disagree: dict[str, int] = defaultdict(int)
    for emotion, agreeing, disagreeing in rows:
        agree[emotion] += agreeing
        disagree[emotion] += disagreeing
    most = max(agree.values(), default=0)
    leaders = [emotion for emotion, votes in agree.items() if votes == most]
    if most < min_votes or most == 0:
        return NoLabel(reason="votes")
    if len(leaders) > 1:
        return NoLabel(reason="tie")
    if disagree[leaders[0]] >= most:
        return NoLabel(reason="votes")
    return Label(name=leaders[0], votes=most)


def label_by_list(
    rows: Iterable[tuple[str | None, int | None, int | None]], *, min_votes: int
) -> Label | NoLabel:
    """Return a photo's label from its rows (label, agree, disagree) in a list of any kind.

    Where the list has votes, they decide. Otherwise the label is the one that all rows give.
    """
    labelled = [(label, agree, disagree) for label, agree, disagree in rows if label is not None]
    if voted := [(label, n, against or 0) for label, n, against in labelled if n is not None]:
        return label_by_votes(voted, min_votes=min_votes)
    labels = {label for label, _, _ in labelled}
    if len(labels) != 1:
        return NoLabel(reason="conflict" if labels else "no-label")
    return Label(name=labels.pop())


def label_by_sentiment(pairs: Iterable[str], sentiments: Mapping[str, float]) -> Label | NoLabel:
    """Return a photo's label from its adjective-noun pairs; pairs without a value do not count."""
    values = [sentiments[pair] for pair in sorted(set(pairs)) if sentiments.get(pair)]
    if not values:
        return NoLabel(reason="no-sentiment")
    signs = {value > 0 for value in values}
    if len(signs) > 1:
        return NoLabel(reason="conflict")
    return Label(name=POSITIVE if signs.pop() else NEGATIVE, sentiment=fmean(values))
