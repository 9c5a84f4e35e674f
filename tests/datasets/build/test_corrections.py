"""`build-splits --corrections`: what readers found wrong is right in the next build."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.corrections.table import Correction, write_corrections
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from tests.commands import refusal

WHEN = "2026-11-30T12:00:00Z"


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """Forty posts of one's own, of two classes."""
    rows = [
        {
            "photo_id": str(number),
            "text": f"the quiet lake at dawn number{number} again",
            "label": ("awe", "fear")[number % 2],
            "votes": 5,
        }
        for number in range(40)
    ]
    path = tmp_path / "posts.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def table(tmp_path: Path, *corrections: Correction) -> Path:
    path = tmp_path / "corrections.csv"
    write_corrections({it.photo_id: it for it in corrections}, path)
    return path


def wrong(photo_id: str, was: str, label: str = "") -> Correction:
    return Correction(photo_id=photo_id, what="wrong-label", was=was, label=label, when=WHEN)


def unfit(photo_id: str) -> Correction:
    return Correction(photo_id=photo_id, what="unfit", was="awe", when=WHEN)


def held(out: Path) -> dict[str, tuple[str, int | None]]:
    dataset = open_dataset(out)
    return {
        row["photo_id"]: (row["label"], row["votes"])
        for split in dataset.counts
        for rows in dataset.batches(split, ("photo_id", "label", "votes"))
        for row in rows
    }


def test_labels_are_changed_and_posts_left_out_with_a_reason(posts: Path, tmp_path: Path) -> None:
    said: list[str] = []
    corrections = table(tmp_path, wrong("0", "awe", "fear"), wrong("2", "awe"), unfit("4"))
    build_splits(posts, tmp_path / "d", say=said.append, corrections=corrections)
    found = held(tmp_path / "d")
    assert found["0"] == ("fear", None)  # nobody has counted votes for the new label
    assert found["6"] == ("awe", 5)
    assert {"2", "4"}.isdisjoint(found)
    excluded = pq.read_table(tmp_path / "d" / "excluded.parquet").to_pylist()
    assert {(it["photo_id"], it["reason"]) for it in excluded} == {
        ("2", "wrong-label"),
        ("4", "unfit"),
    }
    assert (
        "corrections: 1 with another label, 1 left out for a wrong label, 1 left out as unfit"
        in said
    )
    described = json.loads((tmp_path / "d" / "dataset.json").read_text(encoding="utf-8"))
    assert described["corrections"].items() >= {"wrong-label": 2, "unfit": 1}.items()


def test_what_no_longer_fits_is_not_applied_and_said(posts: Path, tmp_path: Path) -> None:
    said: list[str] = []
    corrections = table(tmp_path, wrong("0", "fear"), unfit("77"), unfit("4"))
    build_splits(posts, tmp_path / "d", say=said.append, corrections=corrections)
    assert held(tmp_path / "d")["0"] == ("awe", 5)
    assert (
        "corrections: 1 left out as unfit; 2 not applied, the first: photo 0 is now labelled awe, "
        "not fear"
    ) in said


def test_without_corrections_nothing_differs(posts: Path, tmp_path: Path) -> None:
    plain = build_splits(posts, tmp_path / "plain", say=lambda _: None)
    empty = build_splits(posts, tmp_path / "e", say=lambda _: None, corrections=table(tmp_path))
    assert plain["digest"] == empty["digest"]
    assert "corrections" not in plain


def test_a_label_that_no_other_post_has_is_refused(posts: Path, tmp_path: Path) -> None:
    corrections = table(tmp_path, wrong("0", "awe", "faer"), wrong("2", "awe", "faer"))
    with pytest.raises(
        DatasetError, match="photo 0 gets the label 'faer', which no other post has"
    ):
        build_splits(posts, tmp_path / "d", say=lambda _: None, corrections=corrections)
    assert not (tmp_path / "d").exists()


def test_a_table_that_cannot_be_read_ends_the_command(posts: Path, tmp_path: Path) -> None:
    line = refusal("build-splits", posts, "--out", tmp_path / "d", "--corrections", tmp_path / "x")
    assert "x is not there" in line


def test_a_changed_table_is_applied_to_a_data_set_that_is_there(
    posts: Path, tmp_path: Path
) -> None:
    """What is taken over from the earlier build was judged by the earlier corrections."""
    said: list[str] = []

    def build(*corrections: Correction) -> dict[str, tuple[str, int | None]]:
        path = table(tmp_path, *corrections)
        build_splits(posts, tmp_path / "d", say=said.append, corrections=path)
        return held(tmp_path / "d")

    assert build(wrong("0", "awe", "fear"))["0"] == ("fear", None)
    before = len(said)
    assert build(wrong("0", "awe", "fear"))["0"] == ("fear", None)
    assert "nothing has changed" in said[-1]
    assert "corrections: 1 with another label" in said[before:]
    assert "0" not in build(unfit("0"))
    build_splits(posts, tmp_path / "d", say=said.append)
    assert held(tmp_path / "d")["0"] == ("awe", 5)
