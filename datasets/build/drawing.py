"""Draws the splits of a build, and finds the groups of posts by which their leaks are counted."""

from collections.abc import Callable

import numpy as np

from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.build.gathering import Gathered
from flickr_emotion.datasets.rules.groups import PostGroups, fold_groups, split_groups
from flickr_emotion.datasets.rules.options import NEAR_DUPLICATE
from flickr_emotion.datasets.rules.splits import Splits, fold_posts, given_splits, split_posts
from flickr_emotion.datasets.sources.inputs import Input


def draw_splits(
    gathered: Gathered, posts: Input, groups: Callable[[], PostGroups]
) -> tuple[Splits, Callable[[], PostGroups]]:
    """Return the splits, and a function that returns the groups to count leaks by.

    Every evaluated post is checked by itself for a near-duplicate text in training.
    """
    if NEAR_DUPLICATE in posts.options.group_by and not np.any(gathered.fixed >= 0):
        return _kept_apart(gathered, posts, groups())
    splits = _drawn(gathered, posts, groups)
    if not np.any(splits.places > SPLITS.index(TRAIN)):  # no evaluated post, so no leak
        return splits, lambda: PostGroups.none(len(splits.places))
    return splits, lambda: groups().with_near_texts(gathered.near_training_texts(splits.places))


def _kept_apart(
    gathered: Gathered, posts: Input, groups: PostGroups
) -> tuple[Splits, Callable[[], PostGroups]]:
    """Draw splits until no evaluated post has a near-duplicate text in training."""

    def known() -> PostGroups:
        return groups

    splits = _drawn(gathered, posts, known)
    edges = gathered.near_training_texts(splits.places)
    if not len(edges[0]):
        return splits, known
    # They belong to one group, which the search among all posts has missed.
    return _kept_apart(gathered, posts, groups.with_near_texts(edges))


def _drawn(gathered: Gathered, posts: Input, groups: Callable[[], PostGroups]) -> Splits:
    options = posts.options
    if options.split_column is None and np.any(gathered.fixed >= 0):
        return Splits(places=gathered.fixed)
    needed = gathered.needed(posts.source.kind, options)
    candidates = gathered.candidates(needed, options)
    if options.split_column is not None:
        return given_splits(candidates, gathered.fixed)
    fold, folds = options.fold_of or (0, 0)
    if options.group_by:
        joined = groups().joined(options.group_by)
        if folds:
            return fold_groups(candidates, joined, gathered.numbers, fold=fold, folds=folds)
        return split_groups(candidates, joined, gathered.numbers)
    return fold_posts(candidates, fold=fold, folds=folds) if folds else split_posts(candidates)
