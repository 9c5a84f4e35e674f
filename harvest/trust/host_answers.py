"""Whether a host refuses more pictures than chance explains: its last answers, and the rule.

Lists are full of dead photos, so a refusal says nothing of the host, and neither do ten in a row of
a list where most are dead. What counts is how unlikely the last answers are, by the binomial
distribution, given the share of dead pictures that the harvest has seen before them.
"""

from collections import deque
from math import comb

_WINDOW = 30
_FEWEST = 12
# So unlikely among as many dead pictures as this harvest has: it costs next to no false alarm.
_UNLIKELY = 1e-6
# What is believed of a list before anything is seen: 30% of 20 photos are dead.
_PRIOR, _PRIOR_SHARE = 20.0, 0.3
# A run of dead photos is expected to go on for so many answers more, each further run for longer.
_WIDENED = 200
_MOST_DOUBLINGS = 10


class HostAnswers:
    """The last answers of one host; not for several threads at once."""

    def __init__(self, dead_before: float, answers_before: float) -> None:
        """Begin with the pictures that earlier crawls have settled, the dead ones and all."""
        self._dead = dead_before
        self._answers = answers_before
        """Those of this crawl that have left the window count too."""
        self._window: deque[tuple[str, bool]] = deque(maxlen=_WINDOW)
        """The last answers: photo, and whether it was refused."""
        self._widened = 0.0
        """The share of dead pictures in a run, expected for ``_widened_for`` answers."""
        self._widened_for = 0
        self._runs = 0

    def add(self, photo_id: str, *, refused: bool) -> None:
        """Take in the next answer."""
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
        """The photos that the last answers refused, the latest last."""
        return [photo_id for photo_id, refused in self._window if refused]

    @property
    def expected(self) -> float:
        """The share of dead pictures that earlier answers, or a known run, let expect."""
        share = (self._dead + _PRIOR * _PRIOR_SHARE) / (self._answers + _PRIOR)
        return max(share, self._widened) if self._widened_for else share

    def are_unlikely(self) -> bool:
        """Whether there are far more refusals among the last answers than expected."""
        answers = len(self._window)
        return answers >= _FEWEST and tail(answers, len(self.refused), self.expected) < _UNLIKELY

    def expect_run(self) -> None:
        """Expect as many refusals as there are among the last answers: the photos are dead."""
        self._widened = len(self.refused) / len(self._window)
        self._widened_for = _WIDENED * 2 ** min(self._runs, _MOST_DOUBLINGS)
        self._runs += 1

    @property
    def in_known_run(self) -> bool:
        """Whether a run of dead photos is expected to go on."""
        return self._widened_for > 0

    def clear(self) -> None:
        """Forget the last answers: they were not worth anything."""
        self._window.clear()


def tail(answers: int, refused: int, share: float) -> float:
    """Return how likely as many refusals or more are where each answer is one with ``share``."""
    share = min(max(share, 0.0), 1.0)
    return sum(
        comb(answers, count) * share**count * (1 - share) ** (answers - count)
        for count in range(refused, answers + 1)
    )
