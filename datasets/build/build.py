"""``build-splits``: turns posts into a data set folder, in two passes.

The first pass judges every post, on all cores (``judging``); then the splits are drawn; the second
pass writes the shards (``writing``). Every listed photo ends either in one split or in
``excluded.parquet``, which is checked. The same posts, options and seed give the same bytes. The
folder is built under a temporary name and renamed when it is complete.
"""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from flickr_emotion.common.printing import say
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.takedown.tombstones import write_tombstones
from flickr_emotion.datasets.build.correcting import account_for
from flickr_emotion.datasets.build.gathering import Gathered, gather
from flickr_emotion.datasets.build.judging import Judge
from flickr_emotion.datasets.build.local_engine import judged_locally
from flickr_emotion.datasets.build.saying import (
    say_classes,
    say_pictures,
    say_preferences,
    say_splits,
    say_texts,
)
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.build.summary import counted
from flickr_emotion.datasets.build.writing import Written, write_posts
from flickr_emotion.datasets.description.writing import write_description
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import decisions
from flickr_emotion.datasets.folder.decisions import PreviousPictures
from flickr_emotion.datasets.folder.file_digests import damaged_files
from flickr_emotion.datasets.folder.folder import (
    keep_features,
    new_dataset_folder,
)
from flickr_emotion.datasets.folder.layout import FORMAT
from flickr_emotion.datasets.folder.reading import (
    FORMAT_VERSION,
    WITHOUT_DISTRIBUTIONS,
    Dataset,
    open_dataset,
    read_withdrawn,
)
from flickr_emotion.datasets.folder.shards import DISTRIBUTIONS
from flickr_emotion.datasets.rules.groups import PostGroups, fold_groups, leakage, split_groups
from flickr_emotion.datasets.rules.options import NEAR_DUPLICATE, BuildOptions
from flickr_emotion.datasets.rules.pictures import PREPARATION
from flickr_emotion.datasets.rules.splits import (
    NOWHERE,
    Splits,
    fold_posts,
    given_splits,
    split_posts,
)
from flickr_emotion.datasets.rules.verdicts import VERDICTS
from flickr_emotion.datasets.sources.corrections import Corrections
from flickr_emotion.datasets.sources.inputs import Input, open_input

ENGINES = ("local", "ray")

Say = Callable[[str], None]


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
    ``corrections``: a table of what is wrong with posts (``datasets.sources.corrections``).
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
            ) as posts,
        ):
            if corrected is not None and posts.fixes_labels:
                raise DatasetError(
                    f"--corrections {corrections}: {path} was made from a manifest, which fixes "
                    "the labels: omit it"
                )
            return _build(posts, folder, out, say, engine, processes, corrected)
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
    corrections: Corrections | None,
) -> dict[str, Any]:
    options = posts.options
    previous = _previous(out, say)
    known = _decided(previous, options, say)
    # Posts of one's own have no tombstones but those of the data set that is replaced.
    earlier, record = read_withdrawn(out)
    withdrawn = posts.tombstones | earlier
    judge = Judge(
        options=options,
        keep_incomplete=options.incomplete_posts(posts.source.kind) == "keep",
        withdrawn=withdrawn,
        corrections=corrections,
    )
    spool = Spool(folder.parent / "spool", posts.listed)
    try:
        with ProgressReport("judging", posts.listed, "posts") as progress:
            for table in _judged(posts, judge, known, engine, processes, folder.parent):
                spool.add(table)
                progress.advance(table.num_rows)
        spool.finish()
        gathered = gather(spool, posts.listed)
        if gathered.rows != posts.listed:
            raise RuntimeError(f"{posts.listed} photos are listed, {gathered.rows} were judged")
        if corrections is not None:
            account_for(corrections, spool, say)
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
            groups = beside.submit(gathered.groups)
            splits, checked = _splits(gathered, posts, groups.result)
            found = beside.submit(checked)
            say_splits(splits, gathered, posts, say)
            written = write_posts(
                spool,
                splits.places,
                folder,
                previous=PreviousPictures(previous, options.seed) if previous and known else None,
                rejected=posts.rejected(),
                salt=f"short side {options.short_side}",
                classes=_classes(gathered, splits) if gathered.distributions else (),
                withdrawn=bool(withdrawn),
            )
            leaks = leakage(splits.places, found.result())
    finally:
        spool.close()
    if written.posts + written.photos_excluded != posts.listed:
        raise RuntimeError("a listed photo was written nowhere or twice")
    if withdrawn:
        write_tombstones(folder, withdrawn, changes=record.get("changes", []))
    content = _content(posts, gathered, written) | {"leakage": leaks}
    if corrections is not None:
        content["corrections"] = corrections.described()
    content = write_description(folder, content, written.vocabulary.content(options.min_count))
    if previous and previous.digest == content["digest"]:
        keep_features(out, folder)
    return content


def _previous(out: Path, say: Say) -> Dataset | None:
    """Return the data set that will be replaced, if there is one that can be read."""
    try:
        return open_dataset(out) if out.exists() and any(out.iterdir()) else None
    except DatasetError as error:
        say(f"nothing is reused from the data set that is replaced: {error}")
        return None


def _decided(previous: Dataset | None, options: BuildOptions, say: Say) -> Path | None:
    """Return the file of decisions of the data set that is replaced, if it can be reused.

    Reused pictures are not checked again, so every file of the data set must be undamaged.
    """
    # With another seed, the pictures are stored in another order.
    if (
        previous is None
        or previous.version < WITHOUT_DISTRIBUTIONS
        or previous.options.get("seed") != options.seed
        or decisions.FILE_NAME not in previous.files
    ):
        return None
    if damaged := next(damaged_files(previous.folder, previous.files), None):
        say(f"{previous.folder}: {damaged}; nothing of it is reused, everything is built again")
        return None
    return previous.folder / decisions.FILE_NAME


def _judged(
    posts: Input,
    judge: Judge,
    known: Path | None,
    engine: str,
    processes: int | None,
    workspace: Path,
) -> Iterator[pa.Table]:
    if engine == "local":
        return judged_locally(posts.source, judge, known, workspace / "judged", processes)
    from flickr_emotion.datasets.build.ray_engine import judged_on_ray

    return judged_on_ray(posts.source, judge, known, workspace / "ray")


def _splits(
    gathered: Gathered, posts: Input, groups: Callable[[], PostGroups]
) -> tuple[Splits, Callable[[], PostGroups]]:
    """Return the splits, and a function that returns the groups to count leaks by.

    Every evaluated post is checked by itself for a near-duplicate text in training.
    """
    if NEAR_DUPLICATE in posts.options.group_by and not np.any(gathered.fixed >= 0):
        return _kept_apart(gathered, posts, groups())
    splits = _drawn(gathered, posts, groups)
    return splits, lambda: groups().with_near_texts(gathered.near_training_texts(splits.places))


def _kept_apart(
    gathered: Gathered, posts: Input, groups: PostGroups
) -> tuple[Splits, Callable[[], PostGroups]]:
    """Draw splits until no evaluated post has a near-duplicate text in training."""

    def known() -> PostGroups:
        return groups

    splits = _drawn(gathered, posts, known)
    edges = gathered.near_training_texts(splits.places)
    if not len(edges[0]):
        return splits, known
    # They belong to one group, which the search among all posts has missed.
    return _kept_apart(gathered, posts, groups.with_near_texts(edges))


def _drawn(gathered: Gathered, posts: Input, groups: Callable[[], PostGroups]) -> Splits:
    options = posts.options
    if options.split_column is None and np.any(gathered.fixed >= 0):
        return Splits(places=gathered.fixed)
    needed = gathered.needed(posts.source.kind, options)
    candidates = gathered.candidates(needed, options)
    if options.split_column is not None:
        return given_splits(candidates, gathered.fixed)
    fold, folds = options.fold_of or (0, 0)
    if options.group_by:
        joined = groups().joined(options.group_by)
        if folds:
            return fold_groups(candidates, joined, gathered.numbers, fold=fold, folds=folds)
        return split_groups(candidates, joined, gathered.numbers)
    return fold_posts(candidates, fold=fold, folds=folds) if folds else split_posts(candidates)


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
        "version": FORMAT_VERSION if gathered.distributions else WITHOUT_DISTRIBUTIONS,
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
