"""Groups of posts that leak between splits: posts of one owner, and near-duplicates.

The pictures of a photographer's series share content, titles and tags. When a series falls on both
sides of a split, the network is tested on what it was trained on; the paper's split allows this.
This module joins posts into groups, keeps each group on one side of the split if the user asks for
it (``--group-by``), and counts the leaks of every build.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.rules.near_duplicates import Edges, components
from flickr_emotion.datasets.rules.options import OWNER
from flickr_emotion.datasets.rules.splits import (
    NOWHERE,
    Candidates,
    Places,
    Splits,
    rounded,
)

Groups = npt.NDArray[np.int32]
"""(N,) the group of each post; -1 for a post in none."""


@dataclass(frozen=True, kw_only=True)
class PostGroups:
    """The groups of posts, each in the order of the posts' digests."""

    owner: Groups
    picture: Groups
    """Posts whose pictures are nearly the same."""
    text: Groups
    """Posts whose texts are nearly the same."""

    @classmethod
    def none(cls, posts: int) -> "PostGroups":
        """Return the groups of so many posts of which none is in a group."""
        alone = np.full(posts, -1, np.int32)
        return cls(owner=alone, picture=alone, text=alone)

    def joined(self, groupings: Iterable[str]) -> Groups:
        """Return the union of ``groupings``: posts that share a group in one of them share one."""
        parts: list[Groups] = []
        for grouping in groupings:
            parts += [self.owner] if grouping == OWNER else [self.picture, self.text]
        edges = [_edges(groups) for groups in parts]
        joined: Groups = components(len(self.owner), *edges)
        return joined

    def with_near_texts(self, edges: Edges) -> "PostGroups":
        """Return the groups with more pairs of posts whose texts are nearly the same."""
        text = components(len(self.text), _edges(self.text), edges)
        text[self.text < 0] = -1
        return replace(self, text=text)


def _edges(groups: Groups) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return edges that join each post to the first post of its group."""
    members = np.flatnonzero(groups >= 0)
    _, first, group_of = np.unique(groups[members], return_index=True, return_inverse=True)
    return members[first[group_of]], members


def leakage(places: Places, groups: PostGroups) -> dict[str, dict[str, int | None]]:
    """Count the validation and test posts that share owner, picture or text with a training post.

    By split, then by ``owner``, ``picture``, ``text`` and ``any``. ``owner`` is None where the
    owner of no post of the split, or of no training post, is known.
    """
    counts: dict[str, dict[str, int | None]] = {}
    kinds = {"owner": groups.owner, "picture": groups.picture, "text": groups.text}
    leaks = {kind: _in_training(places, of_kind) for kind, of_kind in kinds.items()}
    leaks["any"] = np.logical_or.reduce(list(leaks.values()))
    for split in (VALIDATION, TEST):
        here = places == SPLITS.index(split)
        counts[split] = {kind: int(np.count_nonzero(leak & here)) for kind, leak in leaks.items()}
        known = groups.owner >= 0
        trained = places == SPLITS.index(TRAIN)
        if np.any(here) and not (np.any(known & here) and np.any(known & trained)):
            counts[split]["owner"] = None
    return counts


def _in_training(places: Places, groups: Groups) -> npt.NDArray[np.bool_]:
    trained = np.unique(groups[(places == SPLITS.index(TRAIN)) & (groups >= 0)])
    return np.isin(groups, trained)


def split_groups(posts: Candidates, groups: Groups, order: npt.NDArray[np.uint64]) -> Splits:
    """Assign whole groups to splits: a fraction of each class to test, one to validation.

    ``order`` (N,): a random number for each post. Groups are visited in random order, derived from
    the number of their first post; groups whose posts are all eligible for evaluation come first.
    Test takes every group that does not exceed its quota of any class, then validation does the
    same. Posts of such a group that are not eligible go to no split: in training they would leak.
    """
    wanted = {
        split: np.array([posts.wanted(label, split) for label in posts.labels()], int)
        for split in (TEST, VALIDATION)
    }
    members = _sorted_groups(posts, groups, order)
    places = _draw(posts, members, wanted)
    return Splits(
        places=places, short_classes=_short(posts, places, wanted[TEST] + wanted[VALIDATION])
    )


def fold_groups(
    posts: Candidates, groups: Groups, order: npt.NDArray[np.uint64], *, fold: int, folds: int
) -> Splits:
    """Assign whole groups to the splits of one of ``folds`` cross-validation folds, from 1.

    Groups are assigned from the largest to the smallest, each to the fold that holds the fewest
    posts of its classes. Every post that is eligible for evaluation is in exactly one fold's test
    set.

    Validation takes what the next fold tests, and goes on to the folds behind it only where that
    does not fill its quota. So the folds' validation sets differ: single posts are in at most one
    of them if the classes have enough posts for all.
    """
    members = _sorted_groups(posts, groups, order)
    filled = np.zeros((folds, len(posts.labels())))
    tested: list[list[npt.NDArray[np.intp]]] = [[] for _ in range(folds)]
    for group in sorted(members, key=lambda group: -len(group)):
        counts = _counts(posts, group)
        if counts.any():
            goes = int(np.argmin(filled @ counts + filled.sum(axis=1) * 1e-9))
            filled[goes] += counts
            tested[goes].append(group)
    fold_of = {int(group[0]): at for at, there in enumerate(tested) for group in there}
    total = np.array([len(posts.of_class(label)) for label in posts.labels()])
    validation = np.array([rounded(int(count) * posts.validation) for count in total], int)
    following = [
        group
        for step in range(1, folds)
        # What is left over of a fold is at its end, because the fold before has begun at the front.
        for group in members[:: 1 if step == 1 else -1]
        if fold_of.get(int(group[0])) == (fold - 1 + step) % folds
    ]
    places = _draw(posts, following, {VALIDATION: validation})
    for group in tested[fold - 1]:
        _place(posts, places, group, TEST)
    return Splits(places=places, short_classes=_short(posts, places, total // folds + validation))


def _short(
    posts: Candidates, places: Places, wanted: npt.NDArray[np.int_]
) -> dict[int, tuple[int, int]]:
    """Return the classes for which whole groups fill less than nine tenths of the places."""
    evaluated = posts.classes[places > SPLITS.index(TRAIN)]
    there = np.bincount(evaluated, minlength=len(wanted))
    return {
        label: (int(there[label]), int(wanted[label]))
        for label in posts.labels()
        if there[label] < 0.9 * wanted[label]
    }


def _draw(
    posts: Candidates, members: list[npt.NDArray[np.intp]], wanted: dict[str, npt.NDArray[np.int_]]
) -> Places:
    places = np.zeros(len(posts.classes), np.int8)
    left = list(members)
    for split, want in wanted.items():
        want = want.copy()
        passed = []
        for group in left:
            counts = _counts(posts, group)
            if counts.any() and np.all(counts <= want):
                want -= counts
                _place(posts, places, group, split)
            else:
                passed.append(group)
        left = passed
    return places


def _place(posts: Candidates, places: Places, group: npt.NDArray[np.intp], split: str) -> None:
    places[group] = np.where(posts.eligible[group], SPLITS.index(split), NOWHERE)


def _counts(posts: Candidates, group: npt.NDArray[np.intp]) -> npt.NDArray[np.int_]:
    """Return how many posts of a group are eligible for evaluation, by class."""
    eligible = group[posts.eligible[group]]
    return np.bincount(posts.classes[eligible], minlength=len(posts.labels()))


def _sorted_groups(
    posts: Candidates, groups: Groups, order: npt.NDArray[np.uint64]
) -> list[npt.NDArray[np.intp]]:
    """Return the posts of each group, in the order in which groups are drawn."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[by_group], prepend=-2))
    members = np.split(by_group, starts[1:]) if len(by_group) else []
    # A group's first post has the smallest digest in the group, so ordering groups by it would put
    # large groups into test first. Hashing it once more removes that bias.
    drawn = {int(group[0]): _mixed(int(order[group[0]])) for group in members}
    return sorted(
        members, key=lambda group: (bool(np.any(~posts.eligible[group])), drawn[int(group[0])])
    )


def _mixed(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "big")).digest()
