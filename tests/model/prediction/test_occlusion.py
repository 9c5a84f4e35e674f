"""What spoke for an answer is what the answer loses without it."""

import math
from pathlib import Path

import numpy as np
import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.occlusion import MOST_PARTS, REGIONS, explain
from flickr_emotion.model.prediction.prediction import Predictor
from tests.model.dataset_folder import picture


@pytest.fixture(scope="module")
def predictor(run_folder: Path) -> Predictor:
    return Predictor(run_folder, device="cpu")


def log_odds(predictor: Predictor, label: str, **given: object) -> float:
    share = predictor.answer(**given).probabilities[label]  # type: ignore[arg-type]
    return math.log(share / (1 - share))


def test_a_word_weighs_what_the_answer_loses_without_it(predictor: Predictor) -> None:
    text = "Storm, shout <b>rage</b> ... street!"
    found = explain(predictor, text=text)
    assert [it.text for it in found.words] == ["Storm,", "shout", "rage", "...", "street!"]
    label = found.answer.label
    whole = log_odds(predictor, label, text=text)
    for at, other in ((0, "shout rage street"), (2, "storm shout street")):
        lost = whole - log_odds(predictor, label, text=other)
        assert found.words[at].weight == pytest.approx(lost, abs=1e-4)
        assert found.words[at].odds == pytest.approx(math.exp(lost), rel=1e-3)
    assert found.words[3].weight is None  # it is no word
    assert found.words[3].odds == 1
    assert found.tags == []
    assert found.regions is None
    assert found.answer == predictor.answer(text=text)


def test_a_tag_is_left_out_with_the_rest_of_the_post_in_place(predictor: Predictor) -> None:
    given = {"text": "storm and rage", "image": picture((200, 30, 30))}
    found = explain(predictor, tags=["Riot", "peak", "riot"], **given)  # type: ignore[arg-type]
    assert [it.text for it in found.tags] == ["peak", "riot"]
    label = found.answer.label
    whole = log_odds(predictor, label, tags=["peak", "riot"], **given)
    lost = whole - log_odds(predictor, label, tags=["peak"], **given)
    assert found.tags[1].weight == pytest.approx(lost, abs=1e-4)


def test_what_is_alone_is_compared_with_knowing_nothing(predictor: Predictor) -> None:
    found = explain(predictor, tags=["riot"])
    share = found.answer.probabilities[found.answer.label]
    assert found.tags[0].weight == pytest.approx(math.log(share / (1 - share)), abs=1e-4)


def test_a_square_weighs_what_the_answer_loses_when_it_is_covered(predictor: Predictor) -> None:
    flat = explain(predictor, image=picture((30, 60, 200)))
    assert flat.regions is not None
    assert flat.regions.shape == (REGIONS, REGIONS)
    # Of a picture of one colour, nothing changes where a square has its mean colour.
    assert np.abs(flat.regions).max() < 0.05


def test_a_long_text_is_judged_up_to_a_limit(predictor: Predictor) -> None:
    found = explain(predictor, text=" ".join(f"storm{n}" for n in range(MOST_PARTS + 20)))
    judged = [it.weight is not None for it in found.words]
    assert judged == [True] * MOST_PARTS + [False] * 20


def test_a_post_without_anything_is_refused_as_by_answer(predictor: Predictor) -> None:
    with pytest.raises(ModelError, match="has no modality"):
        explain(predictor)
