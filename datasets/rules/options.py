"""The options of ``build-splits``: what the rules of a data set leave open."""

import re
from dataclasses import dataclass, fields
from typing import Any

from flickr_emotion.common.options import check_options, option
from flickr_emotion.datasets.errors import DatasetError

GROUPINGS = OWNER, NEAR_DUPLICATE = "owner", "near-duplicate"

_FOLD = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """The rules of a data set; recorded in its ``dataset.json``."""

    min_votes: int = option(3, minimum=1, help="Agreeing votes that a label needs.")
    eval_votes: int = option(
        5, minimum=1, help="Agreeing votes that a post of validation or test needs."
    )
    min_words: int = option(5, minimum=1, help="Words that a text has at least.")
    max_words: int = option(150, minimum=1, help="Words that a text has at most.")
    language: str = option("en", metavar="CODE", help="The texts' language, an ISO 639-1 code.")
    min_count: int = option(
        5, minimum=1, help="Words and tags seen fewer times in training are <UNK>."
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
        help="owner or near-duplicate, or both: keep such posts on one side of the split.",
    )
    fold: str | None = option(
        None,
        metavar="K/N",
        default_help="the paper's 80/10/10",
        help="The K-th of N cross-validation folds.",
    )
    seed: int = option(0, minimum=0, help="Decides which posts are drawn.")

    def __post_init__(self) -> None:
        """Refuse limits that no post can keep to."""
        check_options(self, DatasetError)
        if self.min_words > self.max_words:
            raise DatasetError(f"--min-words {self.min_words} is more than --max-words")
        if self.fold is not None:
            match = _FOLD.fullmatch(self.fold)
            if not match or int(match[1]) > int(match[2]) or int(match[2]) < 2:
                raise DatasetError(f"--fold {self.fold!r}: give K/N, such as 1/5 to 5/5")
        if self.language != "en":
            # It takes a moment to import, which `--help` does not wait for.
            from flickr_emotion.datasets.rules.language import check_language

            check_language(self.language)

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
