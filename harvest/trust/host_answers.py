"""Detect whether a host refuses more pictures than chance explains, from its last answers.

Lists are full of dead photos, so a single refusal says nothing about the host, nor do ten in a row
in a list where most photos are dead. What counts is how unlikely the last answers are, by the
binomial distribution, given the share of dead pictures that the harvest saw before them.
"""

from collections import deque
from math import comb

_WINDOW = 30
_FEWEST = 12
# The largest probability that raises an alarm; so small that false alarms are very rare.
_UNLIKELY = 1e-6
# The prior for a list before any answer: 30% of 20 photos are dead.
_PRIOR, _PRIOR_SHARE = 20.0, 0.3
# A run of dead photos is expected to go on for this many answers, each further run twice as long.
_WIDENED = 200
_MOST_DOUBLINGS = 10


class HostAnswers:
    """The last answers of one host; not safe for several threads at once."""

    def __init__(self, dead_before: float, answers_before: float) -> None:
        """Start with the number of dead and of all pictures that earlier crawls settled."""
        self._dead = dead_before
        self._answers = answers_before
        """Includes answers of this crawl that have left the window."""
        self._window: deque[tuple[str, bool]] = deque(maxlen=_WINDOW)
        """The last answers: photo id, and whether its picture was refused."""
        self._widened = 0.0
        """The share of dead pictures in a run, expected for ``_widened_for`` more answers."""
        self._widened_for = 0
        self._runs = 0

    def add(self, photo_id: str, *, refused: bool) -> None:
        """Add the next answer."""
        if len(self._window) == _WINDOW:
            self._answers += 1
            self._dead += self._window[0][1]
        self._window.append((photo_id, refused))
        self._widened_for = max(self._widened_for - 1, 0)

    def __len__(self) -> int:
        """Return the number of the last answers."""
        return len(self._window)

    @property
    def refused(self) -> list[str]:
        """The photos whose pictures were refused in the last answers, the latest last."""
        return [photo_id for photo_id, refused in self._window if refused]

    @property
    def expected(self) -> float:
        """The expected share of dead pictures, from earlier answers or from a known run."""
        share = (self._dead + _PRIOR * _PRIOR_SHARE) / (self._answers + _PRIOR)
        return max(share, self._widened) if self._widened_for else share

    def are_unlikely(self) -> bool:
        """Whether there are far more refusals among the last answers than expected."""
        answers = len(self._window)
        return answers >= _FEWEST and tail(answers, len(self.refused), self.expected) < _UNLIKELY

    def expect_run(self) -> None:
        """Expect the current share of refusals to go on, because the photos are dead."""
        self._widened = len(self.refused) / len(self._window)
        self._widened_for = _WIDENED * 2 ** min(self._runs, _MOST_DOUBLINGS)
        self._runs += 1

    @property
    def in_known_run(self) -> bool:
        """Whether a run of dead photos is expected to go on."""
        return self._widened_for > 0

    def clear(self) -> None:
        """Forget the last answers, because they were wrong."""
        self._window.clear()


def tail(answers: int, refused: int, share: float) -> float:
    """Return the probability of at least ``refused`` refusals if each has probability ``share``."""
    share = min(max(share, 0.0), 1.0)
    return sum(
        comb(answers, count) * share**count * (1 - share) ** (answers - count)
        for count in range(refused, answers + 1)
    )
