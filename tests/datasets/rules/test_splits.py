"""The split rule."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.modalities import COMPLETE, SUBSETS
from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.rules.splits import (
    Candidates,
    Splits,
    fold_posts,
    order_key,
    split_posts,
)

LABELS = ["awe", "fear"]


@dataclass(frozen=True, kw_only=True)
class LabelledPost:
    """The input of the split rule for one post."""

    photo_id: str
    label: str
    votes: int
    subset: str


def in_order(some: Sequence[LabelledPost], seed: int) -> list[LabelledPost]:
    return sorted(some, key=lambda post: order_key(seed, post.photo_id))


def candidates(some: Sequence[LabelledPost]) -> Candidates:
    complete = np.array([post.subset == COMPLETE for post in some], bool)
    return Candidates(
        classes=np.array([LABELS.index(post.label) for post in some], np.int16),
        complete=complete,
        eligible=complete & np.array([post.votes >= 5 for post in some], bool),
    )


def split_of(some: Sequence[LabelledPost], splits: Splits) -> dict[str, str]:
    """Return the split of each post; the posts are in the order of their digests."""
    places = [SPLITS[place] for place in splits.places]
    return {post.photo_id: split for post, split in zip(some, places, strict=True)}


def drawn(some: Sequence[LabelledPost], seed: int = 0) -> dict[str, str]:
    ordered = in_order(some, seed)
    return split_of(ordered, split_posts(candidates(ordered)))


posts_strategy = st.lists(
    st.builds(
        LabelledPost,
        photo_id=st.integers(1, 10**9).map(str),
        label=st.sampled_from(["awe", "fear"]),
        votes=st.sampled_from([3, 4, 5, 5, 5, 6]),
        subset=st.sampled_from([COMPLETE, COMPLETE, COMPLETE, *SUBSETS]),
    ),
    max_size=150,
    unique_by=lambda post: post.photo_id,
)


def posts(count: int, *, votes: int = 5, label: str = "awe") -> list[LabelledPost]:
    return [
        LabelledPost(photo_id=f"{label}{number}", label=label, votes=votes, subset=COMPLETE)
        for number in range(count)
    ]


def test_the_classes_of_posts() -> None:
    none = np.zeros(0, bool)
    for classes in ([], [0], [2, 0]):
        posts = Candidates(classes=np.array(classes, np.int16), complete=none, eligible=none)
        assert posts.labels() == range(max(classes, default=-1) + 1)


class TestSplitPosts:
    def test_80_10_10_by_class(self) -> None:
        some = in_order([*posts(1000), *posts(50, label="fear")], 0)
        splits = split_posts(candidates(some))
        counts = Counter(
            (photo_id.rstrip("0123456789"), split)
            for photo_id, split in split_of(some, splits).items()
        )
        assert counts == {
            ("awe", TRAIN): 800,
            ("awe", VALIDATION): 100,
            ("awe", TEST): 100,
            ("fear", TRAIN): 40,
            ("fear", VALIDATION): 5,
            ("fear", TEST): 5,
        }
        assert not splits.short_classes

    def test_too_few_posts_of_five_votes_are_shared_and_reported(self) -> None:
        some = [*posts(93, votes=4), *posts(7, label="fear")]
        some += [
            LabelledPost(photo_id=f"five{n}", label="awe", votes=5, subset=COMPLETE)
            for n in range(7)
        ]
        splits = split_posts(candidates(in_order(some, 0)))
        assert splits.short_classes == {LABELS.index("awe"): (7, 20)}
        counts = Counter(drawn(some)[f"five{n}"] for n in range(7))
        assert counts == {TEST: 4, VALIDATION: 3}

    @pytest.mark.parametrize(
        ("eligible", "tested", "validated", "short"),
        [(3, 2, 1, {0: (3, 4)}), (4, 2, 2, {}), (5, 2, 2, {}), (6, 2, 2, {})],
    )
    def test_twice_a_tenth_is_enough(
        self, eligible: int, tested: int, validated: int, short: dict[int, tuple[int, int]]
    ) -> None:
        splits = split_posts(candidates([*posts(eligible), *posts(20 - eligible, votes=4)]))
        places = [SPLITS.index(name) for name in (TEST, TRAIN, VALIDATION)]
        counts = [tested, eligible - tested - validated, validated]
        expected = np.repeat([*places, places[1]], [*counts, 20 - eligible])
        assert splits.places.tolist() == expected.tolist()
        assert splits.short_classes == short

    @given(posts_strategy, st.integers(0, 100), st.randoms())
    def test_rules(self, some: list[LabelledPost], seed: int, random: Random) -> None:
        splits = drawn(some, seed)
        assert set(splits) == {post.photo_id for post in some}
        by_id = {post.photo_id: post for post in some}
        for photo_id, split in splits.items():
            if split != TRAIN:
                assert by_id[photo_id].subset == COMPLETE
                assert by_id[photo_id].votes >= 5
        for label in ("awe", "fear"):
            complete = [p for p in some if p.label == label and p.subset == COMPLETE]
            there = sum(p.votes >= 5 for p in complete)
            wanted = (len(complete) + 5) // 10
            sizes = Counter(splits[p.photo_id] for p in complete)
            if there >= 2 * wanted:
                assert sizes[TEST] == sizes[VALIDATION] == wanted
            else:
                assert sizes[TEST] + sizes[VALIDATION] == there
                assert 0 <= sizes[TEST] - sizes[VALIDATION] <= 1
        shuffled = list(some)
        random.shuffle(shuffled)
        assert drawn(shuffled, seed) == splits

    @given(posts_strategy.filter(bool), st.integers(0, 100), st.data())
    def test_a_lost_post_moves_at_most_two_others_of_its_class(
        self, some: list[LabelledPost], seed: int, data: st.DataObject
    ) -> None:
        lost = data.draw(st.sampled_from(some))
        before = drawn(some, seed)
        after = drawn([post for post in some if post is not lost], seed)
        by_id = {post.photo_id: post for post in some}
        moved = [photo_id for photo_id, split in after.items() if before[photo_id] != split]
        assert len(moved) <= 2
        assert all(by_id[photo_id].label == lost.label for photo_id in moved)

    def test_another_seed_draws_others(self) -> None:
        assert drawn(posts(100), 0) != drawn(posts(100), 1)


class TestFoldPosts:
    @given(posts_strategy, st.integers(2, 10), st.integers(0, 100))
    def test_test_sets_are_disjoint_and_cover_all_eligible_posts(
        self, some: list[LabelledPost], folds: int, seed: int
    ) -> None:
        ordered = in_order(some, seed)
        posts = candidates(ordered)
        tested, validated = np.zeros(len(ordered), int), np.zeros(len(ordered), int)
        for fold in range(1, folds + 1):
            places = fold_posts(posts, fold=fold, folds=folds).places
            assert places.dtype == split_posts(posts).places.dtype == np.int8
            tested += places == SPLITS.index(TEST)
            validated += places == SPLITS.index(VALIDATION)
            for label in posts.labels():
                of_class = posts.of_class(label)
                sizes = Counter(places[of_class].tolist())
                assert (
                    len(of_class) // folds
                    <= sizes[SPLITS.index(TEST)]
                    <= (-(-len(of_class) // folds))
                )
                # With few posts, a fold may leave fewer for validation than a tenth.
                left = len(of_class) - sizes[SPLITS.index(TEST)]
                assert sizes[SPLITS.index(VALIDATION)] == min((len(of_class) + 5) // 10, left)
            assert not places[~posts.eligible].any()
        assert (tested == posts.eligible).all()
        for label in posts.labels():
            there = len(of_class := posts.of_class(label))
            if folds * ((there + 5) // 10) <= there:
                assert validated[of_class].max(initial=0) <= 1
