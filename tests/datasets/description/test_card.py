"""What the card says of a data set of one's own, and to the Hub."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.description.card import data_set_card
from flickr_emotion.datasets.rules.options import BuildOptions

LABELS = ("*calm* |_x_", 'no: "yes"', "日本 👩‍🚀\u202e")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    rows = [
        {"id": f"{n}", "label": LABELS[n % 3], "text": f"a quiet walk along the river {n}"}
        for n in range(60)
    ]
    path = folder / "posts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build_splits(path, folder / "D", BuildOptions(), lambda line: None)
    return folder / "D"


def front_matter(card: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return content


def test_the_hub_reads_the_classes(dataset: Path) -> None:
    said = front_matter((dataset / "README.md").read_text(encoding="utf-8"))
    features = {it["name"]: it for it in said["dataset_info"]["features"]}
    names = features["label"]["dtype"]["class_label"]["names"]
    assert list(names.values()) == sorted(LABELS)
    assert features["tags"]["sequence"] == "string"
    assert said["language"] == ["en"]


@pytest.mark.parametrize(
    ("code", "language"), [("zh-cn", ["zh"]), ("fr", ["fr"]), ("no-one", ["no"])]
)
def test_languages_have_no_country(dataset: Path, code: str, language: list[str]) -> None:
    content = json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))
    content["options"]["language"] = code
    assert front_matter(data_set_card(content, ()))["language"] == language


def test_it_is_ones_own_and_of_no_server(dataset: Path) -> None:
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert "Posts of one's own" in card
    assert "another server" not in card
    assert "Flickr's licence" not in card
    assert "flickr" not in front_matter(card)["tags"]
    assert "Flickr's id" not in json.loads((dataset / "croissant.json").read_text())["license"]


def test_labels_are_no_markup(dataset: Path) -> None:
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert r"| \*calm\* \|\_x\_ |" in card
    assert "| 日本 👩‍🚀\ufffd |" in card
