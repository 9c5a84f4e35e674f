"""Metrics and answers as tables, to the last space."""

from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.evaluation.report import (
    judged_posts,
    metrics_table,
    missing_table,
    no_better,
    prediction_table,
    split_table,
)


def figures(**fields: Any) -> dict[str, Any]:
    return {"accuracy": 0.5, "macro_f1": 0.25, "weighted_f1": 0.125, "count": 8, **fields}


class TestMetricsTable:
    rows = dict.fromkeys(SUBSETS, figures()) | {
        "image": figures(accuracy=1.0, macro_f1=None, count=12345),
        "text": figures(weighted_f1={"mean": 0.61234, "std": 0.00456, "values": [0.6, 0.62]}),
        "tags": figures(accuracy={"mean": None, "std": None, "values": [None]}),
    }

    def test_per_cent_by_subset(self) -> None:
        assert metrics_table(self.rows).splitlines() == [
            "subset              accuracy    macro F1  weighted F1   posts",
            "image                 100.00           -        12.50   12345",
            "text                   50.00       25.00   61.23±0.46       8",
            "tags                       -       25.00        12.50       8",
            "image+text             50.00       25.00        12.50       8",
            "image+tags             50.00       25.00        12.50       8",
            "text+tags              50.00       25.00        12.50       8",
            "image+text+tags        50.00       25.00        12.50       8",
        ]

    def test_the_error_after_calibration(self) -> None:
        errors = {subset: {"before": 0.9, "after": 0.01} for subset in SUBSETS}
        found = metrics_table(self.rows, errors).splitlines()
        assert found[0] == "subset              accuracy    macro F1  weighted F1   posts     ECE"
        assert found[1] == "image                 100.00           -        12.50   12345    1.00"


class TestSplitTable:
    def metrics(self, right: int, std: float | None, values: int) -> dict[str, Any]:
        accuracy = {"mean": right / 100, "std": std, "values": [right / 100] * values}
        return {
            "test": dict.fromkeys(SUBSETS, figures(count=0, accuracy=None))
            | {"text": figures(accuracy=accuracy, count=100)},
            "confusions": {"test": {"text": [[right - 30, 90 - right], [10, 30]]}},
        }

    def test_it_names_split_and_unit_and_repeats(self) -> None:
        once = split_table("test", self.metrics(80, None, 1)).splitlines()
        assert once[0] == "test, in per cent"
        assert once[3] == "text                   80.00       25.00        12.50     100"
        twice = split_table("test", self.metrics(80, 0.0, 2)).splitlines()
        assert twice[0] == "test, in per cent, mean±standard deviation of 2 repeats"
        assert "80.00±0.00" in twice[3]
        assert len(once) == len(twice) == 9

    def test_no_better_than_a_constant_answer(self) -> None:
        """60 of the posts are of one class; Wilson's interval of 65 in 100 reaches below it."""
        lines = split_table("test", self.metrics(65, None, 1)).splitlines()
        assert lines[9:] == [
            "text: no better than always answering the most frequent class (60.00): accuracy "
            "65.00, 95% interval 55.25 to 73.64 on 100 posts"
        ]
        assert len(split_table("test", self.metrics(75, None, 1)).splitlines()) == 9


def test_missing_table() -> None:
    rows = [
        {"rate": 0.0, "accuracy": 0.75, "weighted_f1": 0.5, "answered": 1.0},
        {"rate": 0.9, "accuracy": None, "weighted_f1": {"mean": 0.5, "std": 0.25}, "answered": 0.1},
    ]
    area = {"value": 0.7, "interval": [0.65, 0.75]}
    curve = {"rates": rows, "draws": 10, "area": area, "filled": {}}
    head = "test, modalities dropped at random, in per cent, mean±standard deviation of 10 draws"
    area_line = "area under the accuracy (its mean over the rates): 70.00 (65.00 to 75.00)"
    assert missing_table(curve).splitlines() == [
        head,
        "dropped             accuracy  weighted F1     answered",
        "0%                     75.00        50.00       100.00",
        "90%                        -  50.00±25.00        10.00",
        area_line,
        "no complete head in which absent modalities could be filled in to compare",
    ]
    less = {"value": -0.01, "interval": [-0.03, 0.01]}
    curve["filled"] = {"mean": {"rates": rows, "area": area, "ours_minus_this": less}}
    assert missing_table(curve).splitlines() == [
        head,
        "                                                      accuracy of the complete head, "
        "absent modalities filled with",
        "dropped             accuracy  weighted F1     answered         mean",
        "0%                     75.00        50.00       100.00        75.00",
        "90%                        -  50.00±25.00        10.00            -",
        area_line,
        "  the complete head, filled with mean: 70.00 (65.00 to 75.00); the heads are "
        "-1.00 (-3.00 to +1.00) ahead",
    ]


class TestPredictionTable:
    answer = {"label": "awe", "subset": "text", "probabilities": {"fear": 0.25, "awe": 0.75}}  # noqa: RUF012

    def test_the_most_probable_class_comes_first(self) -> None:
        assert prediction_table(self.answer).splitlines() == [
            "awe (from text)",
            "awe             75.0 %",
            "fear            25.0 %",
        ]

    def test_what_each_head_says(self) -> None:
        heads = {
            "text": {"label": "awe", "probability": 0.75},
            "image+text+tags": {"label": "amusement", "probability": 0.5},
        }
        assert prediction_table(self.answer | {"heads": heads}).splitlines()[3:] == [
            "",
            "what each head says:",
            "text              awe          75.0 %",
            "image+text+tags   amusement    50.0 %",
        ]

    def test_a_class_cannot_forge_a_line(self) -> None:
        heads = {"text": {"label": "a\nb", "probability": 1.0}}
        answer = {"label": "a\nb", "subset": "text", "probabilities": {"a\nb": 1.0}, "heads": heads}
        assert prediction_table(answer).splitlines() == [
            "a b (from text)",
            "a b            100.0 %",
            "",
            "what each head says:",
            "text              a b   100.0 %",
        ]


class TestJudgedPosts:
    # A head that answers the first class for each of its eight posts, four of them rightly.
    whole = figures(accuracy=0.5)
    judged: dict[str, Any] = {  # noqa: RUF012
        "all": whole,
        "posts": 11,
        "unlabelled": 2,
        "warnings": 0,
        "errors": 1,
        "figures": dict.fromkeys(SUBSETS, whole),
        "confusions": {key: [[4, 0], [4, 0]] for key in ("all", *SUBSETS)},
    }

    def test_how_many_posts_were_judged_and_how_well(self) -> None:
        lines = judged_posts(self.judged).splitlines()
        assert lines[0] == (
            "8 of 11 posts judged; left out: 2 without a label, 1 that cannot be answered"
        )
        assert lines[1] == (
            "in per cent, each by the head of what it holds: accuracy 50.00, macro F1 25.00, "
            "weighted F1 12.50"
        )
        table = lines.index("each head on all posts that have its modalities, in per cent")
        assert lines[table + 1 : table + 3] == [
            "subset              accuracy    macro F1  weighted F1   posts",
            "image                  50.00       25.00        12.50       8",
        ]
        assert lines[2:table] == no_better({"all": self.whole}, self.judged["confusions"])
        assert lines[2:table]
        assert lines[table + 9 :] == no_better(self.judged["figures"], self.judged["confusions"])

    def test_nothing_is_said_of_what_was_not_left_out(self) -> None:
        lines = judged_posts(self.judged | {"unlabelled": 0, "errors": 0}).splitlines()
        assert lines[0] == "8 of 11 posts judged"
        lines = judged_posts(self.judged | {"unlabelled": 0}).splitlines()
        assert lines[0] == "8 of 11 posts judged; left out: 1 that cannot be answered"
