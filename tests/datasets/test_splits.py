"""The split rule."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from datasets.modalities import COMPLETE, SUBSETS
from datasets.splits import TEST, TRAIN, VALIDATION, LabelledPost, split_posts

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


class TestSplitPosts:
    def test_80_10_10_by_class(self) -> None:
        splits = split_posts([*posts(1000), *posts(50, label="fear")], eval_votes=5, seed=0)
        counts = Counter(
            (photo_id.rstrip("0123456789"), split) for photo_id, split in splits.split_of.items()
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

    def test_too_few_posts_of_five_votes_are_shared_and_said(self) -> None:
        some = [*posts(93, votes=4), *posts(7, label="fear")]
        some += [
            LabelledPost(photo_id=f"five{n}", label="awe", votes=5, subset=COMPLETE)
            for n in range(7)
        ]
        splits = split_posts(some, eval_votes=5, seed=0)
        assert splits.short_classes == {"awe": (7, 20)}
        counts = Counter(splits.split_of[f"five{n}"] for n in range(7))
        assert counts == {TEST: 4, VALIDATION: 3}

    @given(posts_strategy, st.integers(0, 100), st.randoms())
    def test_rules(self, some: list[LabelledPost], seed: int, random: Random) -> None:
        splits = split_posts(some, eval_votes=5, seed=seed)
        assert set(splits.split_of) == {post.photo_id for post in some}
        by_id = {post.photo_id: post for post in some}
        for photo_id, split in splits.split_of.items():
            if split != TRAIN:
                assert by_id[photo_id].subset == COMPLETE
                assert (by_id[photo_id].votes or 0) >= 5
        for label in ("awe", "fear"):
            complete = [p for p in some if p.label == label and p.subset == COMPLETE]
            there = sum((p.votes or 0) >= 5 for p in complete)
            wanted = (len(complete) + 5) // 10
            sizes = Counter(splits.split_of[p.photo_id] for p in complete)
            if there >= 2 * wanted:
                assert sizes[TEST] == sizes[VALIDATION] == wanted
            else:
                assert sizes[TEST] + sizes[VALIDATION] == there
                assert 0 <= sizes[TEST] - sizes[VALIDATION] <= 1
        shuffled = list(some)
        random.shuffle(shuffled)
        assert split_posts(shuffled, eval_votes=5, seed=seed) == splits

    @given(posts_strategy.filter(bool), st.integers(0, 100), st.data())
    def test_a_lost_post_moves_at_most_two_others_of_its_class(
        self, some: list[LabelledPost], seed: int, data: st.DataObject
    ) -> None:
        lost = data.draw(st.sampled_from(some))
        before = split_posts(some, eval_votes=5, seed=seed).split_of
        after = split_posts(
            [post for post in some if post is not lost], eval_votes=5, seed=seed
        ).split_of
        by_id = {post.photo_id: post for post in some}
        moved = [photo_id for photo_id, split in after.items() if before[photo_id] != split]
        assert len(moved) <= 2
        assert all(by_id[photo_id].label == lost.label for photo_id in moved)

    def test_another_seed_draws_others(self) -> None:
        one, other = (split_posts(posts(100), eval_votes=5, seed=s).split_of for s in (0, 1))
        assert one != other
