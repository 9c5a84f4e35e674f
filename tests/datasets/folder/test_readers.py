"""A data set of the whole chain, opened with other libraries: Hugging Face, pandas, polars, DuckDB.

Each runs in a separate process outside the project's folder.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.build.reduce import reduce_dataset
from flickr_emotion.datasets.description.croissant import croissant
from flickr_emotion.datasets.description.datasheet import datasheet
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import jpeg, options, post, write_votes

POSTS = [
    *(post(number, image=jpeg(number, 320, 280)) for number in range(60)),
    *(post(number, tags=()) for number in range(60, 66)),
    *(post(number, title="", description="") for number in range(66, 72)),
]


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    published_list = write_votes(folder / "list", POSTS, ("awe", "fear"))
    with SandboxServer(Corpus(POSTS)) as server:
        crawl(options(published_list, folder / "harvest", server), lambda line: None)
    return folder / "harvest"


def build(harvest: Path, out: Path, **fields: Any) -> Path:
    build_splits(harvest, out, BuildOptions(**fields), lambda line: None)
    return out


@pytest.fixture(scope="module")
def dataset(harvest: Path) -> Path:
    return build(harvest, harvest.parent / "dataset")


def elsewhere(program: str, dataset: Path, workplace: Path) -> Any:
    """Run a program in an empty folder and return the JSON that it prints last.

    The variable ``D`` holds the data set folder; nothing is downloaded.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\nD = sys.argv[1]\n{program}", str(dataset)],
        cwd=workplace,
        env=environment
        | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(workplace / "hf"), "HOME": str(workplace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


HUGGING_FACE = """
from datasets import load_dataset
loaded = load_dataset(D)
train = loaded["train"]
pictures = [row["image"] for row in train]
print(json.dumps({
    "sizes": {split: rows.num_rows for split, rows in loaded.items()},
    "features": {name: repr(feature) for name, feature in train.features.items()},
    "pictures": sorted({(type(p).__name__, p.size) for p in pictures if p is not None}),
    "decoded": [p.convert("L").getbbox() is not None for p in pictures if p is not None],
    "absent": {name: sum(value is None for value in train[name]) for name in ("image", "text")},
    "no_tags": sum(not tags for tags in train["tags"]),
}))
"""


class TestHuggingFace:
    def test_splits_types_and_pictures(self, dataset: Path, tmp_path: Path) -> None:
        found = elsewhere(HUGGING_FACE, dataset, tmp_path)
        counts = open_dataset(dataset).counts
        assert found["sizes"] == {split: counts[split]["total"] for split in SPLITS}
        assert found["features"] == {
            "photo_id": "Value('string')",
            "image": "Image(mode=None, decode=True)",
            "text": "Value('string')",
            "tags": "List(Value('string'))",
            "label": "ClassLabel(names=['awe', 'fear'])",
            "votes": "Value('int32')",
            "sentiment": "Value('float64')",
            "owner": "Value('string')",
            "license": "Value('string')",
            "modalities": "Value('string')",
            "vote_distribution": "List(Value('float64'))",
        }
        assert found["pictures"] == [
            ["JpegImageFile", [48, 36]],
            ["JpegImageFile", [293, 256]],
        ]
        assert all(found["decoded"])
        assert found["absent"] == {"image": 0, "text": 6}
        assert found["no_tags"] == 6

    def test_a_new_build_is_not_mistaken_for_the_last(self, harvest: Path, tmp_path: Path) -> None:
        # The cache is keyed by the folder's name and the card.
        sizes = []
        for place, incomplete in (("one", "keep"), ("other", "drop")):
            dataset = build(harvest, tmp_path / place / "d", incomplete=incomplete)
            sizes.append(elsewhere(HUGGING_FACE, dataset, tmp_path)["sizes"]["train"])
        assert sizes == [60, 48]

    def test_empty_splits_are_omitted(self, harvest: Path, tmp_path: Path) -> None:
        dataset = build(harvest, tmp_path / "d", eval_votes=6)
        assert elsewhere(HUGGING_FACE, dataset, tmp_path)["sizes"] == {"train": 72}

    def test_a_reduced_data_set(self, dataset: Path, tmp_path: Path) -> None:
        reduce_dataset(dataset, tmp_path / "r", fraction=0.25, seed=0)
        found = elsewhere(HUGGING_FACE, tmp_path / "r", tmp_path)
        # Of 48 complete posts 36 are reduced; 6 had no text before, and 6 no tags.
        assert found["sizes"] == {"train": 60, "validation": 6, "test": 6}
        assert found["absent"] == {"image": 24, "text": 6 + 24}
        assert found["no_tags"] == 6 + 24
        assert all(found["decoded"])


def test_pandas(dataset: Path, tmp_path: Path) -> None:
    program = """
import io, glob
import pandas as pd
from PIL import Image
rows = pd.concat(pd.read_parquet(path) for path in glob.glob(D + "/data/*.parquet"))
whole = rows[rows["modalities"] == "image+text+tags"].iloc[0]
print(json.dumps({
    "columns": list(rows.columns),
    "labels": rows["label"].value_counts().to_dict(),
    "picture": Image.open(io.BytesIO(whole["image"]["bytes"])).convert("RGB").size,
    "tags": list(whole["tags"]),
    "votes": sorted(rows["votes"].unique().tolist()),
}))
"""
    found = elsewhere(program, dataset, tmp_path)
    assert found["columns"] == open_dataset(dataset).schema.names
    assert found["labels"] == {"awe": 36, "fear": 36}
    assert min(found["picture"]) == 256
    assert found["tags"] == sorted(found["tags"])
    assert found["votes"] == [5]


def test_polars(dataset: Path, tmp_path: Path) -> None:
    program = """
import polars as pl
rows = pl.scan_parquet(D + "/data/*.parquet")
counted = rows.group_by("modalities").len().sort("modalities").collect()
print(json.dumps({
    "schema": {name: str(kind) for name, kind in rows.collect_schema().items()},
    "subsets": dict(counted.iter_rows()),
    "bytes": rows.select(pl.col("image").struct.field("bytes").bin.size().min()).collect().item(),
}))
"""
    found = elsewhere(program, dataset, tmp_path)
    assert found["schema"] == {
        "photo_id": "String",
        "image": "Struct({'bytes': Binary, 'path': String})",
        "text": "String",
        "tags": "List(String)",
        "label": "String",
        "votes": "Int32",
        "sentiment": "Float64",
        "owner": "String",
        "license": "String",
        "modalities": "String",
        "vote_distribution": "List(Float64)",
    }
    assert found["subsets"] == {"image+tags": 6, "image+text": 6, "image+text+tags": 60}
    assert found["bytes"] > 100


def test_duckdb(dataset: Path, tmp_path: Path) -> None:
    program = """
import duckdb
posts = f"read_parquet('{D}/data/*.parquet', filename = true)"
print(json.dumps({
    "splits": dict(duckdb.sql(
        "SELECT regexp_extract(filename, '([a-z]+)-[0-9]+-of', 1) AS split, count(*) "
        f"FROM {posts} GROUP BY split"
    ).fetchall()),
    "tagged": duckdb.sql(
        f"SELECT count(*) FROM {posts} WHERE list_contains(tags, 'river') AND image.bytes NOT NULL"
    ).fetchall()[0][0],
    "types": [row[1] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {posts}").fetchall()],
}))
"""
    found = elsewhere(program, dataset, tmp_path)
    assert found["splits"] == {"train": 60, "validation": 6, "test": 6}
    assert found["tagged"] == 66
    assert found["types"][:4] == [
        "VARCHAR",
        "STRUCT(bytes BLOB, path VARCHAR)",
        "VARCHAR",
        "VARCHAR[]",
    ]


class TestCroissant:
    def test_it_is_valid_and_its_records_are_the_posts(self, dataset: Path, tmp_path: Path) -> None:
        program = """
import mlcroissant
described = mlcroissant.Dataset(jsonld=D + "/croissant.json")
records = list(described.records("posts"))
plain = lambda value: value.decode() if isinstance(value, bytes) else value
print(json.dumps({
    "errors": sorted(described.metadata.ctx.issues.errors),
    "warnings": sorted(described.metadata.ctx.issues.warnings),
    "splits": [plain(record["posts/split"]) for record in records],
    "ids": [plain(record["posts/photo_id"]) for record in records],
    "pictures": sorted({record["posts/image"].size for record in records}),
    "tags": [[plain(tag) for tag in record["posts/tags"]] for record in records],
    "texts": [plain(record["posts/text"]) for record in records],
    "votes": sorted({record["posts/votes"] for record in records}),
    "shares": sorted({tuple(record["posts/vote_distribution"]) for record in records}),
    "columns": sorted(records[0]),
    "test": len(list(described.records("posts", filters={"posts/split": "test"}))),
}))
"""
        found = elsewhere(program, dataset, tmp_path)
        assert found["errors"] == []
        # When a data set is published, only who publishes it knows.
        (warning,) = found["warnings"]
        assert "datePublished" in warning
        opened = open_dataset(dataset)
        stored = {
            row["photo_id"]: (split, row["tags"], row["text"])
            for split in SPLITS
            for rows in opened.batches(split, ["photo_id", "tags", "text"])
            for row in rows
        }
        read = zip(found["splits"], found["tags"], found["texts"], strict=True)
        given = {
            photo_id: (split, tags, text)
            for photo_id, (split, tags, text) in zip(found["ids"], read, strict=True)
        }
        assert len(found["ids"]) == len(given)
        assert given == stored
        assert found["pictures"] == [[48, 36], [293, 256]]
        assert found["votes"] == [5]
        assert found["shares"] == [[0.0, 1.0], [1.0, 0.0]]
        assert found["columns"] == sorted(
            f"posts/{name}" for name in ("split", *opened.schema.names)
        )
        assert found["test"] == opened.counts["test"]["total"]

    @pytest.mark.parametrize("kind", ["votes", "sentiment", "labels"])
    def test_every_kind_of_data_set_is_valid(
        self, dataset: Path, tmp_path: Path, kind: str
    ) -> None:
        content = open_dataset(dataset).described | {
            "kind": kind,
            "classes": ['ein "Wort"', "<b>日本</b>"],
        }
        described = croissant(content, datasheet(content, None), content["files"])
        (tmp_path / "croissant.json").write_text(json.dumps(described), encoding="utf-8")
        program = """
import mlcroissant
metadata = mlcroissant.Dataset(jsonld=D + "/croissant.json").metadata
print(json.dumps([metadata.description, sorted(metadata.ctx.issues.errors)]))
"""
        description, errors = elsewhere(program, tmp_path, tmp_path)
        assert errors == []
        assert 'ein "Wort", <b>日本</b>' in description
