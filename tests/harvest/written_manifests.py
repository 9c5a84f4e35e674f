"""Small valid and invalid manifests, written row by row without our writer, and read by us."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.manifests.description import KEY
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY, RowsDigest
from flickr_emotion.harvest.manifests.file import SCHEMA, URL, open_manifest

Row = dict[str, Any]
# All examples of a property test share one folder.
anyhow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def row(number: int, **fields: Any) -> Row:
    """Return a complete post of a manifest of votes, changed by ``fields``."""
    defaults: Row = {
        "photo_id": str(3_700_000_000 + number),
        "server": "3456",
        "farm": "4",
        "secret": f"{number:010x}",
        "label": ("awe", "fear")[number % 2],
        "votes": 5,
        "sentiment": None,
        "pair": None,
        "split": "train",
        "modalities": "image+text+tags",
        "text_sha256": bytes([number % 256]) * 16,
        "tags_sha256": b"t" * 16,
        "image_sha256": b"i" * 16,
    }
    return defaults | fields


def described(**fields: Any) -> dict[str, Any]:
    """Return a manifest's metadata, changed by ``fields``; ``...`` removes one."""
    defaults: dict[str, Any] = {
        "version": 2,
        "kind": "votes",
        "service": "flickr",
        "options": options(),
        "classes": ["awe", "fear"],
        "dataset_digest": "0" * 64,
        "image_size": "",
    }
    return {name: value for name, value in (defaults | fields).items() if value is not ...}


def options(**fields: Any) -> dict[str, Any]:
    """Return the options of a data set, changed by ``fields``; ``...`` removes one."""
    defaults: dict[str, Any] = {
        "min_votes": 3,
        "eval_votes": 5,
        "min_words": 5,
        "max_words": 150,
        "language": "en",
        "min_count": 5,
        "incomplete": "keep",
        "short_side": 256,
        "seed": 0,
    }
    return {name: value for name, value in (defaults | fields).items() if value is not ...}


def read_manifest(path: Path) -> list[Row]:
    """Return the rows of a manifest, as our reader reads them."""
    return [it for batch in open_manifest(path).batches() for it in batch.to_pylist()]


def refusal(path: Path) -> str:
    """Return the one line with which a manifest is refused."""
    with pytest.raises(HarvestError) as refused:
        open_list(path)
    line = str(refused.value)
    assert "\n" not in line
    assert str(path) in line
    assert len(line) < 700
    return line


def write_manifest(
    path: Path,
    rows: Sequence[Row],
    *,
    schema: pa.Schema = SCHEMA,
    metadata: dict[str, Any] | str | None = None,
    with_digest: bool = True,
) -> Path:
    """Write a manifest; ``metadata``: the result of :func:`described`, or any text."""
    if metadata is None:
        metadata = described()
    raw = metadata if isinstance(metadata, str) else json.dumps(metadata)
    fields = [pa.field(field.name, field.type) for field in schema]
    if any("url" in it for it in rows):
        fields.append(URL)
    table = pa.Table.from_pylist(list(rows), schema=pa.schema(fields))
    said = {KEY: raw}
    if with_digest:
        said[DIGEST_KEY] = _digest(table, raw, schema)
    pq.write_table(table.replace_schema_metadata(said), path)
    return path


def _digest(table: pa.Table, raw: str, schema: pa.Schema) -> str:
    digest = RowsDigest(SCHEMA.names if set(SCHEMA.names) - set(schema.names) else schema.names)
    with suppress(
        pa.ArrowException, ValueError, KeyError
    ):  # It may be invalid, and is refused before its digest.
        digest.add(table.select(schema.names).cast(schema))
    return digest.of(raw.encode())
