"""``reduce``: removes modalities from training posts, to see how well a network learns without.

The paper, section 4.2.2: "we randomly pick a given fraction p of the multimodal subset ... while
the remaining portion 1 - p is divided in three equal parts: in the first tier we only keep the
images, in the second the texts, and in the third the tags. All splits are stratified". Its Figure 5
shows accuracy over p. Only training posts are reduced; validation and test stay as they are.

The posts of a class are sorted by a digest of seed and photo id, and the first ones stay complete.
So the posts that are complete at one fraction are also complete at any larger one, and a missing
post changes at most three others, all of its class.
"""

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import COMPLETE, MODALITIES
from flickr_emotion.common.parquet_files import open_parquet, parquet_writer
from flickr_emotion.common.split_names import TEST, TRAIN, VALIDATION
from flickr_emotion.common.takedown.tombstones import write_tombstones
from flickr_emotion.datasets.description.post_counts import split_counts
from flickr_emotion.datasets.description.writing import write_description
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import excluded, references
from flickr_emotion.datasets.folder.folder import new_dataset_folder
from flickr_emotion.datasets.folder.layout import DATA
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.folder.shards import write_shards
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.datasets.rules.vocabulary import VocabularyCounter
from flickr_emotion.harvest.flickr.licenses import name_of

_POSTS_PER_BATCH = 1000
_REFERENCES_PER_BATCH = 100_000


def kept_modalities(
    posts: Iterable[tuple[str, str, str]], *, fraction: float, seed: int
) -> dict[str, str]:
    """Return the subset that each training post keeps, by photo id.

    ``posts`` are (photo id, label, subset). Of the n complete posts of each label, ``fraction`` x n
    stay complete, rounded half up. The others keep only image, text or tags, a third each (if three
    does not divide their number, the first modalities get one more). Incomplete posts keep what
    they have. Raises ``DatasetError`` for a fraction outside 0 to 1.
    """
    if not 0 <= fraction <= 1:
        raise DatasetError(f"fraction {fraction}: give a number from 0 to 1")
    kept: dict[str, str] = {}
    complete: dict[str, list[str]] = defaultdict(list)
    for photo_id, label, subset in posts:
        kept[photo_id] = subset
        if subset == COMPLETE:
            complete[label].append(photo_id)
    for photo_ids in complete.values():
        digests = {
            photo_id: hashlib.sha256(f"reduce:{seed}:{photo_id}".encode()).digest()
            for photo_id in photo_ids
        }
        order = sorted(photo_ids, key=digests.__getitem__)
        cut = order[int(fraction * len(order) + 0.5) :]
        # A different order, so that most posts keep the same modality at another fraction.
        cut.sort(key=lambda photo_id: digests[photo_id][::-1])
        for position, photo_id in enumerate(cut):
            kept[photo_id] = MODALITIES[_third(position, len(cut))]
    return kept


def _third(position: int, count: int) -> int:
    """Return which third of ``count`` items a position is in; the first thirds may be longer."""
    size, longer = divmod(count, 3)
    if position < longer * (size + 1):
        return position // (size + 1)
    return longer + (position - longer * (size + 1)) // size


def reduce_dataset(dataset: Path, out: Path, *, fraction: float, seed: int) -> dict[str, Any]:
    """Write a data set with reduced training posts; return its ``dataset.json``.

    Its ``reduced`` holds fraction and seed; its ``digest`` covers them and the digest of the
    source. ``leakage`` is omitted, because it was counted on complete posts. Raises
    ``DatasetError`` for a fraction outside 0 to 1, for a source that is no data set or already
    reduced, and for an ``out`` that holds anything but a data set.
    """
    source = open_dataset(dataset)
    if "reduced" in source.described:
        raise DatasetError(f"{dataset} is already reduced: give the data set that it was made from")
    kept = kept_modalities(_training_posts(source), fraction=fraction, seed=seed)
    with new_dataset_folder(out, source=dataset) as folder:
        for split in (VALIDATION, TEST):
            for shard in source.shards(split):
                _copy(source, f"{DATA}/{shard.name}", folder)
        _copy(source, excluded.FILE_NAME, folder)
        if (source.folder / references.FILE_NAME).exists():
            source.check_file(references.FILE_NAME)
            _copy_references(source.folder, folder, kept)
        if source.tombstones:
            write_tombstones(folder, source.tombstones)
        vocabulary = VocabularyCounter()
        labels: Counter[str] = Counter()
        subsets: Counter[str] = Counter()
        licenses: Counter[str] = Counter()

        def counted() -> Iterator[pa.Table]:
            for table in source.tables(TRAIN, source.schema.names, _POSTS_PER_BATCH):
                reduced = _reduced(table, kept, source.schema)
                texts = [text and words(text) for text in reduced["text"].to_pylist()]
                vocabulary.add(pa.array(texts, pa.list_(pa.string())), reduced["tags"])
                labels.update(reduced["label"].to_pylist())
                subsets.update(reduced["modalities"].to_pylist())
                licenses.update(map(name_of, reduced["license"].to_pylist()))
                yield reduced

        write_shards(folder / "data", TRAIN, counted(), source.schema)
        content = {
            **source.described,
            "counts": source.counts | {TRAIN: split_counts(labels, subsets, licenses)},
            "digest": _digest(source.digest, fraction, seed),
            "reduced": {"fraction": float(fraction), "seed": seed},
        }
        content.pop("leakage", None)
        return write_description(folder, content, vocabulary.content(source.vocabulary().min_count))


def _training_posts(source: Dataset) -> Iterator[tuple[str, str, str]]:
    for rows in source.batches(TRAIN, ["photo_id", "label", "modalities"]):
        for row in rows:
            yield row["photo_id"], row["label"], row["modalities"]


def _reduced(table: pa.Table, kept: Mapping[str, str], schema: pa.Schema) -> pa.Table:
    subsets = [kept[photo_id] for photo_id in table["photo_id"].to_pylist()]
    for modality, absent in (("image", None), ("text", None), ("tags", [])):
        field = table.schema.field(modality)
        present = pa.array([modality in subset.split("+") for subset in subsets], pa.bool_())
        column = pc.if_else(present, table[modality], pa.scalar(absent, field.type))
        table = table.set_column(table.schema.get_field_index(modality), field, column)
    columns = {**dict(zip(table.column_names, table.columns, strict=True)), "modalities": subsets}
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _copy(source: Dataset, name: str, folder: Path) -> None:
    """Copy a file after checking its digest: the copy gets a new one, which would hide damage."""
    source.check_file(name)
    shutil.copyfile(source.folder / name, folder / name)


def _copy_references(dataset: Path, folder: Path, kept: Mapping[str, str]) -> None:
    """Copy the references of the posts, without the picture's digest where it was removed."""
    with open_parquet(dataset / references.FILE_NAME) as file:
        schema = file.schema_arrow
        index = schema.get_field_index("image_sha256")
        path = folder / references.FILE_NAME
        with parquet_writer(path, schema) as writer:
            for batch in file.iter_batches(_REFERENCES_PER_BATCH):
                table = pa.Table.from_batches([batch])
                present = pa.array(
                    ["image" in kept.get(key, COMPLETE) for key in table["photo_id"].to_pylist()]
                )
                column = pc.if_else(present, table["image_sha256"], None)
                writer.write_table(table.set_column(index, schema.field(index), column))


def _digest(source: str, fraction: float, seed: int) -> str:
    return hashlib.sha256(json.dumps([source, float(fraction), seed]).encode()).hexdigest()
