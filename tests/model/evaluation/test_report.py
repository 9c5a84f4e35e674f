"""Metrics and answers as tables, to the last space."""

from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.evaluation.report import metrics_table, missing_table, prediction_table


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


def test_missing_table() -> None:
    rows = [
        {"rate": 0.0, "accuracy": 0.75, "weighted_f1": 0.5, "answered": 1.0},
        {"rate": 0.9, "accuracy": None, "weighted_f1": {"mean": 0.5, "std": 0.25}, "answered": 0.1},
    ]
    assert missing_table({"rates": rows}).splitlines() == [
        "dropped             accuracy  weighted F1     answered",
        "0%                     75.00        50.00       100.00",
        "90%                        -  50.00±25.00        10.00",
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
