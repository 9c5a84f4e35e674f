"""The options of ``build-splits``."""

import re
from dataclasses import dataclass, fields
from typing import Any

from flickr_emotion.common.options import check_options, option
from flickr_emotion.datasets.errors import DatasetError

GROUPINGS = OWNER, NEAR_DUPLICATE = "owner", "near-duplicate"

_FOLD = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """Thresholds and choices of a build; recorded in ``dataset.json``."""

    min_votes: int = option(3, minimum=1, help="Agreeing votes that a label needs.")
    eval_votes: int = option(
        5, minimum=1, help="Agreeing votes that a validation or test post needs."
    )
    min_words: int = option(5, minimum=1, help="Smallest number of words in a text.")
    max_words: int = option(150, minimum=1, help="Largest number of words in a text.")
    language: str = option("en", metavar="CODE", help="Language of the texts, an ISO 639-1 code.")
    min_count: int = option(
        5, minimum=1, help="Words and tags rarer than this in training become <UNK>."
    )
    incomplete: str | None = option(
        None,
        choices=("keep", "drop"),
        default_help="drop for VSO, else keep",
        help="Keep or drop posts that lack a modality.",
    )
    short_side: int = option(
        256, minimum=16, help="Pixels of the shorter side to which larger pictures are reduced."
    )
    group_by: tuple[str, ...] = option(
        (),
        choices=GROUPINGS,
        help="Keep posts of one owner, or near-duplicates, or both on one side of the split.",
    )
    fold: str | None = option(
        None,
        metavar="K/N",
        default_help="the paper's 80/10/10",
        help="Write the K-th of N cross-validation folds.",
    )
    seed: int = option(0, minimum=0, help="Random seed of the split.")

    def __post_init__(self) -> None:
        """Raise ``DatasetError`` for values that are out of bounds or contradict each other."""
        check_options(self, DatasetError)
        if self.min_words > self.max_words:
            raise DatasetError(
                f"--min-words {self.min_words} is more than --max-words {self.max_words}: "
                "give at most as many"
            )
        if self.fold is not None:
            match = _FOLD.fullmatch(self.fold)
            if not match or int(match[1]) > int(match[2]) or int(match[2]) < 2:
                raise DatasetError(f"--fold {self.fold!r}: give K/N, such as 1/5 to 5/5")
        if self.language != "en":
            # Imported late because it is slow, and `--help` must be fast.
            from flickr_emotion.datasets.rules.language import check_language

            check_language(self.language)

    @property
    def fold_of(self) -> tuple[int, int] | None:
        """K and N of ``fold``; None without it."""
        if self.fold is None:
            return None
        fold, folds = self.fold.split("/")
        return int(fold), int(folds)

    def incomplete_posts(self, kind: str) -> str:
        """Return ``keep`` or ``drop`` for a list of this kind."""
        return self.incomplete or ("drop" if kind == "sentiment" else "keep")

    def under_manifest(self, fixed: dict[str, Any]) -> "BuildOptions":
        """Return the options that a manifest fixes; ``fixed`` comes from its metadata.

        Raises ``DatasetError`` if the user gave an option a different value, or if the manifest's
        options cannot be used.
        """
        try:
            values: dict[str, Any] = {field.name: fixed[field.name] for field in fields(self)}
            options = BuildOptions(**values | {"group_by": tuple(values["group_by"])})
        except (KeyError, TypeError) as error:
            raise DatasetError(
                f"the harvest's manifest has no usable option {error}: it was made by another "
                "version; export it again"
            ) from None
        except DatasetError as error:
            raise DatasetError(
                f"the harvest's manifest fixes an option that is not valid: {error}"
            ) from None
        for field in fields(self):
            given = getattr(self, field.name)
            if given not in (field.default, getattr(options, field.name)):
                raise DatasetError(
                    f"--{field.name.replace('_', '-')} {given}: the harvest was made from a "
                    f"manifest, which fixes this option at {getattr(options, field.name)}: omit it"
                )
        return options
