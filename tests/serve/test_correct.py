"""Corrections are kept beside the data set, and the next build takes them."""

from pathlib import Path

import pandas as pd
import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.corrections.table import read_corrections
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.serve.server import PageServer
from flickr_emotion.serve.site import open_site
from tests.serve.conftest import ATTACK, Reader


def files(folder: Path) -> dict[str, bytes]:
    return {str(it): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def test_a_post_is_marked_and_the_mark_taken_back(own_data: Path) -> None:
    before = files(own_data)
    table = own_data.with_name("posts.corrections.csv")
    with PageServer(open_site([own_data])) as server, Reader(server) as reader:
        wrong = {"what": "wrong-label", "label": "awe", "why": f" no\nanger {ATTACK} "}
        shown = reader.submit("/post/0", wrong)
        assert shown.status_code == 200
        assert "Marked as wrong label: rather awe (no anger &lt;script&gt;" in shown.text
        assert reader.submit("/post/3?label=awe", {"what": "unfit", "why": ""}).url.endswith(
            "/post/3?label=awe"
        )
        found = read_corrections(table)
        assert [(it.photo_id, it.what, it.was, it.label) for it in found.values()] == [
            ("1000", "wrong-label", "anger", "awe"),
            ("1003", "unfit", "awe", ""),
        ]
        assert all(it.when.endswith("Z") for it in found.values())
        listed = reader.show("/explore?corrected=1")
        assert ">2 of 90 posts<" in listed
        assert "wrong label: rather awe" in listed
        assert "Marked" not in reader.submit("/post/0", {"what": "nothing"}).text
        assert list(read_corrections(table)) == ["1003"]
    assert files(own_data) == before
    with PageServer(open_site([own_data])) as server, Reader(server) as reader:
        assert "Marked as unfit" in reader.show("/post/3")


@pytest.mark.parametrize(
    "form",
    [
        {"what": "wrong-label", "label": "no such"},
        {"what": "wrong-label", "label": "anger"},
        {"what": "wrong-label", "why": "x" * 501},
        {"what": "something"},
        {},
    ],
)
def test_what_makes_no_sense_is_refused_and_not_written(
    own_data: Path, form: dict[str, str]
) -> None:
    with PageServer(open_site([own_data])) as server, Reader(server) as reader:
        answer = reader.submit("/post/0", form)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
    assert not own_data.with_name("posts.corrections.csv").exists()


def test_rows_that_others_have_added_stay(own_data: Path) -> None:
    table = own_data.with_name("posts.corrections.csv")
    with PageServer(open_site([own_data])) as server, Reader(server) as reader:
        reader.submit("/post/0", {"what": "unfit"})
        with table.open("a", encoding="utf-8") as file:
            file.write("77,unfit,awe,,,2026-11-30T12:00:00Z\n")
        reader.submit("/post/1", {"what": "unfit"})
    assert list(read_corrections(table)) == ["1000", "77", "1001"]


def test_a_table_that_cannot_be_read_ends_the_command(own_data: Path) -> None:
    table = own_data.with_name("posts.corrections.csv")
    table.write_text("photo_id\n1\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"posts\.corrections\.csv has no column 'what'"):
        open_site([own_data])


def test_a_build_takes_what_the_page_has_written(tmp_path: Path) -> None:
    posts = tmp_path / "posts.csv"
    rows = [
        {
            "photo_id": n,
            "text": f"the quiet lake number{n} at dawn",
            "label": ("awe", "fear")[n % 2],
        }
        for n in range(30)
    ]
    pd.DataFrame(rows).to_csv(posts, index=False)
    build_splits(posts, tmp_path / "d", say=lambda _: None)
    opened = open_site([tmp_path / "d"])
    assert opened.explorer is not None
    number = opened.explorer.index.number_of("4")
    with PageServer(opened) as server, Reader(server) as reader:
        reader.submit(f"/post/{number}", {"what": "wrong-label", "label": "fear"})
    table = tmp_path / "d.corrections.csv"
    build_splits(posts, tmp_path / "d", say=lambda _: None, corrections=table)
    labels = {
        row["photo_id"]: row["label"]
        for split in ("train", "validation", "test")
        for batch in open_dataset(tmp_path / "d").batches(split, ["photo_id", "label"])
        for row in batch
    }
    assert labels["4"] == "fear"
    assert labels["6"] == "awe"
