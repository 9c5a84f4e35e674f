"""Calibration: how far probabilities can be trusted, and a temperature that corrects them.

A network trained on cross-entropy is overconfident. Dividing a head's logits by one number, fitted
on posts it was not trained on, corrects most of that and changes no label (Guo et al. 2017, section
4.2). The temperatures are in ``calibration.json`` of the run folder.

Shapes in names: N posts, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.printing import say
from flickr_emotion.common.replacing import standing
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.metrics import spread
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CALIBRATION

if TYPE_CHECKING:
    from flickr_emotion.model.evaluation.answering import HeadAnswers

Numbers = npt.NDArray[np.floating[Any]]

BINS = 15
"""The number of bins, of equal width, as in Guo et al. 2017 (section 2)."""

# With fewer posts a temperature would reflect chance more than the network.
LEAST_POSTS = 50
# If all answers are right, the best temperature is 0, and if none is, infinite: hence limits.
_RANGE = (0.1, 10.0)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperatures: a run's logits are divided by them before the softmax."""

    temperatures: dict[str, float]
    """By subset; 1 if there were too few validation posts."""
    posts: dict[str, int]
    """By subset, the number of validation posts that the temperature was or would be fitted on."""

    def probabilities(self, subset: str, logits_NC: Numbers) -> Numbers:
        """Return the calibrated probabilities of a head's logits, (N, C)."""
        return probabilities(logits_NC, self.temperatures.get(subset, 1.0))

    def content(self) -> dict[str, Any]:
        """Return the content of ``calibration.json``."""
        return asdict(self) | {"least_posts": LEAST_POSTS}


UNCALIBRATED = Calibration(temperatures={}, posts={})


def calibrate(
    validation: "Mapping[str, HeadAnswers]", *, by_distribution: bool = False
) -> Calibration:
    """Fit a temperature for each head on its answers to the validation posts.

    ``by_distribution``: to the posts' distributions, where they have one, and not to their labels.
    """
    temperatures, few = {}, []
    for subset, head in validation.items():
        if len(head.labels_N) >= LEAST_POSTS:
            shares_NC = head.shares_NC if by_distribution else None
            temperatures[subset] = fitted_temperature(head.logits_NC, head.labels_N, shares_NC)
        else:
            temperatures[subset] = 1.0
            if len(head.labels_N):  # else there is no such head, or no post holds the subset
                few.append(f"{subset} ({len(head.labels_N)})")
    if few:
        say(
            f"probabilities are not calibrated for subsets held by fewer than {LEAST_POSTS} "
            f"validation posts: {', '.join(few)}"
        )
    return Calibration(
        temperatures=temperatures,
        posts={subset: len(head.labels_N) for subset, head in validation.items()},
    )


def read_calibration(run: Path) -> Calibration:
    """Read a run's temperatures; if there are none, say so and return ``UNCALIBRATED``."""
    run = standing(run)
    path = run / CALIBRATION
    try:
        content = read_json(path)
        temperatures = {str(s): float(t) for s, t in content["temperatures"].items()}
        posts = {str(subset): int(count) for subset, count in content["posts"].items()}
    except FileNotFoundError:
        say(f"{run} has no {CALIBRATION}: its probabilities are not calibrated")
        return UNCALIBRATED
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read ({error!r}): train again") from None
    if wrong := [t for t in temperatures.values() if not 0 < t < math.inf]:
        raise ModelError(f"{path} has the invalid temperature {wrong[0]}: train again")
    check_file(run, CALIBRATION)
    return Calibration(temperatures=temperatures, posts=posts)


def probabilities(logits_NC: Numbers, temperature: float) -> Numbers:
    """Return the softmax of logits divided by a temperature."""
    return np.exp(_log_softmax(logits_NC.astype(np.float64) / temperature))


def _log_softmax(logits_NC: Numbers) -> Numbers:
    shifted_NC = logits_NC - logits_NC.max(1, keepdims=True)
    result: Numbers = shifted_NC - np.log(np.exp(shifted_NC).sum(1, keepdims=True))
    return result


def fitted_temperature(
    logits_NC: Numbers, labels_N: Integers, shares_NC: Numbers | None = None
) -> float:
    """Return the temperature, from 0.1 to 10, with the lowest cross-entropy.

    It is to the labels, or to distributions; a row of NaN in ``shares_NC`` stands for the label.

    The cross-entropy is convex in the temperature's inverse, so there is one minimum.
    """
    from scipy.optimize import minimize_scalar  # takes longer to import than `predict` to answer

    wide_NC = logits_NC.astype(np.float64)
    rows = np.arange(len(labels_N))
    targets_NC = None
    if shares_NC is not None:
        of_labels_NC = np.eye(wide_NC.shape[1])[labels_N]
        targets_NC = np.where(np.isnan(shares_NC), of_labels_NC, shares_NC)

    def cross_entropy(log_temperature: float) -> float:
        logs_NC = _log_softmax(wide_NC / math.exp(log_temperature))
        if targets_NC is None:
            return -float(logs_NC[rows, labels_N].mean())
        return -float((targets_NC * logs_NC).sum(1).mean())

    found = minimize_scalar(
        cross_entropy,
        bounds=(math.log(_RANGE[0]), math.log(_RANGE[1])),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return math.exp(float(found.x))


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Answers by their probability, in bins of equal width (Guo et al. 2017, section 2)."""

    counts: Integers
    """The number of posts of each bin, (``BINS``,)."""
    confidences: Numbers
    """The mean probability of the answers of each bin; NaN for an empty one."""
    accuracies: Numbers
    """The share of right answers of each bin; NaN for an empty one."""

    @property
    def error(self) -> float | None:
        """The expected calibration error (equation 3): the mean gap between both; None if empty."""
        if not self.counts.sum():
            return None
        held = self.counts > 0
        gaps = np.abs(self.accuracies - self.confidences)[held]
        return float((gaps * self.counts[held]).sum() / self.counts.sum())


def reliability(probabilities_NC: Numbers, labels_N: Integers) -> Reliability:
    """Put posts into 15 bins of equal width by the probability of their answer."""
    confidences_N = probabilities_NC.max(1)
    right_N = probabilities_NC.argmax(1) == labels_N
    # Bins include their upper end: (m - 1) / 15 < confidence <= m / 15.
    bins_N = np.clip(np.ceil(confidences_N * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(bins_N, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            counts=counts,
            confidences=np.bincount(bins_N, weights=confidences_N, minlength=BINS) / counts,
            accuracies=np.bincount(bins_N, weights=right_N, minlength=BINS) / counts,
        )


def expected_calibration_error(probabilities_NC: Numbers, labels_N: Integers) -> float | None:
    """Return the expected calibration error (``Reliability.error``); None without posts."""
    return reliability(probabilities_NC, labels_N).error if len(labels_N) else None


def calibration_errors(
    answers: "Mapping[str, HeadAnswers]", calibration: Calibration
) -> dict[str, dict[str, float | None]]:
    """Return, by subset, the expected calibration error ``before`` and ``after``."""
    return {
        subset: {
            name: expected_calibration_error(
                by.probabilities(subset, head.logits_NC), head.labels_N
            )
            for name, by in (("before", UNCALIBRATED), ("after", calibration))
        }
        for subset, head in answers.items()
    }


def calibration_over_repeats(repeats: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ``calibration`` of several runs' metrics, each number with mean and deviation."""

    def summed_up(values: list[Any]) -> Any:
        if isinstance(values[0], dict):
            return {name: summed_up([value[name] for value in values]) for name in values[0]}
        return spread(values)

    summary: dict[str, Any] = summed_up(repeats)
    return summary
