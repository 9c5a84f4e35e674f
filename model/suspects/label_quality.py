"""Confident learning: which labels the answers of networks contradict.

The method is that of Northcutt, Jiang and Chuang (2021): Confident Learning: Estimating Uncertainty
in Dataset Labels, JAIR 70, as the library cleanlab implements it. The votes on a post are a prior
of its label: five of five voters are harder to contradict than three of five. Before the posts are
judged, each probability is multiplied by the share of its class in the votes, of which half is
spread evenly over all classes, because voters err too.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.errors import ModelError

Chances = npt.NDArray[np.float64]

TRUST_IN_VOTES = 0.5
"""The weight of the votes in the prior; the rest is the same for all classes."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well labels fit, by post."""

    scores_N: Chances  # noqa: N815 (shapes in names)
    """From 0, wrong, to 1, right: half of one plus the margin of the label over the likeliest
    other class."""
    suggested_N: npt.NDArray[np.int64]  # noqa: N815
    """The number of the class that is likeliest from answers and votes."""
    suspected_N: npt.NDArray[np.bool_]  # noqa: N815
    """Whether confident learning takes the label for wrong."""


def check_library() -> None:
    """Raise ``ModelError`` if the library is not installed."""
    if find_spec("cleanlab") is None:
        raise ModelError("--suspects needs cleanlab: install it with `pip install 'cleanlab>=2.8'`")


def label_quality(
    labels_N: npt.NDArray[np.int64],
    chances_NC: Chances,
    shares_NC: Chances | None,
    trust: float = TRUST_IN_VOTES,
) -> Quality:
    """Judge labels by out-of-fold probabilities.

    ``shares_NC``: the distributions of the votes, NaN for a post without one; None if none has one.
    ``trust``: the weight of the votes in the prior. Every class needs a post with this label.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    judged_NC = chances_NC * prior_of_votes(shares_NC, chances_NC.shape, trust)
    judged_NC /= judged_NC.sum(1, keepdims=True)
    suspected_N = find_label_issues(
        labels_N, judged_NC, filter_by="prune_by_noise_rate", min_examples_per_class=0, n_jobs=1
    )
    return Quality(
        scores_N=get_label_quality_scores(labels_N, judged_NC, method="normalized_margin"),
        suggested_N=judged_NC.argmax(1),
        suspected_N=suspected_N,
    )


def prior_of_votes(
    shares_NC: Chances | None, shape: tuple[int, int], trust: float = TRUST_IN_VOTES
) -> Chances:
    """Return the prior of each post's classes, (N, C); without votes all classes are the same."""
    even_NC = np.full(shape, 1 / shape[1])
    if shares_NC is None:
        return even_NC
    voted_NC = np.where(np.isnan(shares_NC), even_NC, shares_NC)
    return trust * voted_NC + (1 - trust) * even_NC
