"""What is not the paper's is said wherever the default is called the paper's."""

import dataclasses
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.departures import RANDOM_WORDS, departures
from flickr_emotion.model.reproduction.reproduce import EXPERIMENTS, _lines
from tests.model.conftest import TINY
from tests.model.training.test_material import prepared


def test_the_default_has_one() -> None:
    config = TrainingConfig()
    assert departures(config.options(), config.modalities) == [RANDOM_WORDS]
    whole = dataclasses.replace(config, word_vectors=Path("GoogleNews.bin.gz"))
    assert departures(whole.options(), whole.modalities) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model": "fasttext"}, [RANDOM_WORDS]),
        ({"model": "inception"}, []),
        ({"model": "single-task", "subset": "image+tags"}, []),
        (
            {"model": "single-task", "subset": "image", "image_encoder": "resnet50"},
            ["the image encoder is resnet50, the paper's is densenet121"],
        ),
        (
            {"model": "single-task", "subset": "image", "image_weights": "none"},
            ["the image encoder begins at random, the paper's is ImageNet's"],
        ),
    ],
)
def test_of_what_a_system_reads(options: dict[str, str], expected: list[str]) -> None:
    config = TrainingConfig(**options)  # type: ignore[arg-type]
    assert departures(config.options(), config.modalities) == expected


def test_training_says_it(
    dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(TINY, dataset_folder, tmp_path / "run")
    (line,) = [it for it in capsys.readouterr().err.splitlines() if "not as in the paper" in it]
    assert RANDOM_WORDS in line
    assert "the image encoder is squeezenet1_1" in line


def test_the_pages_of_reproduce_say_it() -> None:
    settings = TrainingConfig().options() | {"seeds": [0]}
    content = {
        "title": "Figure 3",
        "settings": settings,
        "claims": [],
        "dataset": {"digest": "d" * 64, "service": "flickr", "posts": {"train": 3}},
        "subsets": {},
    }
    experiment = dataclasses.replace(EXPERIMENTS["figure3"], markdown=lambda _: ["| table |"])
    lines = _lines("figure3", experiment, content)
    assert f"Not as in the paper: {RANDOM_WORDS}." in lines
    assert departures(settings, MODALITIES) == [RANDOM_WORDS]


@pytest.mark.parametrize("page", ["README.md", "docs/model.md"])
def test_the_documents_say_it(page: str) -> None:
    text = (PROJECT / page).read_text(encoding="utf-8")
    assert "word2vec" in text
    assert "at random" in text
    assert "exactly the network of the paper" not in text
