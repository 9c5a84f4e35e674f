"""Writes the tables of ``own_forms``: the same posts, by the tools that people use, in their forms.

    .venv/bin/python -m tests.datasets.sources.write_own_forms

The files are committed, so that the tests need neither the tools nor the time to import them.
``VERSIONS.json`` names the versions that wrote them.
"""

import gzip
import io
import json
import shutil
import zipfile
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets as hugging_face  # type: ignore[import-untyped]
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FORMS = Path(__file__).parent / "own_forms"
TOOLS = ("pandas", "polars", "duckdb", "datasets", "pyarrow")
CLASSES = ("calm", "wild")
TEXTS = (
    "The quiet river, in the evening light",
    'She said "no" and left; then it rained',
    "Café am Fluß: déjà vu, naïve façade",
    "Two\nlines of a caption",
    None,
    "tabs | bars; commas, and 'quotes'",
)
TAGS: tuple[list[str], ...] = (
    ["river", "evening light"],
    ["rain"],
    ["café", "fluß"],
    [],
    ["summer", "sea", "sand"],
    ["bars"],
)


def jpeg(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (40 * number, 200 - 30 * number, 90)).save(out, "JPEG")
    return out.getvalue()


def posts() -> list[dict[str, Any]]:
    """Six posts: one without a text, one without tags, one without a picture, one without votes."""
    return [
        {
            "photo_id": f"5f0c3a7e-0000-4000-8000-00000000000{number}",
            "label": CLASSES[number % 2],
            "votes": None if number == 2 else 3 + number % 3,
            "text": TEXTS[number],
            "tags": TAGS[number],
            "image": None if number == 5 else jpeg(number),
            "owner": f"owner{number // 2}",
        }
        for number in range(6)
    ]


def path_of(number: int) -> str | None:
    return None if number == 5 else f"pictures/{number}.jpg"


def flat(**changes: Any) -> list[dict[str, Any]]:
    """The posts as rows of a text table: paths of pictures, tags with commas."""
    rows = []
    for number, post in enumerate(posts()):
        row = post | {"image": path_of(number), "tags": ", ".join(post["tags"])}
        rows.append(row | {name: change(post) for name, change in changes.items()})
    return rows


def main() -> None:
    shutil.rmtree(FORMS, ignore_errors=True)
    (FORMS / "pictures").mkdir(parents=True)
    for number, post in enumerate(posts()):
        if post["image"]:
            (FORMS / "pictures" / f"{number}.jpg").write_bytes(post["image"])
    versions = {tool: version(tool) for tool in TOOLS}
    (FORMS / "VERSIONS.json").write_text(json.dumps(versions, indent=1) + "\n")
    write_delimited(pd.DataFrame(flat()))
    write_lists()
    write_json()
    write_pandas()
    write_polars()
    write_duckdb()
    write_hugging_face()
    write_folders()


def write_delimited(frame: pd.DataFrame) -> None:
    whole = frame.assign(votes=frame["votes"].astype("Int64"))
    whole.to_csv(FORMS / "pandas.csv", index=False)
    frame.to_csv(FORMS / "pandas_index_votes_as_floats.csv")
    whole.to_csv(FORMS / "pandas_tabs.tsv", sep="\t", index=False)
    whole.to_csv(FORMS / "pandas_bars.txt", sep="|", index=False)
    whole.to_csv(FORMS / "pandas_mark.csv", index=False, encoding="utf-8-sig")
    whole.to_csv(FORMS / "pandas_all_quoted.csv", index=False, quoting=1)
    whole.to_csv(FORMS / "pandas.csv.gz", index=False)
    whole.to_csv(FORMS / "pandas_mac_roman.csv", sep=";", index=False, encoding="mac_roman")
    # As Excel saves: Windows' line ends and code page, cells that were cleared, its first line.
    text = whole.to_csv(sep=";", index=False).replace("\n", "\r\n")
    lines = text.split("\r\n")
    lines[0] += ";;"
    excel = "\r\n".join(["sep=;", *lines, ";;;;;;;;", ";;;;;;;;", ""])
    (FORMS / "excel.csv").write_bytes(excel.encode("cp1252"))
    tabs = whole.to_csv(sep="\t", index=False).replace("\n", "\r\n")
    (FORMS / "excel_unicode_text.txt").write_bytes(tabs.encode("utf-16"))
    with zipfile.ZipFile(FORMS / "pandas.zip", "w") as archive:
        archive.writestr("posts/posts.csv", whole.to_csv(index=False))
        archive.writestr("__MACOSX/posts/._posts.csv", b"\0\5\x16\7")
    pl.from_pandas(whole).write_csv(FORMS / "polars.csv")
    odd = {"photo_id": "Key", "label": "What I felt", "text": "alt", "image": "where", "tags": "kw"}
    whole.rename(columns=odd | {"votes": "n", "owner": "by"}).to_csv(
        FORMS / "other_names.csv", index=False
    )


def write_lists() -> None:
    forms = {
        "python_lists": lambda post: str(post["tags"]),
        "numpy_lists": lambda post: str(np.array(post["tags"], dtype=object)),
        "json_lists": lambda post: json.dumps(post["tags"]),
        "semicolons": lambda post: "; ".join(post["tags"]),
        "bars": lambda post: "|".join(post["tags"]),
        "hashtags": lambda post: " ".join("#" + tag.replace(" ", "") for tag in post["tags"]),
        "machine_tags": lambda post: ",".join([*post["tags"], "geo:lat=47.1", "nan"]),
        "words_for_nothing": lambda post: ",".join(post["tags"]) or "None",
    }
    for name, form in forms.items():
        pd.DataFrame(flat(tags=form)).to_csv(FORMS / f"tags_{name}.csv", index=False)


def write_json() -> None:
    frame = pd.DataFrame(flat(tags=lambda post: post["tags"]))
    frame.to_json(FORMS / "pandas.jsonl", orient="records", lines=True)
    frame.to_json(FORMS / "pandas.json", orient="records")
    pl.DataFrame(flat(tags=lambda post: post["tags"])).write_ndjson(FORMS / "polars.ndjson")


def write_pandas() -> None:
    frame = pd.DataFrame(posts())
    frame.assign(label=frame["label"].astype("category")).to_parquet(FORMS / "pandas.parquet")
    numbers = frame["label"].map({"calm": 0, "wild": 1}).astype(float)
    numbers[4] = float("nan")
    frame.assign(label=numbers).to_parquet(FORMS / "pandas_labels_as_floats.parquet")
    pd.DataFrame(flat()).assign(label=numbers).to_csv(
        FORMS / "pandas_labels_as_floats.csv", index=False
    )
    table = pa.Table.from_pylist(posts())
    views = [
        pa.field(f.name, {"image": pa.binary_view(), "votes": pa.int16()}.get(f.name, f.type))
        if f.name in ("image", "votes", "tags")
        else pa.field(f.name, pa.string_view())
        for f in table.schema
    ]
    pq.write_table(table.cast(pa.schema(views)), FORMS / "pyarrow_views.parquet")


def write_polars() -> None:
    frame = pl.DataFrame(posts())
    frame.with_columns(
        pl.col("label").cast(pl.Categorical),
        pl.Series("votes", [v if v is None else Decimal(v) for v in frame["votes"]]).cast(
            pl.Decimal(10, 2)
        ),
    ).write_parquet(FORMS / "polars_categories_decimals.parquet")
    frame.with_columns(
        pl.col("label").cast(pl.Enum(CLASSES)), pl.col("votes").cast(pl.UInt8)
    ).write_parquet(FORMS / "polars_enums.parquet")


def write_duckdb() -> None:
    table = pa.Table.from_pylist(posts())
    base = duckdb.connect()
    base.register("given", table)
    base.sql("create type mood as enum ('calm', 'wild')")
    base.sql(
        "create table posts as select photo_id::uuid as photo_id, label::mood as label, "
        "sum(votes) as votes, text, tags, image, owner from given "
        "group by all order by photo_id"
    )
    base.sql(f"copy posts to '{FORMS / 'duckdb_uuid_enum_hugeint.parquet'}' (format parquet)")
    base.register("paths", pa.Table.from_pylist(flat(tags=lambda post: post["tags"])))
    base.sql(f"copy (from paths) to '{FORMS / 'duckdb.csv'}' (header, delimiter ';')")
    base.sql(f"copy (from paths) to '{FORMS / 'duckdb.json'}' (format json)")
    base.sql(f"copy (from paths) to '{FORMS / 'duckdb_array.json'}' (format json, array true)")


def write_hugging_face() -> None:
    features = hugging_face.Features(
        {
            "photo_id": hugging_face.Value("string"),
            "label": hugging_face.ClassLabel(names=list(CLASSES)),
            "votes": hugging_face.Value("int32"),
            "text": hugging_face.Value("string"),
            "tags": hugging_face.List(hugging_face.Value("string")),
            "image": hugging_face.Image(),
            "owner": hugging_face.Value("string"),
        }
    )
    rows = [
        post | {"image": post["image"] and {"bytes": post["image"], "path": None}}
        for post in posts()
    ]
    data = hugging_face.Dataset.from_list(rows, features=features)
    data.to_parquet(FORMS / "hugging_face.parquet")
    (FORMS / "hugging_face_shards" / "data").mkdir(parents=True)
    for number in range(2):
        name = f"data/train-0000{number}-of-00002.parquet"
        shard = data.shard(num_shards=2, index=number)
        shard.to_parquet(FORMS / "hugging_face_shards" / name)
    data.select_columns(["image", "label"]).to_parquet(FORMS / "hugging_face_without_ids.parquet")


def write_folders() -> None:
    shards = FORMS / "csv_shards"
    (shards / "pictures").mkdir(parents=True)
    rows = flat()
    for number in range(2):
        part = pd.DataFrame(rows[3 * number : 3 * number + 3])
        part["votes"] = part["votes"].astype("Int64")
        part["image"] = "../" + part["image"]
        text = part.to_csv(index=False).encode()
        (shards / f"part-{number}.csv.gz").write_bytes(gzip.compress(text, mtime=0))
    shutil.rmtree(shards / "pictures")
    (FORMS / "imagefolder").mkdir()
    (FORMS / "imagefolder_metadata" / "train").mkdir(parents=True)
    for number, post in enumerate(posts()):
        if post["image"]:
            folder = FORMS / "imagefolder" / "train" / post["label"]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.jpg").write_bytes(post["image"])
            path = FORMS / "imagefolder_metadata" / "train" / f"{number}.jpg"
            path.write_bytes(post["image"])
    described = [row | {"file_name": row["image"] and Path(row["image"]).name} for row in flat()]
    frame = pd.DataFrame(described).drop(columns="image")
    frame.to_csv(FORMS / "imagefolder_metadata" / "train" / "metadata.csv", index=False)
    write_mvsa(FORMS / "mvsa")


def write_mvsa(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    lines = ["ID\ttext,image"]
    opinions = ("neutral,positive", "negative,negative", "positive,neutral", "positive,negative")
    for number, opinion in enumerate(opinions, 1):
        lines.append(f"{number}\t{opinion}")
        (folder / "data" / f"{number}.jpg").write_bytes(jpeg(number))
        text = f"RT @someone: a walk number {number} at the café #sea #sunny http://t.co/x"
        (folder / "data" / f"{number}.txt").write_bytes(text.encode("cp1252"))
    (folder / "labelResultAll.txt").write_bytes("\r\n".join([*lines, ""]).encode())


if __name__ == "__main__":
    main()
