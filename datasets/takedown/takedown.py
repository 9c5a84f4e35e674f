"""Takes withdrawn posts out of a data set folder, and leaves their tombstones there.

The data set is made anew beside its place and exchanged with the older one in one step, as a build
does it. Files without a withdrawn post are linked, so only what changes is written. All counts and
digests are put right. ``leakage`` is omitted then: how many posts share something with a training
post is only known to a build, which compares all posts with each other.
"""

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import Timeout

from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.common.takedown.loose_files import clean_loose_files
from flickr_emotion.common.takedown.tombstones import (
    FILE_NAME,
    WITHDRAWN,
    Tombstone,
    Tombstones,
    write_tombstones,
)
from flickr_emotion.datasets.description.post_counts import split_counts
from flickr_emotion.datasets.description.writing import write_description
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import decisions, excluded, references
from flickr_emotion.datasets.folder.folder import linked
from flickr_emotion.datasets.folder.layout import (
    BUILT_FROM,
    CARD,
    CROISSANT,
    DESCRIPTION,
    JUDGED,
    VOCABULARY,
    is_known,
)
from flickr_emotion.datasets.folder.reading import (
    FORMAT_VERSION,
    WITHOUT_DISTRIBUTIONS,
    Dataset,
    open_dataset,
    read_withdrawn,
)
from flickr_emotion.datasets.folder.shards import DISTRIBUTION, DISTRIBUTIONS
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.datasets.rules.vocabulary import counts_without
from flickr_emotion.datasets.takedown.content_digest import digest_without
from flickr_emotion.datasets.takedown.corrections import clean_corrections
from flickr_emotion.datasets.takedown.features import features_follow, not_computing
from flickr_emotion.datasets.takedown.files import (
    write_decisions,
    write_excluded,
    write_without,
)
from flickr_emotion.datasets.takedown.withdrawn_decisions import WithdrawnDecisions
from flickr_emotion.datasets.takedown.withdrawn_posts import (
    Texts,
    WithdrawnPosts,
    find_withdrawn,
)
from flickr_emotion.harvest.flickr.licenses import name_of


@dataclass(frozen=True, kw_only=True)
class CleanedDataset:
    """What became of a data set."""

    posts: Collection[str] = ()
    """The ids of the posts that were in a split."""
    excluded: Collection[str] = ()
    """Those of posts that were excluded."""
    tombstones: Tombstones = field(default_factory=Tombstones)
    """All that the data set has now."""
    left: list[str] = field(default_factory=list)
    """Files of the user's that still name a withdrawn post."""
    notes: list[str] = field(default_factory=list)
    """What the user should know, one line each."""


def take_down_dataset(
    given: Path,
    tombstones: Tombstones,
    owners: Mapping[str, Tombstone],
    texts: Texts,
    photo_ids: Collection[str],
) -> CleanedDataset:
    """Take the posts out of a data set that tombstones name, and those of ``owners`` (by NSID).

    ``texts`` returns titles and descriptions, as far as a harvest holds them. ``photo_ids``: the
    ids that are known of the posts, to be looked for in files that are not part of the data set.
    Raises ``DatasetError``; the data set is then unchanged.
    """
    folder = given.resolve()
    with _replaced(folder) as new:
        dataset = open_dataset(folder)
        earlier, record = read_withdrawn(folder)
        found = find_withdrawn(dataset, earlier | tombstones, owners)
        if not found.digests and len(found.tombstones) == len(earlier):
            loose = clean_loose_files(folder, photo_ids, is_ours=is_known)
            notes = clean_corrections(folder, earlier)
            return CleanedDataset(
                tombstones=earlier,
                left=[str(given / name) for name in loose.left],
                notes=[*notes, *loose.notes(given)],
            )
        shutil.copytree(folder, new, symlinks=True, copy_function=linked, dirs_exist_ok=True)
        notes = _without(dataset, new, found, record, texts)
        names = {*photo_ids, *found.posts, *found.excluded}
        loose = clean_loose_files(new, names, is_ours=is_known)
        put_folder(new, folder)
        notes += clean_corrections(folder, found.tombstones)
    return CleanedDataset(
        posts=[*found.posts],
        excluded=[*found.excluded],
        tombstones=found.tombstones,
        left=[str(given / name) for name in loose.left],
        notes=[*notes, *loose.notes(given)],
    )


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    try:
        with workspace_beside(folder) as workspace, not_computing(folder):
            yield workspace / "whole"
    except Timeout:
        raise DatasetError(f"a build is at work on {folder}: stop it or wait for it") from None
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"the data set {folder} cannot be written anew ({error}): it is unchanged"
        ) from None


def _without(
    dataset: Dataset, new: Path, found: WithdrawnPosts, record: Mapping[str, Any], texts: Texts
) -> list[str]:
    """Take the posts out of the files of the ``new`` folder; return what the user should know."""
    notes: list[str] = []
    known = dict(dataset.files)

    def changed(name: str) -> Path:
        dataset.check_file(name)  # it gets a new digest, which would hide damage
        known.pop(name, None)
        return new / name

    for name in (VOCABULARY, CROISSANT, CARD, DESCRIPTION, BUILT_FROM, JUDGED, FILE_NAME):
        known.pop(name, None)
        (new / name).unlink(missing_ok=True)  # what is written in place must be no link
    for shard in found.shards:
        write_without(changed(shard.relative_to(dataset.folder).as_posix()), found.posts)
    if found.digests and (new / references.FILE_NAME).exists():
        write_without(changed(references.FILE_NAME), found.posts)
    if found.digests and (new / excluded.FILE_NAME).exists():
        write_excluded(changed(excluded.FILE_NAME), found.excluded, [*found.posts])
    judged = WithdrawnDecisions.of(dataset, found, texts)
    if found.digests and (new / decisions.FILE_NAME).exists():
        write_decisions(changed(decisions.FILE_NAME), judged.keys, all_texts=judged.unknown)
    if judged.unknown:
        notes.append(
            "the next build detects all languages again: no harvest was given that holds the text "
            "of a withdrawn post, by which its decision could be told from others"
        )
    content = _described(dataset, found, judged)
    if content["digest"] != dataset.digest:
        removed = features_follow(
            new,
            lambda split, pictures: found.places(split, pictures=pictures),
            before=dataset.digest,
            after=content["digest"],
        )
        if removed:
            notes.append(
                f"{removed} folders of features of earlier versions are removed: the next training "
                "computes them again"
            )
    changes = list(record.get("changes", []))
    if found.posts:
        digests = found.digests
        change = {"from": dataset.digest, "to": content["digest"]}
        changes.append(change | {"withdrawn": sorted(digests[it] for it in found.posts)})
    write_tombstones(new, found.tombstones, changes=changes)
    write_description(new, content, _vocabulary(dataset, found), known)
    return notes


def _described(
    dataset: Dataset, found: WithdrawnPosts, judged: WithdrawnDecisions
) -> dict[str, Any]:
    """Return ``dataset.json`` without the withdrawn posts, and without its files' digests."""
    content = dict(dataset.described)
    if dataset.version >= WITHOUT_DISTRIBUTIONS:
        content["version"] = FORMAT_VERSION
    if not found.digests:
        return content
    reasons = Counter(content.get("excluded", {}))
    reasons.subtract(found.excluded.values())
    reasons[WITHDRAWN] += len(found.digests)
    content["excluded"] = dict(sorted((+reasons).items()))
    if "texts" in content:
        verdicts = content["texts"].items()
        content["texts"] = {name: max(n - judged.verdicts[name], 0) for name, n in verdicts}
    if not found.posts:
        return content
    rows = {
        split: [post.row for post in found.posts.values() if post.split == split]
        for split in SPLITS
    }
    content["counts"] = {split: _counts(dataset.counts[split], rows[split]) for split in SPLITS}
    if DISTRIBUTIONS in content:
        known = sum(post.row[DISTRIBUTION] is not None for post in found.posts.values())
        content[DISTRIBUTIONS] -= known
    content["digest"] = digest_without(dataset, found.posts)
    content.pop("leakage", None)
    return content


def _counts(counts: Mapping[str, Any], gone: list[dict[str, Any]]) -> dict[str, Any]:
    def left(name: str, values: Iterator[Any]) -> Counter[str]:
        found = Counter(counts.get(name, {}))
        found.subtract(values)
        return +found

    fresh = split_counts(
        left("labels", (row["label"] for row in gone)),
        left("subsets", (row["modalities"] for row in gone)),
        left("licenses", (name_of(row["license"]) for row in gone)),
    )
    # Data sets of earlier versions have fewer counts.
    kept = {name: value for name, value in fresh.items() if counts.get(name)}
    return {**counts, **kept, "total": counts["total"] - len(gone)}


def _vocabulary(dataset: Dataset, found: WithdrawnPosts) -> dict[str, Any]:
    vocabulary = dataset.vocabulary()
    rows = [post.row for post in found.posts.values() if post.split == TRAIN]
    gone_words = Counter(word for row in rows for word in words(row["text"] or ""))
    gone_tags = Counter(tag for row in rows for tag in row["tags"])
    return {
        "min_count": vocabulary.min_count,
        "words": counts_without(vocabulary.words, gone_words),
        "tags": counts_without(vocabulary.tags, gone_tags),
    }
