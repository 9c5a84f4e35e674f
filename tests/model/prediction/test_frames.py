"""A predictor is loaded once and answers one post, many, or the rows of a table."""

from pathlib import Path

import pandas as pd
import pytest

from flickr_emotion import Predictor, RawPost
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.answers import Prediction
from flickr_emotion.model.prediction.prediction import predict_one
from tests.model.prediction.test_prediction import parts


@pytest.fixture(scope="module")
def predictor(run_folder: Path) -> Predictor:
    return Predictor(run_folder, device="cpu")


def test_one_post(predictor: Predictor, run_folder: Path) -> None:
    given = parts("awe", "text+tags")
    assert predictor.answer(**given).content(explain=False) == predict_one(run_folder, **given)
    with pytest.raises(ModelError, match="has no modality"):
        predictor.answer()


def test_a_table_says_what_each_post_alone_would(predictor: Predictor) -> None:
    given = [parts(label, subset) for label in ("anger", "awe") for subset in SUBSETS]
    frame = pd.DataFrame(given, index=range(10, 10 + len(given)))
    found = predictor.predict_frame(frame)
    assert list(found.index) == list(frame.index)
    assert list(found.columns) == [
        *("subset", "label", "probability_anger", "probability_awe", "warning", "error"),
    ]
    alone = predictor.predict([RawPost(name=str(n), **post) for n, post in enumerate(given)])
    for row, answer in zip(found.to_dict("records"), alone, strict=True):
        assert isinstance(answer, Prediction)
        assert (row["subset"], row["label"]) == (answer.subset, answer.label)
        assert row["probability_awe"] == pytest.approx(answer.probabilities["awe"], abs=1e-6)


def test_rows_that_cannot_be_answered_say_why(predictor: Predictor) -> None:
    frame = pd.DataFrame(
        {"text": ["storm of rage", None, "!!"], "tags": ["riot,protest", None, "peak"]},
    )
    found = predictor.predict_frame(frame, explain=True)
    assert list(found["subset"].fillna("")) == ["text+tags", "", "tags"]
    assert "has no modality" in found["error"][1]
    assert found["heads"].notna().tolist() == [True, False, True]


def test_an_empty_table(predictor: Predictor) -> None:
    assert predictor.predict_frame(pd.DataFrame({"text": []})).empty
