"""Posts as a user gives them, and what a network answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RawPost:
    """A post as a user gives it; absent modalities are None."""

    name: str
    """The name of the post in error messages."""
    image: bytes | Path | None = None
    text: str | None = None
    tags: Sequence[str] | None = None
    is_clean: bool = False
    """Whether text and tags are already those of a data set, without markup and normalised."""


@dataclass(frozen=True, kw_only=True)
class HeadOpinion:
    """One head's answer to a post."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one post."""

    subset: str
    """The subset of the head that gave the answer."""
    label: str
    probabilities: dict[str, float]
    heads: dict[str, HeadOpinion]
    """By subset, the answers of all heads that can answer the post."""
    warning: str | None = None
    """What of the post could not be read, so that the answer is from the rest."""

    def content(self, *, explain: bool) -> dict[str, Any]:
        """Return the answer as JSON content; ``heads`` only with ``explain``."""
        content = asdict(self)
        left_out = [*([] if explain else ["heads"]), *([] if self.warning else ["warning"])]
        return {name: value for name, value in content.items() if name not in left_out}
