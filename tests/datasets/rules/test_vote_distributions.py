"""The distribution over the classes that all votes on a photo give."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.rules.vote_distributions import (
    Ballot,
    ballots_of,
    distributions_in,
    vote_distribution,
    with_distribution,
    with_distributions,
)
from flickr_emotion.datasets.sources.raw_posts import BALLOTS

CLASSES = ("awe", "fear", "joy")


def shares(*rows: tuple[str, int, int | None], classes: tuple[str, ...] = CLASSES) -> object:
    return vote_distribution(ballots_of(rows) or [], classes)


class TestVotes:
    def test_a_disagreeing_vote_counts_in_equal_parts_for_all_other_classes(self) -> None:
        assert shares(("awe", 4, 1)) == pytest.approx((0.8, 0.1, 0.1))
        assert shares(("awe", 3, 2)) == pytest.approx((0.6, 0.2, 0.2))
        assert shares(("awe", 5, 0)) == (1.0, 0.0, 0.0)

    def test_the_votes_under_every_emotion_count(self) -> None:
        # Ten votes: 4 for awe, 1 against it, 3 for fear, 2 against it.
        expected = (4 + 2 / 2) / 10, (3 + 1 / 2) / 10, (1 / 2 + 2 / 2) / 10
        assert shares(("awe", 4, 1), ("fear", 3, 2)) == pytest.approx(expected)

    def test_repeated_rows_are_summed(self) -> None:
        assert shares(("awe", 2, 0), ("awe", 2, 1)) == shares(("awe", 4, 1))

    def test_votes_on_what_is_no_class_do_not_count(self) -> None:
        assert shares(("awe", 4, 1), ("anger", 2, 3)) == shares(("awe", 4, 1))
        assert shares(("anger", 2, 3)) is None

    def test_of_two_classes_a_vote_against_one_is_for_the_other(self) -> None:
        assert shares(("awe", 4, 1), classes=("awe", "fear")) == pytest.approx((0.8, 0.2))

    def test_a_single_class_has_all_votes(self) -> None:
        assert shares(("awe", 4, 1), classes=("awe",)) == (1.0,)

    def test_without_votes_there_is_none(self) -> None:
        assert ballots_of([("awe", None, None)]) is None
        assert ballots_of([(None, 3, 2)]) is None
        assert shares(("awe", 0, 0)) is None

    @given(
        st.lists(
            st.tuples(st.sampled_from((*CLASSES, "other")), st.integers(0, 9), st.integers(0, 9)),
            max_size=6,
        )
    )
    def test_the_shares_sum_to_one(self, rows: list[tuple[str, int, int]]) -> None:
        found = vote_distribution(ballots_of(rows) or [], CLASSES)
        if any(agree + disagree for name, agree, disagree in rows if name in CLASSES):
            assert found is not None
            assert min(found) >= 0
            assert sum(found) == pytest.approx(1, abs=1e-12)
        else:
            assert found is None


class TestNumbersOfOnesOwn:
    def test_numbers_are_divided_by_their_sum(self) -> None:
        ballots = [Ballot("awe", 6, None), Ballot("fear", 2, None)]
        assert vote_distribution(ballots, CLASSES) == (0.75, 0.25, 0.0)

    def test_shares_are_kept_to_the_last_bit(self) -> None:
        given = (0.1, 0.2, 0.7000000000000001)
        ballots = [Ballot(name, n, None) for name, n in zip(CLASSES, given, strict=True)]
        assert vote_distribution(ballots, CLASSES) == given

    def test_shares_of_a_class_that_is_lost_go_to_the_others(self) -> None:
        ballots = [Ballot(name, n, None) for name, n in zip(CLASSES, (0.2, 0.5, 0.3), strict=True)]
        assert vote_distribution(ballots, ("awe", "joy")) == pytest.approx((0.4, 0.6))


@given(
    st.lists(
        st.none()
        | st.lists(
            st.builds(
                Ballot,
                st.sampled_from("abc"),
                st.sampled_from([0.0, 1.0, 4.0]),
                st.none() | st.just(2.0),
            ),
            max_size=3,
            unique_by=lambda it: it.label,
        ),
        min_size=1,
    )
)
def test_a_column_gives_what_its_rows_give(rows: list[list[Ballot] | None]) -> None:
    held = [
        None,
        None,
        *([it._asdict() for it in row] if row is not None else None for row in rows),
    ]
    column = pa.array(held, BALLOTS).slice(2)
    different, which = distributions_in(column, ("a", "b"))
    expected = [None if row is None else vote_distribution(row, ("a", "b")) for row in rows]
    assert [different[number] for number in which] == expected
    digests = [bytes([number % 256]) * 32 for number in range(len(rows))]
    assert with_distributions(digests, different, which) == [
        with_distribution(*both) for both in zip(digests, expected, strict=True)
    ]


def test_the_digest_of_a_post_covers_its_distribution_if_it_has_one() -> None:
    content = b"x" * 32
    assert with_distribution(content, None) == content
    digests = {with_distribution(content, it) for it in ((0.5, 0.5), (0.25, 0.75), (1.0,))}
    assert len(digests | {content}) == 4
