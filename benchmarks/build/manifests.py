"""Manifests of 1.3 million posts: exported, checked, imported into a ledger and compared.

    python -m benchmarks.build.manifests [--rows 1300000] [--keep DIR]

The data set is written here: photo ids, servers, farms, secrets and pairs are those of the real VSO
lists beside the checkout, varied until there are enough (neighbouring ids, other secrets), with
texts and tags of random words. It lacks the pictures' bytes, which an export does not read. Each
step is a separate process, to measure its memory alone.
"""

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.layout import FORMAT
from flickr_emotion.datasets.folder.shards import SCHEMA
from flickr_emotion.datasets.manifests.diff import diff_manifests
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto

_LISTS = PROJECT.parent / "shared" / "data" / "vso_lists.tar.xz"
_STEPS = ("write", "export", "export-urls", "check", "crawl", "diff")
_REFERENCES = ("photo_id", "server", "farm", "secret", "pair", "image_sha256")
_TENTH = 10
_GROUP = 50_000


def main() -> None:
    """Print seconds, memory and bytes per row of each step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_300_000)
    parser.add_argument("--keep", type=Path, help="keep data set and manifests in this folder")
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        _measure(arguments.step, arguments.keep, arguments.rows)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        for step in _STEPS[1:] if (folder / "D").exists() else _STEPS:
            command = [sys.executable, "-m", "benchmarks.build.manifests", "--step", step]
            command += ["--keep", str(folder), "--rows", str(arguments.rows)]
            subprocess.run(command, check=True)
        for manifest in ("m.parquet", "urls.parquet"):
            size = (folder / manifest).stat().st_size / pq.read_metadata(folder / manifest).num_rows
            print(f"{manifest}: {size:.1f} bytes a row")


def _measure(step: str, folder: Path, rows: int) -> None:
    manifest, with_urls = folder / "m.parquet", folder / "urls.parquet"
    steps: dict[str, Callable[[], object]] = {
        "write": lambda: write_data_set(folder, rows=rows),
        "export": lambda: export_manifest(folder / "D", manifest, with_urls=False),
        "export-urls": lambda: export_manifest(folder / "D", with_urls, with_urls=True),
        "check": lambda: open_list(manifest),
        "crawl": lambda: _take_in(manifest, folder / FILE_NAME),
        "diff": lambda: diff_manifests(manifest, with_urls),
    }
    started = time.perf_counter()
    steps[step]()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{step}: {seconds:.1f} s, {peak:.0f} MB", flush=True)


def _take_in(manifest: Path, ledger_file: Path) -> None:
    ledger_file.unlink(missing_ok=True)
    with Ledger(ledger_file, create=True) as ledger:
        add_list(ledger, open_list(manifest), lambda line: None)


def write_data_set(folder: Path, *, rows: int) -> None:
    """Write a data set folder of complete VSO posts; a tenth each to validation and test."""
    rng = random.Random(0)
    photos = list(_photos(folder, rows, rng))
    rng.shuffle(photos)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(20_000)]
    sentiments: dict[str, float] = {}
    data = folder / "D" / "data"
    data.mkdir(parents=True)
    references = pa.schema([(name, pa.string()) for name in _REFERENCES])
    tenth = rows // _TENTH
    counts = {"train": rows - 2 * tenth, "validation": tenth, "test": tenth}
    first = 0
    with pq.ParquetWriter(folder / "D" / "references.parquet", references) as places:
        for split in SPLITS:
            last = first + counts[split]
            path = data / f"{split}-00000-of-00001.parquet"
            with pq.ParquetWriter(path, SCHEMA, compression="zstd") as shard:
                for start in range(first, last, _GROUP):
                    some = photos[start : min(start + _GROUP, last)]
                    for photo in some:
                        sentiments.setdefault(photo[4], round(rng.uniform(-2, 2), 2) or 1.0)
                    shard.write_table(_posts(some, words, sentiments, rng), row_group_size=1000)
                    places.write_table(_places(some, references))
            first = last
    content = {
        "format": FORMAT,
        "version": 2,  # the last version without digests
        "kind": "sentiment",
        "service": "other",
        "options": asdict(BuildOptions()) | {"incomplete": "drop"},
        "classes": ["negative", "positive"],
        "counts": {split: {"total": count} for split, count in counts.items()},
        "digest": hashlib.sha256(b"benchmark").hexdigest(),
    }
    (folder / "D" / "dataset.json").write_text(json.dumps(content), encoding="utf-8")


def _photos(folder: Path, rows: int, rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Yield id, server, farm, secret and pair: first the lists' own, then variations of them."""
    with tarfile.open(_LISTS) as archive:
        archive.extractall(folder / "lists", filter="data")
    listed = [
        (row.reference, row.pair or "")
        for file in open_list(folder / "lists").files
        for row in file.rows()
        if isinstance(row, ListedPhoto)
    ]
    seen: set[int] = set()
    while len(seen) < rows:
        for place, pair in listed:
            number = int(place.photo_id)
            while number in seen:
                number += rng.randint(1, 50_000)
            seen.add(number)
            yield (
                *(str(number), place.server or "0", place.farm or "1"),
                *(f"{rng.getrandbits(40):010x}", pair),
            )
            if len(seen) == rows:
                return


def _posts(
    photos: list[tuple[str, ...]],
    words: list[str],
    sentiments: dict[str, float],
    rng: random.Random,
) -> pa.Table:
    count = len(photos)
    tags = [sorted(set(rng.choices(words, k=rng.randint(1, 15)))) for _ in photos]
    values = [sentiments[photo[4]] for photo in photos]
    columns = {
        "photo_id": [photo[0] for photo in photos],
        "image": [None] * count,
        "text": [" ".join(rng.choices(words, k=rng.randint(5, 60))) for _ in photos],
        "tags": tags,
        "label": ["positive" if value > 0 else "negative" for value in values],
        "votes": [None] * count,
        "sentiment": values,
        "owner": [f"{rng.getrandbits(64):016x}" for _ in photos],
        "license": ["4"] * count,
        "modalities": [COMPLETE] * count,
    }
    return pa.table(columns, schema=SCHEMA)


def _places(photos: list[tuple[str, ...]], schema: pa.Schema) -> pa.Table:
    columns = dict(zip(_REFERENCES, zip(*photos, strict=True), strict=False))
    columns["image_sha256"] = tuple(hashlib.sha256(it[0].encode()).hexdigest() for it in photos)
    return pa.table({name: list(values) for name, values in columns.items()}, schema=schema)


if __name__ == "__main__":
    main()
