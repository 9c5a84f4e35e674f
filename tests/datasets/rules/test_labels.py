"""The label rules."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.rules.labels import Label, NoLabel, label_by_sentiment, label_by_votes

emotions = st.sampled_from(["amusement", "awe", "fear", "sadness"])
vote_rows = st.lists(st.tuples(emotions, st.integers(0, 5), st.integers(0, 5)), max_size=8)


class TestVotes:
    @pytest.mark.parametrize(
        ("rows", "label"),
        [
            ([("awe", 3, 2)], Label(name="awe", votes=3)),
            ([("awe", 2, 0)], NoLabel(reason="votes")),
            ([("awe", 3, 3)], NoLabel(reason="votes")),
            ([("awe", 0, 0)], NoLabel(reason="votes")),
            ([("awe", 2, 1), ("awe", 2, 1)], Label(name="awe", votes=4)),
            ([("awe", 4, 1), ("fear", 3, 2)], Label(name="awe", votes=4)),
            ([("awe", 4, 1), ("fear", 4, 1)], NoLabel(reason="tie")),
            ([("awe", 3, 4), ("fear", 2, 0)], NoLabel(reason="votes")),
            ([], NoLabel(reason="votes")),
        ],
    )
    def test_golden_cases(self, rows: list[tuple[str, int, int]], label: Label | NoLabel) -> None:
        assert label_by_votes(rows, min_votes=3) == label

    @given(vote_rows, st.integers(1, 6))
    def test_the_rule_as_the_design_states_it(
        self, rows: list[tuple[str, int, int]], min_votes: int
    ) -> None:
        label = label_by_votes(rows, min_votes=min_votes)
        agree = {e: sum(a for name, a, _ in rows if name == e) for e, *_ in rows}
        disagree = {e: sum(d for name, _, d in rows if name == e) for e, *_ in rows}
        if isinstance(label, Label):
            assert label.votes == agree[label.name] >= min_votes
            assert agree[label.name] > disagree[label.name]
            assert all(agree[e] < agree[label.name] for e in agree if e != label.name)
        else:
            best = max(agree.values(), default=0)
            leaders = [e for e in agree if agree[e] == best]
            assert best < min_votes or len(leaders) > 1 or disagree[leaders[0]] >= best

    @given(vote_rows, st.randoms())
    def test_the_order_of_rows_does_not_matter(
        self, rows: list[tuple[str, int, int]], random: Random
    ) -> None:
        shuffled = list(rows)
        random.shuffle(shuffled)
        assert label_by_votes(rows, min_votes=3) == label_by_votes(shuffled, min_votes=3)

    @given(vote_rows, st.data())
    def test_votes_may_be_spread_over_several_rows(
        self, rows: list[tuple[str, int, int]], data: st.DataObject
    ) -> None:
        pieces = []
        for emotion, agree, disagree in rows:
            part, other = data.draw(st.integers(0, agree)), data.draw(st.integers(0, disagree))
            pieces += [(emotion, part, other), (emotion, agree - part, disagree - other)]
        assert label_by_votes(pieces, min_votes=3) == label_by_votes(rows, min_votes=3)

    @given(vote_rows, emotions)
    def test_rows_without_votes_change_nothing(
        self, rows: list[tuple[str, int, int]], emotion: str
    ) -> None:
        without = label_by_votes(rows, min_votes=3)
        assert label_by_votes([*rows, (emotion, 0, 0)], min_votes=3) == without

    @given(st.integers(1, 5), st.lists(emotions, unique=True), st.integers(0, 5))
    def test_only_rows_without_votes(self, min_votes: int, names: list[str], against: int) -> None:
        rows = [(name, 0, against) for name in names]
        assert label_by_votes(rows, min_votes=min_votes) == NoLabel(reason="votes")

    @given(st.integers(1, 9), st.lists(emotions, min_size=2, max_size=4, unique=True))
    def test_emotions_with_equally_many_votes(self, votes: int, names: list[str]) -> None:
        rows = [(name, votes, 0) for name in names]
        assert label_by_votes(rows, min_votes=votes) == NoLabel(reason="tie")
        assert label_by_votes(rows, min_votes=votes + 1) == NoLabel(reason="votes")
        one_more = [*rows, (names[-1], 1, 0)]
        assert label_by_votes(one_more, min_votes=votes) == Label(name=names[-1], votes=votes + 1)


class TestSentiment:
    values = {"happy_dog": 1.5, "sad_dog": -0.5, "nice_day": 0.5}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("pairs", "label"),
        [
            (["happy_dog"], Label(name="positive", sentiment=1.5)),
            (["sad_dog"], Label(name="negative", sentiment=-0.5)),
            (["happy_dog", "nice_day", "happy_dog"], Label(name="positive", sentiment=1.0)),
            (["happy_dog", "sad_dog"], NoLabel(reason="conflict")),
            (["candid_guy"], NoLabel(reason="no-sentiment")),
            (["candid_guy", "sad_dog"], Label(name="negative", sentiment=-0.5)),
        ],
    )
    def test_golden_cases(self, pairs: list[str], label: Label | NoLabel) -> None:
        assert label_by_sentiment(pairs, self.values) == label

    known = st.dictionaries(
        st.sampled_from("abcdef"), st.floats(-2, 2, allow_nan=False), min_size=1
    )

    @given(known, st.lists(st.sampled_from("abcdefgh"), max_size=8), st.randoms())
    def test_neither_order_nor_repetition_matters(
        self, values: dict[str, float], pairs: list[str], random: Random
    ) -> None:
        again = pairs * 2
        random.shuffle(again)
        assert label_by_sentiment(again, values) == label_by_sentiment(pairs, values)

    @given(known, st.lists(st.sampled_from("abcdefgh"), max_size=8))
    def test_the_rule_as_the_design_states_it(
        self, values: dict[str, float], pairs: list[str]
    ) -> None:
        label = label_by_sentiment(pairs, values)
        counted = [values[pair] for pair in set(pairs) if values.get(pair)]
        if isinstance(label, Label):
            assert label.votes is None
            assert label.sentiment == pytest.approx(sum(counted) / len(counted))
            assert {value > 0 for value in counted} == {label.name == "positive"}
        elif label.reason == "conflict":
            assert min(counted) < 0 < max(counted)
        else:
            assert label.reason == "no-sentiment"
            assert not counted

    def test_a_pair_without_a_sign_counts_as_none(self) -> None:
        values = {"plain_day": 0.0, "sad_dog": -0.5}
        assert label_by_sentiment(["plain_day"], values) == NoLabel(reason="no-sentiment")
        assert label_by_sentiment(["plain_day", "sad_dog"], values) == Label(
            name="negative", sentiment=-0.5
        )
