"""The options of ``build-splits``: what the rules of a data set leave open."""

from dataclasses import dataclass

from datasets.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The rules of a data set; recorded in its ``dataset.json``."""

    min_votes: int = 3
    """Agreeing votes that a label needs."""
    eval_votes: int = 5
    """Agreeing votes that a post of validation or test needs."""
    min_words: int = 5
    max_words: int = 150
    language: str = "en"
    min_count: int = 5
    """Words and tags seen fewer times in training are ``<UNK>``."""
    incomplete: str | None = None
    """``keep`` or ``drop`` posts that lack a modality; None: keep for votes, drop for VSO."""
    short_side: int = 256
    """Pixels; larger pictures are reduced to it."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that no post can keep to."""
        if self.min_words > self.max_words:
            raise DatasetError(f"--min-words {self.min_words} is more than --max-words")
        if self.incomplete not in (None, "keep", "drop"):
            raise DatasetError(f"--incomplete {self.incomplete!r}: give keep or drop")
        if self.short_side < 16:
            raise DatasetError(f"--short-side {self.short_side}: give at least 16 pixels")

    def incomplete_posts(self, kind: str) -> str:
        """Return ``keep`` or ``drop`` for a list of this kind."""
        return self.incomplete or ("keep" if kind == "votes" else "drop")
