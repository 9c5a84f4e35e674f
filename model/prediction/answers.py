"""Posts as a user gives them, and what a network answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RawPost:
    """A post as a user gives it: None where a modality is absent."""

    name: str
    """What errors call it."""
    image: bytes | Path | None = None
    text: str | None = None
    tags: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class HeadOpinion:
    """What one head says of a post."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one post."""

    subset: str
    """The head that it comes from."""
    label: str
    probabilities: dict[str, float]
    heads: dict[str, HeadOpinion]
    """By subset: what each head says that can answer the post."""

    def content(self, *, explain: bool) -> dict[str, Any]:
        """Return the answer as JSON holds it; what each head says only where it is asked for."""
        content = asdict(self)
        return content if explain else {n: v for n, v in content.items() if n != "heads"}
