"""The options of ``build-splits``."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.options import check_options, option
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.permissions import LicenseRule

GROUPINGS = OWNER, NEAR_DUPLICATE = "owner", "near-duplicate"

TENTH = 0.1
_ANY = "|".join(MODALITIES)
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
    split_column: str | None = option(
        None,
        metavar="NAME",
        default_help="splits are drawn",
        help="Column of your own posts that says train, validation or test.",
    )
    test_fraction: float = option(
        TENTH, between=(0, 1), help="Fraction of each class that goes to test."
    )
    validation_fraction: float = option(
        TENTH, between=(0, 1), help="Fraction of each class that goes to validation."
    )
    complete: str | None = option(
        None,
        pattern=rf"({_ANY})([,+]({_ANY}))*",
        metavar="image,text",
        default_help="all three; of your own posts, those that most posts have",
        help="Modalities that a post needs for validation and test.",
    )
    license: str | None = option(
        None,
        metavar="by,by-sa,cc0",
        default_help="posts of all licences",
        help="Keep only posts of these licences: by, by-sa, by-nc, by-nc-sa, by-nd, by-nc-nd (also "
        "of one version: by-4.0), cc0, pd, us-government, no-known-restrictions, "
        "all-rights-reserved, or Flickr's ids.",
    )
    respect_preferences: bool = option(
        False,
        help="Exclude posts whose owner or host says no to training (Content-Usage, X-Robots-Tag, "
        "TDM-Reservation) or to downloads (candownload).",
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
        self._check_splits()
        _ = self.license_rule
        if self.language != "en":
            # Imported late because it is slow, and `--help` must be fast.
            from flickr_emotion.datasets.rules.language import check_language

            check_language(self.language)

    def _check_splits(self) -> None:
        if self.test_fraction + self.validation_fraction >= 1:
            raise DatasetError(
                f"--test-fraction {self.test_fraction:g} and --validation-fraction "
                f"{self.validation_fraction:g} leave nothing for training: give less than 1 "
                "together"
            )
        if self.fold is not None and self.test_fraction != TENTH:
            raise DatasetError(
                f"--fold {self.fold} decides how many posts are tested: omit --test-fraction"
            )
        if self.split_column is not None:
            beside = [
                *(["--fold"] if self.fold is not None else []),
                *(["--group-by"] if self.group_by else []),
                *(["--test-fraction"] if self.test_fraction != TENTH else []),
            ]
            if beside:
                raise DatasetError(
                    f"--split-column {self.split_column} says which posts are tested: omit "
                    f"{beside[0]}, or --split-column"
                )

    @property
    def needed(self) -> tuple[str, ...] | None:
        """The modalities of ``complete``; None without it."""
        if self.complete is None:
            return None
        return _in_order(re.split("[,+]", self.complete))

    @property
    def license_rule(self) -> LicenseRule | None:
        """The rule of ``license``; None without it. Raises ``DatasetError``."""
        if self.license is None:
            return None
        return LicenseRule(name.strip().lower() for name in self.license.split(","))

    @property
    def fold_of(self) -> tuple[int, int] | None:
        """K and N of ``fold``; None without it."""
        if self.fold is None:
            return None
        fold, folds = self.fold.split("/")
        return int(fold), int(folds)

    def recorded(self) -> dict[str, Any]:
        """Return the options that ``dataset.json`` and manifests record.

        Those that came later are left out at their defaults, so that an older manifest is rebuilt
        byte by byte.
        """
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in _LATER_OPTIONS or value != getattr(BuildOptions, name)
        }

    def incomplete_posts(self, kind: str) -> str:
        """Return ``keep`` or ``drop`` for a list of this kind."""
        return self.incomplete or ("drop" if kind == "sentiment" else "keep")

    def under_manifest(self, fixed: dict[str, Any]) -> "BuildOptions":
        """Return the options that a manifest fixes; ``fixed`` comes from its metadata.

        Raises ``DatasetError`` if the user gave an option a different value, or if the manifest's
        options cannot be used.
        """
        try:
            # Manifests of earlier versions lack the options that came later.
            later = {name: getattr(BuildOptions, name) for name in _LATER_OPTIONS}
            known = later | fixed
            values: dict[str, Any] = {field.name: known[field.name] for field in fields(self)}
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


_LATER_OPTIONS = (
    *("split_column", "test_fraction", "validation_fraction", "complete", "license"),
    "respect_preferences",
)


def _in_order(modalities: Iterable[str]) -> tuple[str, ...]:
    given = set(modalities)
    return tuple(modality for modality in MODALITIES if modality in given)
