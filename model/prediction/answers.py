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

    def content(self, *, explain: bool) -> dict[str, Any]:
        """Return the answer as JSON content; ``heads`` only with ``explain``."""
        content = asdict(self)
        return content if explain else {n: v for n, v in content.items() if n != "heads"}
