"""The same posts in every form in which people keep them are read as the same data set.

The files were written by the real tools (``write_own_forms``; ``own_forms/VERSIONS.json``).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.sources.own_posts import prepare
from flickr_emotion.datasets.sources.post_tables import open_posts

FORMS = Path(__file__).parent / "own_forms"
ODD = "photo_id=Key,label=What I felt,text=alt,image=where,tags=kw,votes=n,owner=by"
SAME = (
    *("pandas.csv", "pandas_index_votes_as_floats.csv", "pandas_tabs.tsv", "pandas_bars.txt"),
    *("pandas_mark.csv", "pandas_all_quoted.csv", "pandas.csv.gz", "pandas.zip"),
    *("pandas_mac_roman.csv", "excel.csv", "excel_unicode_text.txt", "polars.csv", "duckdb.csv"),
    *("tags_python_lists.csv", "tags_numpy_lists.csv", "tags_json_lists.csv"),
    *("tags_semicolons.csv", "tags_bars.csv", "tags_hashtags.csv", "tags_machine_tags.csv"),
    *("tags_words_for_nothing.csv", "other_names.csv"),
    *("pandas.jsonl", "pandas.json", "polars.ndjson", "duckdb.json", "duckdb_array.json"),
    *("pandas.parquet", "pyarrow_views.parquet", "polars_categories_decimals.parquet"),
    *("polars_enums.parquet", "duckdb_uuid_enum_hugeint.parquet", "hugging_face.parquet"),
    *("hugging_face_shards", "csv_shards", "imagefolder_metadata"),
)


def read(path: Path, workspace: Path, columns: str | None = None) -> list[dict[str, Any]]:
    """The posts of a form, without what a form must change: places, and which line ends."""
    source = prepare(path, workspace, min_votes=1, columns=columns)
    return [
        {
            "photo_id": row["photo_id"],
            "label": row["label"],
            "votes": row["votes"],
            "text": " ".join((row["description"] or "").split()),
            "tags": normalise_tags(row["tags"]),
            "image": row["image_bytes"]
            or (Path(row["image_path"]).read_bytes() if row["image_path"] else None),
            "owner": row["owner"],
        }
        for first, last in source.ranges(4)
        for row in source.read(first, last)
    ]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return read(FORMS / "pandas.csv", tmp_path_factory.mktemp("pandas"))


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["photo_id"]))


def test_what_they_all_hold(expected: list[dict[str, Any]]) -> None:
    assert [row["label"] for row in expected] == ["calm", "wild"] * 3
    assert [row["votes"] for row in expected] == [3, 4, None, 3, 4, 5]
    assert expected[2]["text"] == "Café am Fluß: déjà vu, naïve façade"
    assert [row["tags"] for row in expected] == [
        ["eveninglight", "river"],
        ["rain"],
        ["café", "fluß"],
        [],
        ["sand", "sea", "summer"],
        ["bars"],
    ]
    assert [row["image"] is None for row in expected] == [False] * 5 + [True]
    assert expected[4]["text"] == ""


@pytest.mark.parametrize("name", SAME)
def test_each_is_the_same_data_set(
    name: str, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    columns = ODD if name == "other_names.csv" else None
    assert in_order(read(FORMS / name, tmp_path, columns)) == expected


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_that_a_hole_made_floats(
    ending: str, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    numbers = {"calm": "0", "wild": "1"}
    relabelled = [row | {"label": numbers[row["label"]]} for row in expected]
    relabelled[4]["label"] = None
    assert read(FORMS / f"pandas_labels_as_floats.{ending}", tmp_path) == relabelled


def test_a_folder_for_each_class(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = read(FORMS / "imagefolder", tmp_path)
    assert {(row["label"], row["image"]) for row in rows} == {
        (row["label"], row["image"]) for row in expected if row["image"]
    }
    assert rows[0]["photo_id"] == "train/calm/0.jpg"
    assert "names of folders (train) are joined" in " ".join(
        open_posts(FORMS / "imagefolder").said()
    )


def test_no_column_of_ids(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    path = FORMS / "hugging_face_without_ids.parquet"
    rows = read(path, tmp_path)
    assert [row["image"] for row in rows] == [row["image"] for row in expected]
    assert [row["label"] for row in rows] == [row["label"] for row in expected]
    assert rows[0]["photo_id"] == "hugging_face_without_ids:1"
    assert any("no column holds ids" in line for line in open_posts(path).said())


def test_mvsa(tmp_path: Path) -> None:
    rows = read(FORMS / "mvsa", tmp_path)
    assert [row["label"] for row in rows] == ["positive", "negative", "positive", None]
    assert rows[0]["tags"] == ["sea", "sunny"]
    assert rows[0]["text"] == "RT @someone: a walk number 1 at the café http://t.co/x"
    assert all(row["image"] for row in rows)


def test_every_form_is_tested() -> None:
    others = {"VERSIONS.json", "pictures", "imagefolder", "mvsa"} | {
        *("hugging_face_without_ids.parquet", "pandas_labels_as_floats.csv"),
        "pandas_labels_as_floats.parquet",
    }
    assert {path.name for path in FORMS.iterdir()} == {*SAME} | others
    assert json.loads((FORMS / "VERSIONS.json").read_text())["pandas"]
