"""How far a network's probabilities are from the distribution of the votes on a post.

Three measures of label distribution learning (Geng, 2016: Label Distribution Learning, IEEE TKDE
28(7), table 1), each a mean over the posts whose distribution is known. With d the distribution and
p the probabilities of a post over the classes:

- Kullback-Leibler divergence: the sum of d log(d / p), in nats; 0 if they are equal;
- Chebyshev distance: the largest |d - p|; 0 if they are equal;
- cosine: the sum of d p, divided by the lengths of d and p; 1 if they are equal.

The probabilities are the network's own, before calibration. A network trained on labels learns to
be surer than the voters were, which these measures show and accuracy does not.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, rel_entr

from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.metrics import KNOWN
from flickr_emotion.model.runs.metrics_file import DISTANCES

Numbers = npt.NDArray[np.floating[Any]]


def distances(answers: HeadAnswers) -> dict[str, Any]:
    """Return the three measures and the number of posts; nothing if no distribution is known."""
    if answers.shares_NC is None:
        return {}
    known_N = ~np.isnan(answers.shares_NC).any(1)
    if not known_N.any():
        return {}
    shares_NC = answers.shares_NC[known_N].astype(np.float64)
    logs_NC = log_softmax(answers.logits_NC[known_N].astype(np.float64), axis=1)
    return {**mean_distances(shares_NC, logs_NC), KNOWN: int(known_N.sum())}


def mean_distances(shares_NC: Numbers, logs_NC: Numbers) -> dict[str, float]:
    """Return the measures of distributions and of the logarithms of probabilities, both (N, C)."""
    chances_NC = np.exp(logs_NC)
    # In logarithms, because a probability may be too small for a number: d log d - d log p.
    entropies_N = rel_entr(shares_NC, 1.0).sum(1)
    # Never below zero but for rounding, which would be shown as -0.000.
    divergences_N = np.maximum(entropies_N - (shares_NC * logs_NC).sum(1), 0)
    lengths_N = np.linalg.norm(shares_NC, axis=1) * np.linalg.norm(chances_NC, axis=1)
    found = (
        divergences_N,
        np.abs(shares_NC - chances_NC).max(1),
        (shares_NC * chances_NC).sum(1) / lengths_N,
    )
    return {name: float(of_N.mean()) for name, of_N in zip(DISTANCES, found, strict=True)}
