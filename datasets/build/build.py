"""``build-splits``: turns posts into a data set folder, in two passes.

The first pass judges every post, on all cores (``judging``); then the splits are drawn; the second
pass writes the shards (``writing``). Every listed photo ends either in one split or in
``excluded.parquet``, which is checked. The same posts, options and seed give the same bytes. The
folder is built under a temporary name and renamed when it is complete.
"""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from flickr_emotion.common.printing import say
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.takedown.tombstones import write_tombstones
from flickr_emotion.datasets.build.drawing import draw_splits
from flickr_emotion.datasets.build.gathering import Gathered, gather
from flickr_emotion.datasets.build.reuse import (
    BuiltFrom,
    Previous,
    Said,
    keep_built_from,
    previous_at,
    read_built_from,
    rest_of,
    rules_of,
)
from flickr_emotion.datasets.build.saying import (
    Say,
    say_classes,
    say_pictures,
    say_preferences,
    say_splits,
    say_texts,
)
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.build.summary import counted
from flickr_emotion.datasets.build.writing import Written, write_posts
from flickr_emotion.datasets.corrections.applying import ACCOUNTED, Corrections, account_for
from flickr_emotion.datasets.description.writing import write_description
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.decisions import PreviousPictures
from flickr_emotion.datasets.folder.folder import (
    keep_features,
    new_dataset_folder,
)
from flickr_emotion.datasets.folder.layout import FORMAT
from flickr_emotion.datasets.folder.reading import (
    FORMAT_VERSION,
    WITH_DISTRIBUTIONS,
    WITHOUT_DISTRIBUTIONS,
    read_withdrawn,
)
from flickr_emotion.datasets.folder.shards import DISTRIBUTIONS
from flickr_emotion.datasets.judging.judged_posts import JudgedPosts
from flickr_emotion.datasets.judging.judging import Judge
from flickr_emotion.datasets.judging.local_engine import judged_locally
from flickr_emotion.datasets.rules.groups import leakage
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.pictures import PREPARATION
from flickr_emotion.datasets.rules.splits import NOWHERE, Splits
from flickr_emotion.datasets.rules.verdicts import VERDICTS
from flickr_emotion.datasets.sources.inputs import Input, open_input

ENGINES = ("local", "ray")


def build_splits(
    path: Path,
    out: Path,
    options: BuildOptions = BuildOptions(),  # noqa: B008 (it is frozen)
    say: Say = say,
    *,
    engine: str = "local",
    labels: Path | None = None,
    columns: str | None = None,
    encoding: str | None = None,
    processes: int | None = None,
    corrections: Path | None = None,
) -> dict[str, Any]:
    """Build a data set from a harvest folder or posts of one's own; return its ``dataset.json``.

    ``say`` is called with messages about the data for the user. ``engine``: ``local`` or ``ray``.
    ``labels``: a file with the labels of a harvest's photos, in place of its list's labels.
    ``columns`` (``meaning=name,...``) and ``encoding`` say how posts of one's own are read.
    ``processes``: how many judge the posts; by default one for each core that this process may use.
    ``corrections``: a table of what is wrong with posts (``datasets.corrections``).
    Raises ``DatasetError`` if there is no post to build from or ``out`` is not a data set,
    ``HarvestError`` for a damaged harvest.

    >>> from pathlib import Path
    >>> from flickr_emotion import BuildOptions, build_splits
    >>> described = build_splits(Path("harvest"), Path("dataset"), BuildOptions(min_votes=3))
    >>> sorted(described["counts"])
    ['test', 'train', 'validation']
    """
    if engine not in ENGINES:
        raise DatasetError(f"--engine {engine!r}: give {' or '.join(ENGINES)}")
    if processes is not None and processes < 1:
        raise DatasetError(f"--processes {processes}: give at least 1")
    if processes is not None and engine != "local":
        raise DatasetError(f"--processes is for --engine local: omit it with {engine}")
    out, path = out.resolve(), path.resolve()
    corrected = None if corrections is None else Corrections.read(corrections)
    earlier = read_built_from(out)
    try:
        with (
            new_dataset_folder(out, source=path) as folder,
            open_input(
                path,
                options,
                folder.parent,
                say,
                labels=labels,
                columns=columns,
                encoding=encoding,
                checked=earlier.input if earlier else None,
                posts_later=earlier is not None,
            ) as posts,
        ):
            if corrected is not None and posts.fixes_labels:
                raise DatasetError(
                    f"--corrections {corrections}: {path} was made from a manifest, which fixes "
                    "the labels: omit it"
                )
            return _build(posts, folder, out, say, engine, processes, earlier, corrected)
    except sqlite3.Error as error:
        raise DatasetError(
            f"the ledger of {path} cannot be read ({error}): check it with `verify {path}`"
        ) from None


def _build(
    posts: Input,
    folder: Path,
    out: Path,
    say: Say,
    engine: str,
    processes: int | None,
    built_from: BuiltFrom | None,
    corrections: Corrections | None,
) -> dict[str, Any]:
    previous = previous_at(out, built_from, posts.options.seed, say)
    # Posts of one's own have no tombstones but those of the data set that is replaced.
    earlier, record = read_withdrawn(out)
    options = posts.options
    judge = Judge(
        options=options,
        keep_incomplete=options.incomplete_posts(posts.source.kind) == "keep",
        withdrawn=posts.tombstones | earlier,
        corrections=corrections,
    )
    rules = rules_of(posts, judge)
    rest = rest_of(posts, rules)
    if dataset := previous.unchanged(posts.content_digest, rest):
        for line in built_from.said if built_from else ():
            say(line)
        say(f"nothing has changed since {out} was built: it stays as it is")
        return dataset.described
    said = Said(say)
    known = previous.judged(rules) if engine == "local" else None
    if built_from is not None and known is None:  # else the rows that have changed are checked
        posts.check_rows()
    spool = Spool(folder.parent / "spool", posts.listed, known)
    try:
        judged = _judged(posts, judge, previous.decisions, known, engine, processes, folder.parent)
        content = _new(posts, folder, said, judged, spool, judge, previous, record)
    finally:
        spool.close()
    keep_built_from(folder, content, posts, rules, rest, said.lines)
    if previous.former and previous.former.digest == content["digest"]:
        keep_features(out, folder)
    return content


def _new(
    posts: Input,
    folder: Path,
    say: Say,
    judged: Iterator[pa.Table],
    spool: Spool,
    judge: Judge,
    previous: Previous,
    record: dict[str, Any],
) -> dict[str, Any]:
    """Write a new data set into ``folder``; ``record``: the file of the tombstones there were."""
    options = posts.options
    with ProgressReport("judging", posts.listed, "posts") as progress:
        for table in judged:
            spool.add(table)
            progress.advance(table.num_rows)
    spool.finish()
    gathered = gather(spool, posts.listed)
    if gathered.rows != posts.listed:
        raise RuntimeError(f"{posts.listed} photos are listed, {gathered.rows} were judged")
    if judge.corrections is not None:
        account_for(judge.corrections, spool.tables(ACCOUNTED), judge.withdrawn, say)
    say_pictures(gathered, posts, say)
    say_texts(gathered, options, say)
    say_preferences(gathered, posts, say)
    if not len(gathered.labels):
        raise DatasetError(
            f"{posts.path} has no post that fits the options ({counted(gathered.excluded)}): "
            f"{'' if posts.service == 'own' else 'crawl more posts or '}change the options"
        )
    say_classes(gathered, say)
    # Finding groups takes as long as writing the shards; both run at the same time unless the
    # splits depend on the groups.
    with ThreadPoolExecutor(1) as beside:
        splits, groups = draw_splits(gathered, posts, cache(gathered.groups))
        found = beside.submit(groups)
        say_splits(splits, gathered, posts, say)
        written = write_posts(
            spool,
            splits.places,
            folder,
            previous=(
                PreviousPictures(previous.dataset, options.seed) if previous.dataset else None
            ),
            rejected=posts.rejected(),
            short_side=options.short_side,
            classes=_classes(gathered, splits) if gathered.distributions else (),
            withdrawn=bool(judge.withdrawn),
        )
        leaks = leakage(splits.places, found.result())
    if written.posts + written.photos_excluded != posts.listed:
        raise RuntimeError("a listed photo was written nowhere or twice")
    content = _content(posts, gathered, written) | {"leakage": leaks}
    if judge.corrections is not None:
        content["corrections"] = judge.corrections.described()
    if judge.withdrawn:
        write_tombstones(folder, judge.withdrawn, changes=record.get("changes", []))
        content["version"] = FORMAT_VERSION
    return write_description(folder, content, written.vocabulary.content(options.min_count))


def _judged(
    posts: Input,
    judge: Judge,
    decisions: Path | None,
    known: JudgedPosts | None,
    engine: str,
    processes: int | None,
    workspace: Path,
) -> Iterator[pa.Table]:
    if engine == "ray":
        from flickr_emotion.datasets.judging.ray_engine import judged_on_ray

        return judged_on_ray(posts.source, judge, decisions, workspace / "ray")
    file = None if known is None else workspace / "known.npy"
    if known is not None and file is not None:
        known.write_known(file)
    return judged_locally(posts.source, judge, decisions, file, workspace / "judged", processes)


def _classes(gathered: Gathered, splits: Splits) -> tuple[str, ...]:
    """Return the classes of the posts that are in a split."""
    there = np.unique(gathered.labels[splits.places != NOWHERE])
    return tuple(gathered.classes[number] for number in there)


def _content(posts: Input, gathered: Gathered, written: Written) -> dict[str, Any]:
    options = posts.options
    recorded = options.recorded() | {"incomplete": options.incomplete_posts(posts.source.kind)}
    counts = written.counts
    return {
        "format": FORMAT,
        "version": WITH_DISTRIBUTIONS if gathered.distributions else WITHOUT_DISTRIBUTIONS,
        **posts.described(),
        "options": recorded,
        "classes": sorted({label for split in counts.values() for label in split["labels"]}),
        "counts": counts,
        "excluded": dict(sorted(written.excluded.items())),
        "texts": {verdict: gathered.texts[verdict] for verdict in VERDICTS},
        "digest": written.digest,
        "preparation": PREPARATION,
        **({DISTRIBUTIONS: written.distributions} if gathered.distributions else {}),
    }
