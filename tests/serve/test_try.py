"""A run answers what a reader gives, as `predict` does, and says what spoke for it."""

import re
from pathlib import Path

import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.serve.networks import Networks
from tests.model.dataset_folder import picture
from tests.serve.conftest import ATTACK, Reader


def shares(shown: str) -> dict[str, float]:
    found = re.findall(r'<th scope="row">(\w+)</th><td class="bar">.*?number">([\d.]+) %', shown)
    return {label: float(share) for label, share in found}


@pytest.mark.parametrize("given", ["image", "text", "tags", "image+text", "image+text+tags"])
def test_any_subset_is_answered_as_by_predict(reader: Reader, run: Path, given: str) -> None:
    text = "storm and rage in the street" if "text" in given else ""
    tags = "riot, protest" if "tags" in given else ""
    image = picture((200, 30, 30)) if "image" in given else None
    sent = {"files": {"image": ("p.jpg", image)}} if image else {}
    shown = reader.submit("/try", {"text": text, "tags": tags}, **sent).text
    expected = Predictor(run, device="cpu").answer(
        image=image, text=text or None, tags=tags.split(", ") if tags else None
    )
    assert f"<h2>{expected.label}</h2>" in shown
    assert shares(shown) == {
        label: pytest.approx(100 * share, abs=0.06)
        for label, share in expected.probabilities.items()
    }
    assert shown.count("(the answer)") == 1
    assert ("<figure" in shown) == (image is not None)


def test_the_words_of_the_text_are_shown_in_order(reader: Reader) -> None:
    shown = reader.submit("/try", {"text": "Storm, and rage! (riot)", "tags": ""}).text
    found = re.search(r'id="words"[^>]*>(.*?)</p>', shown)
    assert found
    assert re.sub(r"<[^>]+>", "", found[1]).split() == ["Storm,", "and", "rage!", "(riot)"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"text": "", "tags": ""}, "The post is empty"),
        ({"text": "...", "tags": ""}, "has no word in it"),
        ({"text": "", "tags": "!!"}, "have no letter in them"),
    ],
)
def test_what_cannot_be_answered_is_said(reader: Reader, form: dict[str, str], said: str) -> None:
    assert said in reader.submit("/try", form).text


def test_a_file_that_is_no_picture_is_said(reader: Reader) -> None:
    files = {"image": ("p.jpg", b"%PDF-1.4 no picture")}
    shown = reader.submit("/try", {"text": "", "tags": ""}, files=files).text
    assert "is a PDF" in shown


def test_what_is_given_is_shown_as_text(reader: Reader) -> None:
    shown = reader.submit("/try", {"text": ATTACK + " storm", "tags": ATTACK, "run": ATTACK}).text
    assert ATTACK not in shown


def test_a_post_of_the_data_set_can_be_tried(reader: Reader) -> None:
    shown = reader.show("/try?post=75")
    assert "This is post 75 of the data set" in shown
    assert 'src="/picture/75"' in shown
    answered = reader.submit("/try", {"text": "", "tags": "", "post": "75"}).text
    assert "from image" in answered
    assert "This is post" not in reader.show("/try?post=99999")


def test_runs_are_named_by_their_folders(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "tiny"
    other.symlink_to(run)
    assert Networks([run]).names == ["tiny"]
    assert len({*Networks([run, tmp_path / "other"]).names}) == 2
    with pytest.raises(ModelError):
        Networks([tmp_path / "absent"]).predictor("absent")
