"""Small data set folders with references, as manifests are exported from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.modalities import subset_name
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.layout import FORMAT
from flickr_emotion.datasets.folder.shards import SCHEMA
from flickr_emotion.datasets.rules.options import BuildOptions

REFERENCES = pa.schema(
    [(name, pa.string()) for name in ("photo_id", "server", "farm", "secret", "pair")]
    + [("image_sha256", pa.string())]
)
Row = dict[str, Any]


def row(number: int, **fields: Any) -> Row:
    """A complete post of a data set of votes with its reference, or what ``fields`` make of it."""
    defaults: Row = {
        "photo_id": str(3_700_000_000 + number),
        "server": "3456",
        "farm": "4",
        "secret": f"{number:010x}",
        "pair": None,
        "split": SPLITS[number % len(SPLITS)],
        "label": ("awe", "fear")[number % 2],
        "votes": 5,
        "sentiment": None,
        "text": f"The house on the hill number {number}",
        "tags": ["evening", f"house{number % 7}", "river"],
        "image_sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "owner": "0123456789abcdef",
        "license": "4",
    }
    return defaults | fields


def write_dataset(folder: Path, rows: Sequence[Row], **described: Any) -> Path:
    """Write the posts, in their order within each split; ``described``: into ``dataset.json``."""
    (folder / "data").mkdir(parents=True)
    ordered = [it for split in SPLITS for it in rows if it["split"] == split]
    for split in SPLITS:
        posts = [_post(it) for it in ordered if it["split"] == split]
        table = pa.Table.from_pylist(posts, schema=SCHEMA)
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
    references = [{name: it[name] for name in REFERENCES.names} for it in ordered]
    pq.write_table(
        pa.Table.from_pylist(references, schema=REFERENCES), folder / "references.parquet"
    )
    content = {
        "format": FORMAT,
        "version": 2,  # the last without digests
        "kind": "votes",
        "service": "other",
        "image_size": "",
        "options": asdict(BuildOptions()) | {"incomplete": "keep"},
        "classes": sorted({it["label"] for it in rows}),
        "counts": {
            split: {"total": sum(it["split"] == split for it in rows), "labels": {}, "subsets": {}}
            for split in SPLITS
        },
        "digest": hashlib.sha256(json.dumps(ordered).encode()).hexdigest(),
    }
    (folder / "dataset.json").write_text(json.dumps(content | described), encoding="utf-8")
    return folder


def _post(it: Row) -> Row:
    present = {"image": it["image_sha256"], "text": it["text"], "tags": it["tags"]}
    modalities = subset_name(name for name, there in present.items() if there)
    picture = {"bytes": b"a picture", "path": f"{it['photo_id']}.jpg"}
    return {
        **{name: it[name] for name in SCHEMA.names if name not in ("image", "modalities")},
        "image": picture if it["image_sha256"] else None,
        "modalities": modalities,
    }
