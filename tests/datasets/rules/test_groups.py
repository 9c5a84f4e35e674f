"""Groups of posts that must stay in one split."""

from collections import Counter
from hashlib import sha256
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.rules.groups import PostGroups, fold_groups, leakage, split_groups
from flickr_emotion.datasets.rules.options import NEAR_DUPLICATE, OWNER
from flickr_emotion.datasets.rules.splits import NOWHERE, Candidates

TRAINING, VALIDATING, TESTING = map(SPLITS.index, (TRAIN, VALIDATION, TEST))

grouped_posts = st.lists(
    st.tuples(
        st.integers(0, 1),  # class
        st.booleans(),  # complete
        st.booleans(),  # five votes
        st.integers(0, 40),  # group
        st.integers(0, 2**64 - 1),  # number
    ),
    min_size=1,
    max_size=150,
)
Row = tuple[int, bool, bool, int, int]


def arrays(rows: list[Row]) -> tuple[Candidates, np.ndarray, np.ndarray]:
    classes, complete, votes, groups, numbers = zip(*rows, strict=True)
    candidates = Candidates(
        classes=np.array(classes, np.int16),
        complete=np.array(complete),
        eligible=np.array(complete) & np.array(votes),
    )
    return candidates, np.array(groups, np.int32), np.array(numbers, np.uint64)


def sides(places: np.ndarray, groups: np.ndarray) -> dict[int, set[int]]:
    """Return the splits in which each group has posts."""
    found: dict[int, set[int]] = {}
    for place, group in zip(places.tolist(), groups.tolist(), strict=True):
        if place != NOWHERE:
            found.setdefault(group, set()).add(place)
    return found


def some_in_threes() -> list[Row]:
    """Two classes of 1,500 posts, a third of them in groups of three."""
    random = Random(0)
    return [
        (n % 2, True, True, n // 3 if n < 1000 else n, random.getrandbits(64)) for n in range(3000)
    ]


class TestSplitGroups:
    @given(grouped_posts)
    def test_groups_stay_whole_and_only_eligible_posts_are_evaluated(self, rows: list[Row]) -> None:
        posts, groups, numbers = arrays(rows)
        places = split_groups(posts, groups, numbers).places
        assert all(len(splits) == 1 for splits in sides(places, groups).values())
        assert not np.any((places > TRAINING) & ~posts.eligible)
        for label in posts.labels():
            for split in (VALIDATING, TESTING):
                there = np.count_nonzero((places == split) & (posts.classes == label))
                assert there <= posts.wanted(label)
        # A post in no split would leak from training: its group is in validation or test.
        for group in groups[places == NOWHERE]:
            assert np.any(places[groups == group] > TRAINING)

    def test_a_tenth_each_with_groups_and_single_posts(self) -> None:
        rows = some_in_threes()
        posts, groups, numbers = arrays(rows)
        counts = Counter(split_groups(posts, groups, numbers).places.tolist())
        assert counts == {TRAINING: 2400, VALIDATING: 300, TESTING: 300}

    def test_a_group_too_large_for_a_tenth_stays_in_training(self) -> None:
        rows = [(0, True, True, n if n < 60 else 99, n) for n in range(100)]
        posts, groups, numbers = arrays(rows)
        places = split_groups(posts, groups, numbers).places
        assert set(places[60:].tolist()) == {TRAINING}

    def test_a_class_of_one_group_is_reported_as_short(self) -> None:
        rows = [(n % 2, True, True, n if n % 2 else 0, n) for n in range(200)]
        posts, groups, numbers = arrays(rows)
        assert split_groups(posts, groups, numbers).short_classes == {0: (0, 20)}
        assert fold_groups(posts, groups, numbers, fold=2, folds=5).short_classes[0][0] == 0

    def test_nine_tenths_of_the_places_are_enough(self) -> None:
        """Of 100 posts, 20 are wanted; no group fits beside the two that are drawn."""
        for second, short in ((9, {}), (8, {0: (17, 20)})):
            owners = [0] * 9 + [1] * second + [2] * (91 - second)
            posts, groups, numbers = arrays(
                [(0, True, True, int(o), n) for n, o in enumerate(owners)]
            )
            assert split_groups(posts, groups, numbers).short_classes == short

    def test_groups_are_drawn_by_the_digest_of_their_first_posts_number(self) -> None:
        """Test takes the first ten groups of three, validation the next ten."""
        random = Random(1)
        owners = [2 + n % 100 for n in range(300)]
        random.shuffle(owners)
        rows = [(0, True, True, owner, random.getrandbits(64)) for owner in owners]
        posts, groups, numbers = arrays(rows)
        firsts = {owner: rows[owners.index(owner)][4] for owner in owners}
        drawn = sorted(firsts, key=lambda owner: sha256(firsts[owner].to_bytes(8, "big")).digest())
        places = split_groups(posts, groups, numbers).places
        assert {owners[n] for n in np.flatnonzero(places == TESTING)} == {*drawn[:10]}
        assert {owners[n] for n in np.flatnonzero(places == VALIDATING)} == {*drawn[10:20]}

    def test_groups_that_may_be_evaluated_as_a_whole_come_first(self) -> None:
        """The other groups would lose their posts of fewer votes."""
        pairs = [(0, True, half == 0, n, 2 * n + half) for n in range(9) for half in range(2)]
        singles = [(0, True, True, 9 + n, 18 + n) for n in range(4)]
        posts, groups, numbers = arrays([*pairs, *singles])
        places = split_groups(posts, groups, numbers).places
        assert sorted(places[18:].tolist()) == sorted([VALIDATING] * 2 + [TESTING] * 2)
        assert set(places[:18].tolist()) == {TRAINING}

    def test_without_posts(self) -> None:
        none = np.zeros(0, bool)
        posts = Candidates(classes=np.zeros(0, np.int16), complete=none, eligible=none)
        groups, numbers = np.zeros(0, np.int32), np.zeros(0, np.uint64)
        assert split_groups(posts, groups, numbers).places.tolist() == []
        assert fold_groups(posts, groups, numbers, fold=1, folds=5).places.tolist() == []

    def test_single_posts_fill_the_splits(self) -> None:
        rows = [(0, True, True, n if n < 60 else 99, n) for n in range(100)]
        posts, groups, numbers = arrays(rows)
        places = split_groups(posts, groups, numbers).places
        assert Counter(places.tolist()) == {TRAINING: 80, VALIDATING: 10, TESTING: 10}


class TestFoldGroups:
    @given(grouped_posts, st.integers(2, 5))
    def test_test_sets_are_disjoint_complete_and_keep_groups_whole(
        self, rows: list[Row], folds: int
    ) -> None:
        posts, groups, numbers = arrays(rows)
        tested = np.zeros(len(rows), int)
        for fold in range(1, folds + 1):
            places = fold_groups(posts, groups, numbers, fold=fold, folds=folds).places
            assert all(len(splits) == 1 for splits in sides(places, groups).values())
            tested += places == TESTING
        assert (tested == posts.eligible).all()

    @given(grouped_posts, st.integers(2, 5))
    def test_validation_takes_the_posts_that_the_next_fold_tests_first(
        self, rows: list[Row], folds: int
    ) -> None:
        """No group that the next fold tests stays in training if it fits into the quota."""
        posts, groups, numbers = arrays(rows)
        of_folds = [
            fold_groups(posts, groups, numbers, fold=fold, folds=folds).places
            for fold in range(1, folds + 1)
        ]
        again = fold_groups(posts, groups, numbers, fold=folds, folds=folds).places
        assert again.tolist() == of_folds[-1].tolist()
        validated, borrowed = np.zeros(len(rows), int), 0
        for places, following in zip(of_folds, of_folds[1:] + of_folds[:1], strict=True):
            validating, next_tested = places == VALIDATING, following == TESTING
            validated += validating
            borrowed += int(np.count_nonzero(validating & ~next_tested))
            free = [
                (np.count_nonzero(of_class := posts.eligible & (posts.classes == label)) + 5) // 10
                - np.count_nonzero(validating & of_class)
                for label in posts.labels()
            ]
            for group in np.unique(groups[next_tested & ~validating]):
                here = posts.classes[posts.eligible & (groups == group)]
                assert any(np.count_nonzero(here == label) > free[label] for label in set(here))
        assert np.maximum(validated - 1, 0).sum() <= borrowed

    @given(grouped_posts, st.integers(2, 10))
    def test_single_posts_are_validated_at_most_once_if_there_are_enough(
        self, rows: list[Row], folds: int
    ) -> None:
        posts, _, numbers = arrays(rows)
        singles = np.arange(len(rows), dtype=np.int32)
        validated = sum(
            (fold_groups(posts, singles, numbers, fold=fold, folds=folds).places == VALIDATING)
            for fold in range(1, folds + 1)
        )
        for label in posts.labels():
            there = len(posts.of_class(label))
            if folds * ((there + 5) // 10) <= there:
                assert validated[posts.classes == label].max(initial=0) <= 1

    def test_folds_are_even_with_groups_and_single_posts(self) -> None:
        rows = some_in_threes()
        posts, groups, numbers = arrays(rows)
        validated = np.zeros(len(rows), int)
        for fold in range(1, 6):
            places = fold_groups(posts, groups, numbers, fold=fold, folds=5).places
            tested = Counter(posts.classes[places == TESTING].tolist())
            assert all(abs(count - 300) <= 3 for count in tested.values())
            assert np.count_nonzero(places == VALIDATING) == pytest.approx(300, abs=3)
            validated += places == VALIDATING
        assert validated.max() == 1

    def test_the_largest_groups_are_assigned_first(self) -> None:
        """One group of two posts and two of one make two folds of two posts."""
        posts, groups, numbers = arrays([(0, True, True, max(n, 1), n) for n in range(4)])
        found = [
            fold_groups(posts, groups, numbers, fold=fold, folds=2).places == TESTING
            for fold in (1, 2)
        ]
        assert [there.tolist() for there in found] == [
            [True, True, False, False],
            [False, False, True, True],
        ]

    def test_a_group_goes_to_the_fold_with_fewest_posts_of_its_class_then_fewest_of_all(
        self,
    ) -> None:
        """Five posts of class 0, two of class 1 in the empty fold, and one more beside the five."""
        kinds = [(0, 0)] * 5 + [(1, 1)] * 2 + [(1, 2)]
        rows = [(label, True, True, group, n) for n, (label, group) in enumerate(kinds)]
        posts, groups, numbers = arrays(rows)
        first = fold_groups(posts, groups, numbers, fold=1, folds=2).places == TESTING
        assert first.tolist() == [True] * 5 + [False] * 2 + [True]

    @pytest.mark.parametrize(("posts_of_class", "expected"), [(94, 9), (95, 10)])
    def test_validation_is_a_tenth_rounded_half_up(
        self, posts_of_class: int, expected: int
    ) -> None:
        rows = [(0, True, True, n, n) for n in range(posts_of_class)]
        posts, groups, numbers = arrays(rows)
        places = fold_groups(posts, groups, numbers, fold=1, folds=4).places
        assert np.count_nonzero(places == VALIDATING) == expected
        assert places.dtype == np.int8

    def test_nine_tenths_of_a_fold_and_a_tenth_are_enough(self) -> None:
        """Of 94 posts, 18 and 9 are wanted, and a group of 18 and one of 7 are there."""
        sizes = [18, 18, 18, 18, 15, 7]
        owners = np.repeat(np.arange(6), sizes)
        posts, groups, numbers = arrays([(0, True, True, int(o), n) for n, o in enumerate(owners)])
        splits = fold_groups(posts, groups, numbers, fold=1, folds=5)
        assert Counter(splits.places.tolist()) == {TRAINING: 69, VALIDATING: 7, TESTING: 18}
        assert splits.short_classes == {}

    def test_what_a_class_of_one_group_lacks_is_a_fold_and_a_tenth(self) -> None:
        rows = [(n % 2, True, True, n if n % 2 else 0, n) for n in range(200)]
        posts, groups, numbers = arrays(rows)
        short = [
            fold_groups(posts, groups, numbers, fold=fold, folds=5).short_classes.get(0)
            for fold in range(1, 6)
        ]
        assert sorted(map(str, short)) == ["(0, 30)"] * 4 + ["None"]


class TestLeakage:
    def test_it_counts_posts_with_a_match_in_training(self) -> None:
        groups = PostGroups(
            owner=np.array([0, 0, 1, 2, -1], np.int32),
            picture=np.array([0, 1, 2, 3, 0], np.int32),
            text=np.array([-1, -1, 0, 1, -1], np.int32),
        )
        places = np.array([TRAINING, TESTING, TESTING, VALIDATING, TESTING], np.int8)
        assert leakage(places, groups) == {
            VALIDATION: {"owner": 0, "picture": 0, "text": 0, "any": 0},
            TEST: {"owner": 1, "picture": 1, "text": 0, "any": 2},
        }

    def test_groups_that_share_a_post_are_joined(self) -> None:
        groups = PostGroups(
            owner=np.array([0, 0, 1, 2, -1], np.int32),
            picture=np.array([0, 1, 1, 2, 3], np.int32),
            text=np.array([-1, -1, -1, -1, -1], np.int32),
        )
        assert groups.joined([OWNER]).tolist() == [0, 0, 1, 2, 3]
        assert groups.joined([NEAR_DUPLICATE]).tolist() == [0, 1, 1, 2, 3]
        joined = groups.joined([OWNER, NEAR_DUPLICATE])
        assert len(set(joined[:3].tolist())) == 1
        assert len(set(joined.tolist())) == 3
