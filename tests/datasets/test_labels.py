"""The label rules."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.labels import Label, NoLabel, label_by_sentiment, label_by_votes

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
    def test_the_rule_as_the_design_words_it(
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
