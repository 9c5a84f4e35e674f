"""What a build tells the user about the posts while it works: what goes, what is rare, what is few.

Nothing vanishes in silence: each line says what, how many and what to do.
"""

import re
from collections.abc import Callable

import numpy as np

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.build.gathering import Gathered
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.splits import Splits
from flickr_emotion.datasets.rules.verdicts import dropped_texts
from flickr_emotion.datasets.sources.inputs import Input
from flickr_emotion.harvest.checks.broken_pictures import ask_again

Say = Callable[[str], None]

_FEW_POSTS = 50
_FEW_OF_A_CLASS = 5
_SHOWN_CLASSES = 10


def say_pictures(gathered: Gathered, posts: Input, say: Say) -> None:
    """Say which pictures are left out."""
    for photo_id, error in gathered.shown_pictures:
        say(f"the picture of photo {photo_id} {error}: left out")
    if gathered.pictures_left_out:
        say(
            f"{gathered.pictures_left_out} pictures of {posts.path} were left out; their posts "
            "stay if they hold anything else"
        )
        if posts.path.is_dir() and posts.service != "own":  # a harvest
            ask_again(posts.path, gathered.unusable_pictures, say)
        if not gathered.holding("image"):
            say("warning: no picture could be read, so no post of the data set has one")


def say_preferences(gathered: Gathered, posts: Input, say: Say) -> None:
    """Say so if preferences are to be respected that nobody knows."""
    if posts.options.respect_preferences and gathered.unknown_preferences:
        say(
            f"warning: of {gathered.unknown_preferences} posts the preferences are not known, "
            f"because an earlier version fetched their pictures, or there is none; they stay. "
            f"`crawl --refresh` records what is stated today"
        )


def say_classes(gathered: Gathered, say: Say) -> None:
    """Say which classes may be one, and whether there is only one."""
    spelt: dict[str, list[str]] = {}
    for name in gathered.classes:
        spelt.setdefault(re.sub(r"[\s_-]+", " ", name).casefold(), []).append(name)
    for names in spelt.values():
        if len(names) > 1:
            say(
                f"warning: {', '.join(names)} are {len(names)} classes, though their names differ "
                "only in case or blanks: give them one name if they are one class"
            )
    if len(gathered.classes) == 1:
        say(
            f"warning: all posts have the label {gathered.classes[0]}: a network learns nothing "
            "from one class"
        )


def say_texts(gathered: Gathered, options: BuildOptions, say: Say) -> None:
    """Say so if most texts go."""
    dropped, there = dropped_texts(gathered.texts)
    if 2 * sum(dropped.values()) > there:
        why = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        say(
            f"warning: {sum(dropped.values())} of {there} texts are dropped ({why}): texts of "
            f"{options.min_words} to {options.max_words} words in {options.language!r} stay; see "
            "--min-words, --max-words and --language"
        )


def say_splits(splits: Splits, gathered: Gathered, posts: Input, say: Say) -> None:
    """Say which modalities are rare and which splits are short."""
    options = posts.options
    kind = "in small groups" if options.group_by else f"with {options.eval_votes} votes"
    if posts.service == "own" and not options.group_by and np.all(gathered.votes < 0):
        kind = "that are complete"
    for label, (there, wanted) in splits.short_classes.items():
        say(
            f"{gathered.classes[label]}: only {there} posts {kind} for {wanted} places in "
            "validation and test, which share them"
        )
    is_drawn = options.split_column is not None or not np.any(gathered.fixed >= 0)
    if options.split_column is not None:
        _say_given(splits, gathered, options.split_column, say)
    elif is_drawn:
        _say_rare(gathered, posts, say)
    if not all(np.any(splits.places == SPLITS.index(split)) for split in (VALIDATION, TEST)):
        say(
            "validation or test is empty, because too few posts can be evaluated on: no network "
            "can be trained on this data set"
        )
    elif is_drawn and options.fold is None and posts.source.kind == "labels":
        _say_few(splits, gathered, say)


def _say_rare(gathered: Gathered, posts: Input, say: Say) -> None:
    options = posts.options
    if posts.source.kind != "labels" or options.complete is not None or options.fold is not None:
        return
    needed = gathered.needed(posts.source.kind, options)
    found = [modality for modality in MODALITIES if gathered.holding(modality)]
    for modality in found:
        if modality not in needed:
            say(
                f"{modality}: only {gathered.holding(modality)} of {len(gathered.subsets)} posts "
                f"have {'it' if modality != 'tags' else 'them'}, so validation and test are drawn "
                f"from posts with {' and '.join(needed) or 'any modality'}; --complete "
                f"{','.join(found)} would ask for all"
            )


def _say_given(splits: Splits, gathered: Gathered, column: str, say: Say) -> None:
    if without := int(np.count_nonzero(gathered.fixed < 0)):
        say(f"{without} posts have no split in the column {column}: they are not in test")
    if not np.any(gathered.fixed == SPLITS.index(VALIDATION)):
        drawn = int(np.count_nonzero(splits.places == SPLITS.index(VALIDATION)))
        say(
            f"the column {column} names no validation post: {drawn} are drawn from the "
            f"{TRAIN} posts (--validation-fraction)"
        )


def _say_few(splits: Splits, gathered: Gathered, say: Say) -> None:
    tested = splits.places == SPLITS.index(TEST)
    total = int(np.count_nonzero(tested))
    counts = np.bincount(gathered.labels[tested], minlength=len(gathered.classes))
    few = [
        f"{name} ({count})"
        for name, count in zip(gathered.classes, counts.tolist(), strict=True)
        if count < _FEW_OF_A_CLASS
    ]
    advice = "`--fold 1/5` to `--fold 5/5` test every post once"
    if total < _FEW_POSTS:
        say(f"warning: test has only {total} posts, so its figures say little: {advice}")
    elif few:
        shown = ", ".join(few[:_SHOWN_CLASSES]) + (", ..." if len(few) > _SHOWN_CLASSES else "")
        say(
            f"warning: test has fewer than {_FEW_OF_A_CLASS} posts of {shown}, so their figures "
            f"say little: {advice}"
        )
