"""``build-splits``: from a harvest folder to a data set folder, in two passes.

The first pass (``judging``) decides what of each photo stays; then the splits are drawn; the second
pass writes the shards. Every listed photo ends in exactly one place, a split or
``excluded.parquet``, and that is checked. The same harvest, options and seed give the same bytes.
The folder is built beside its place and moved there when it is whole.
"""

import hashlib
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from datasets.build_options import BuildOptions
from datasets.card import data_set_card
from datasets.errors import DatasetError
from datasets.harvested import Harvest
from datasets.judging import Tally, judge
from datasets.language import known_languages
from datasets.modalities import SUBSETS
from datasets.reading import FORMAT, FORMAT_VERSION
from datasets.shards import write_excluded, write_shards
from datasets.splits import SPLITS, TEST, TRAIN, VALIDATION, split_posts
from datasets.spool import Post, Spool
from datasets.text_filter import VERDICTS
from datasets.vocabulary import VocabularyCounter

# What a data set folder may hold: what is written here, and the features that training keeps in it.
_OURS = frozenset(
    {"data", "dataset.json", "vocabulary.json", "excluded.parquet", "README.md", "features"}
)


def build_splits(
    harvest_folder: Path, out: Path, options: BuildOptions, say: Callable[[str], None]
) -> dict[str, Any]:
    """Build a data set; return what its ``dataset.json`` holds.

    ``say`` is told what the user should know of the data. Raises ``DatasetError`` where there is
    nothing to build from or ``out`` holds something else, ``HarvestError`` for a broken harvest.
    """
    if options.language not in known_languages():
        raise DatasetError(
            f"--language {options.language!r} is none that is detected: give one of "
            f"{', '.join(known_languages())}"
        )
    out, harvest_folder = out.resolve(), harvest_folder.resolve()
    _check_replaceable(out, harvest_folder)
    harvest = Harvest(harvest_folder)
    building: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(mkdtemp(prefix=f".{out.name}.", suffix=".building", dir=out.parent))
        building.chmod(0o755)
        (building / "data").mkdir()
        if unfinished := harvest.unfinished():
            say(f"posts or pictures not had yet: {unfinished}; `crawl` again goes on with them")
        content = _build(harvest, building, options, say)
        _move_into_place(building, out)
    except OSError as error:
        raise DatasetError(f"the data set {out} cannot be written: {error}") from None
    except sqlite3.Error as error:
        raise DatasetError(
            f"the ledger of {harvest_folder} or the space beside {out} gave out: {error}"
        ) from None
    finally:
        harvest.close()
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)
    return content


def _check_replaceable(out: Path, harvest_folder: Path) -> None:
    """Refuse to replace anything but a data set, and one that holds nothing of the user's own."""
    if out.is_dir():
        foreign = sorted({path.name for path in out.iterdir()} - _OURS)
        if foreign:
            raise DatasetError(
                f"{out} holds {foreign[0]!r}, which is no part of a data set: give another --out"
            )
    elif out.exists():
        raise DatasetError(f"{out} is a file: give a folder as --out")
    if out in (harvest_folder, *harvest_folder.parents):
        raise DatasetError(f"{out} holds the harvest: give another --out")


def _build(
    harvest: Harvest, folder: Path, options: BuildOptions, say: Callable[[str], None]
) -> dict[str, Any]:
    tally = Tally()
    spool = Spool(folder / "spool.sqlite")
    try:
        judge(harvest, spool, tally, options, say)
        if tally.pictures_left_out:
            say(
                f"{tally.pictures_left_out} pictures of {harvest.folder / 'images'} were left out: "
                "their posts are here without them"
            )
        splits = split_posts(spool.labelled(), eval_votes=options.eval_votes, seed=options.seed)
        if not splits.split_of:
            raise DatasetError(
                f"{harvest.folder} has no post to build from: "
                f"{_counted(Counter(reason for *_, reason in tally.excluded))}"
            )
        for label, (there, wanted) in splits.short_classes.items():
            say(
                f"{label}: {there} complete posts of {options.eval_votes} votes for {wanted} "
                "places in validation and test, which share them"
            )
        evaluated = {TEST, VALIDATION} & set(splits.split_of.values())
        if len(evaluated) < 2:
            say("too few complete posts: validation or test is empty, and nothing can be trained")
        spool.assign(splits.split_of, seed=options.seed)
        if tally.listed != len(splits.split_of) + sum(1 for row in tally.excluded if row[0]):
            raise RuntimeError("a listed photo is in no place or in two")
        counts, digest, vocabulary = _write_splits(spool, folder / "data", options.min_count)
    finally:
        spool.close()
        (folder / "spool.sqlite").unlink()
    tally.excluded.extend((None, row.source, row.reason) for row in harvest.rejected_rows())
    content = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "kind": harvest.kind,
        "service": harvest.service,
        "options": asdict(options) | {"incomplete": options.incomplete_posts(harvest.kind)},
        "classes": sorted({label for split in counts.values() for label in split["labels"]}),
        "counts": counts,
        "excluded": _sorted(Counter(reason for *_, reason in tally.excluded)),
        "texts": {verdict: tally.texts[verdict] for verdict in VERDICTS},
        "lists_digest": harvest.lists_digest(),
        "digest": digest,
    }
    write_excluded(folder / "excluded.parquet", tally.excluded)
    _write_json(folder / "vocabulary.json", vocabulary)
    _write_json(folder / "dataset.json", content)
    (folder / "README.md").write_text(data_set_card(content), encoding="utf-8")
    return content


def _write_splits(
    spool: Spool, folder: Path, min_count: int
) -> tuple[dict[str, dict[str, Any]], str, dict[str, object]]:
    counts: dict[str, dict[str, Any]] = {}
    digest = hashlib.sha256()
    vocabulary = VocabularyCounter()
    for split in SPLITS:
        labels: Counter[str] = Counter()
        subsets: Counter[str] = Counter()

        def tallied(
            split: str = split, labels: Counter[str] = labels, subsets: Counter[str] = subsets
        ) -> Iterator[Post]:
            digest.update(split.encode())
            for post in spool.posts(split):
                labels[post.label] += 1
                subsets[post.modalities] += 1
                digest.update(post.fingerprint())
                if split == TRAIN:
                    vocabulary.add(post.text, post.tags)
                yield post

        write_shards(folder, split, tallied())
        counts[split] = {
            "total": labels.total(),
            "labels": _sorted(labels),
            "subsets": {subset: subsets[subset] for subset in SUBSETS if subsets[subset]},
        }
    return counts, digest.hexdigest(), vocabulary.content(min_count)


def describe(content: dict[str, Any]) -> str:
    """Return a table of posts by label and split, from what ``build_splits`` returns."""
    counts = content["counts"]
    rows = [
        (label, [counts[split]["labels"].get(label, 0) for split in SPLITS])
        for label in content["classes"]
    ]
    rows.append(("all", [counts[split]["total"] for split in SPLITS]))
    excluded = _counted(Counter(content["excluded"]))
    return "\n".join(
        [
            f"{'':<14}" + "".join(f"{split:>12}" for split in SPLITS),
            *(f"{name:<14}" + "".join(f"{n:>12}" for n in numbers) for name, numbers in rows),
            f"not in the data set: {excluded}",
        ]
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _move_into_place(building: Path, out: Path) -> None:
    previous = out.with_name(f".{out.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    if out.exists():
        out.rename(previous)
    building.rename(out)
    shutil.rmtree(previous, ignore_errors=True)
