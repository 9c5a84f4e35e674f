"""One flipped bit in a manifest or a shard is never read as another value.

The figures of ``docs/measurements.md`` are those of the slow cases.
"""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.file_digests import with_digests
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.folder.shards import SCHEMA, write_shards
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.file import open_manifest
from tests.datasets.manifest_folder import row, write_dataset
from tests.harvest.corpora import jpeg

_HEADER = 32
"""Number of bytes of a page header whose bits are flipped one by one."""


def read_manifest(path: Path) -> tuple[Any, ...]:
    manifest = open_manifest(path)
    return asdict(manifest.description), [it for b in manifest.batches() for it in b.to_pylist()]


def read_dataset(folder: Path) -> tuple[Any, ...]:
    dataset = open_dataset(folder)
    rows = [it for split in SPLITS for b in dataset.batches(split, SCHEMA.names) for it in b]
    return dataset.classes, dataset.counts, dataset.digest, dataset.options, rows


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifest")
    posts = [row(n, text=f"The house {n * 7919 % 1009} on hill {n}") for n in range(300)]
    export_manifest(write_dataset(folder / "D", posts), folder / "m", with_urls=False)
    return folder / "m"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with values of every kind in its columns, some of them null."""
    folder = write_dataset(tmp_path_factory.mktemp("dataset") / "D", [row(n) for n in range(90)])
    for number, split in enumerate(SPLITS):
        posts = [_post(number * 1000 + n) for n in range(30)]
        write_shards(folder / "data", split, [pa.Table.from_pylist(posts, schema=SCHEMA)])
    (folder / "vocabulary.json").write_text('{"min_count": 1, "words": {}, "tags": {}}')
    described = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    (folder / "dataset.json").write_text(json.dumps(with_digests(folder, described)))
    return folder


def _post(number: int) -> dict[str, Any]:
    picture = {"bytes": jpeg(number, 40, 30), "path": f"{number}.jpg"}
    return {
        "photo_id": str(10**9 + number),
        "image": picture if number % 9 else None,
        "text": f"The house {number * 7919 % 1009} on the hill" if number % 7 else None,
        "tags": ["a", f"t{number % 13}"],
        "label": ("awe", "fear")[number % 2],
        "votes": 3 + number % 3,
        "sentiment": None if number % 2 else number / 10,
        "owner": f"{number:016x}",
        "license": "4",
        "modalities": "image+text+tags",
    }


def outcomes(
    path: Path, bits: list[int], read: Callable[[], tuple[Any, ...]]
) -> Counter[tuple[str, int]]:
    """Flip each bit of a file in turn; count which are refused, read unchanged or read wrongly.

    A wrong outcome keeps its bit, so that a failure says where to look.
    """
    expected, whole = read(), path.read_bytes()
    found: Counter[tuple[str, int]] = Counter()
    for bit in bits:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            found["same", 0] += read() == expected
            if read() != expected:
                found["other values", bit] += 1
        except (DatasetError, HarvestError):
            found["refused", 0] += 1
    path.write_bytes(whole)
    return found


def some_bits(path: Path, count: int, seed: int) -> list[int]:
    chosen = random.Random(seed)
    return [chosen.randrange(path.stat().st_size * 8) for _ in range(count)]


_MANIFESTS = [60, pytest.param(1000, marks=pytest.mark.slow)]
_SHARDS = [40, pytest.param(400, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", _MANIFESTS)
def test_of_a_manifest(manifest: Path, tmp_path: Path, count: int) -> None:
    copy = Path(shutil.copyfile(manifest, tmp_path / "m"))
    found = outcomes(copy, some_bits(copy, count, 12), lambda: read_manifest(copy))
    assert set(found) <= {("refused", 0), ("same", 0)}, found
    # Bits that hold no values and no positions (statistics, the writer.s name) change nothing.
    assert found["refused", 0] > 0.9 * count


@pytest.mark.parametrize("count", _SHARDS)
def test_of_a_shard(dataset: Path, tmp_path: Path, count: int) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "D"))
    shard = copy / "data" / "train-00000-of-00001.parquet"
    found = outcomes(shard, some_bits(shard, count, 12), lambda: read_dataset(copy))
    # No reader looks at the first four bytes of the file.
    assert set(found) <= {("refused", 0), ("same", 0)}, found
    assert found["refused", 0] >= 0.99 * count


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_of_the_headers_of_pages(dataset: Path, tmp_path: Path, step: int) -> None:
    """Parquet's page checksums do not cover them: one bit can change a column or shorten it."""
    copy = Path(shutil.copytree(dataset, tmp_path / "D"))
    shard = copy / "data" / "train-00000-of-00001.parquet"
    group = pq.read_metadata(shard).row_group(0)
    starts = set()
    for number in range(group.num_columns):
        column = group.column(number)
        starts |= {column.data_page_offset, column.dictionary_page_offset or 4}
    bits = sorted({8 * start + bit for start in starts for bit in range(8 * _HEADER)})[::step]
    assert set(outcomes(shard, bits, lambda: read_dataset(copy))) <= {("refused", 0), ("same", 0)}


@pytest.mark.parametrize("count", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_of_the_description(dataset: Path, tmp_path: Path, count: int) -> None:
    copy = Path(shutil.copytree(dataset, tmp_path / "D"))
    described = copy / "dataset.json"
    found = outcomes(described, some_bits(described, count, 12), lambda: read_dataset(copy))
    assert set(found) <= {("refused", 0), ("same", 0)}, found
