"""The options of ``build-splits``: what the rules of a data set leave open."""

import re
from dataclasses import dataclass, fields
from typing import Any

from flickr_emotion.datasets.errors import DatasetError

GROUPINGS = OWNER, NEAR_DUPLICATE = "owner", "near-duplicate"

_FOLD = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})", re.ASCII)


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
    """``keep`` or ``drop`` posts that lack a modality; None: drop for VSO, keep for others."""
    short_side: int = 256
    """Pixels; larger pictures are reduced to it."""
    group_by: tuple[str, ...] = ()
    """What keeps posts on one side of a split: ``owner``, ``near-duplicate``."""
    fold: str | None = None
    """``K/N``: the K-th of N cross-validation folds; None: the paper's 80/10/10."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that no post can keep to."""
        if self.min_words > self.max_words:
            raise DatasetError(f"--min-words {self.min_words} is more than --max-words")
        if self.incomplete not in (None, "keep", "drop"):
            raise DatasetError(f"--incomplete {self.incomplete!r}: give keep or drop")
        if self.short_side < 16:
            raise DatasetError(f"--short-side {self.short_side}: give at least 16 pixels")
        for grouping in self.group_by:
            if grouping not in GROUPINGS:
                raise DatasetError(f"--group-by {grouping!r}: give {' or '.join(GROUPINGS)}")
        if self.fold is not None:
            match = _FOLD.fullmatch(self.fold)
            if not match or int(match[1]) > int(match[2]) or int(match[2]) < 2:
                raise DatasetError(f"--fold {self.fold!r}: give K/N, such as 1/5 to 5/5")

    def check_language(self) -> None:
        """Refuse a language that is never detected: every text would be left out."""
        from flickr_emotion.datasets.rules.language import (
            known_languages,  # slow, and `--help` does not wait for it
        )

        if self.language not in known_languages():
            raise DatasetError(
                f"--language {self.language!r} is none that is detected: give one of "
                f"{', '.join(known_languages())}"
            )

    @property
    def fold_of(self) -> tuple[int, int] | None:
        """K and N of ``fold``."""
        if self.fold is None:
            return None
        fold, folds = self.fold.split("/")
        return int(fold), int(folds)

    def incomplete_posts(self, kind: str) -> str:
        """Return ``keep`` or ``drop`` for a list of this kind."""
        return self.incomplete or ("drop" if kind == "sentiment" else "keep")

    def under_manifest(self, fixed: dict[str, Any]) -> "BuildOptions":
        """Return a manifest's options; raises ``DatasetError`` where one was given that differs.

        ``fixed`` is what ``dataset.json`` recorded of the options when the manifest was made.
        """
        try:
            values: dict[str, Any] = {field.name: fixed[field.name] for field in fields(self)}
            options = BuildOptions(**values | {"group_by": tuple(values["group_by"])})
            options.check_language()
        except (KeyError, TypeError) as error:
            raise DatasetError(
                f"the harvest's manifest has no usable option {error}: it is of another version"
            ) from None
        except DatasetError as error:
            raise DatasetError(f"the harvest's manifest fixes what cannot be: {error}") from None
        for field in fields(self):
            given = getattr(self, field.name)
            if given not in (field.default, getattr(options, field.name)):
                raise DatasetError(
                    f"--{field.name.replace('_', '-')} {given}: the harvest was made from a "
                    f"manifest, which fixes it as {getattr(options, field.name)}: leave it out"
                )
        return options
