"""Judges posts on the cores of this machine: each process works on ranges of the source."""

import gc
import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa

from flickr_emotion.common.cores import usable_cores
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.decisions import read_decisions
from flickr_emotion.datasets.judging.judged_posts import known_posts
from flickr_emotion.datasets.judging.judged_rows import JUDGED_SCHEMA, kept_table
from flickr_emotion.datasets.judging.judging import POSTS_PER_BATCH, Judge
from flickr_emotion.datasets.judging.no_pandas import do_without_pandas
from flickr_emotion.datasets.sources.raw_posts import Source

# Batches per process that are submitted and not yet taken: bounds the results waiting on disk.
_BATCHES_PER_PROCESS = 2
# Posts are many small objects without cycles: to look for some took a twelfth of the time.
_COLLECTED = (100_000, 50, 1000)
_KNOWN_POSTS = 5
# So few known posts, and so few changed ones among them, take less time than starting a process.
_RANGES_HERE = 40
_CHANGED_HERE = 5_000


def judged_locally(
    source: Source,
    judge: Judge,
    decisions: Path | None,
    known: Path | None,
    folder: Path,
    processes: int | None = None,
) -> Iterator[pa.Table]:
    """Yield the judged posts of a source, in any order (``judged_rows.JUDGED_SCHEMA``).

    ``decisions`` and ``known``: files of the last build's decisions and judged posts
    (``JudgedPosts.write_known``). ``folder`` is created for the results of the processes; by
    default there is one for each core that this process may use. Raises ``DatasetError`` if the
    system kills one of them, ``OSError`` if the folder cannot be written.
    """
    # Of posts that are known little is read, so that a range may be longer.
    ranges = source.ranges(POSTS_PER_BATCH if known is None else _KNOWN_POSTS * POSTS_PER_BATCH)
    processes = processes or usable_cores()
    changed = 0
    with _few_collections():
        while ranges and (
            processes == 1
            or len(ranges) == 1
            or (known is not None and len(ranges) <= _RANGES_HERE and changed <= _CHANGED_HERE)
        ):
            for table in _judge(source, judge, decisions, known, *ranges.pop(0)):
                changed += table.column("kept").null_count
                yield table
    if not ranges:
        return
    folder.mkdir()
    # Spawned, not forked: other threads of this process may hold locks.
    with ProcessPoolExecutor(
        min(processes, len(ranges)), get_context("spawn"), initializer=_begin
    ) as pool:
        running: set[Future[Path]] = set()
        try:
            for first, last in ranges:
                if len(running) >= _BATCHES_PER_PROCESS * processes:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from chain.from_iterable(map(_taken, done))
                arguments = (source, judge, decisions, known, first, last)
                running.add(pool.submit(_judge_into, folder / f"{first}.arrow", *arguments))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from chain.from_iterable(map(_taken, done))
        except BrokenProcessPool:
            raise DatasetError(
                "the system killed a process of the build, most likely because memory ran out: end "
                "other programs and run the command again; what was at --out is unchanged"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _few_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _begin() -> None:
    """Restrict this process to one core, and end it when its parent ends, even by a kill."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # the language detector would use all cores
    do_without_pandas()
    gc.freeze()
    gc.set_threshold(*_COLLECTED)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _judge(
    source: Source,
    judge: Judge,
    decisions: Path | None,
    known: Path | None,
    first: int,
    last: int,
) -> Iterator[pa.Table]:
    if known is None:
        posts = source.read(first, last)
    else:
        posts, kept = source.read_changed(first, last, known_posts(known))
        if len(kept):
            yield kept_table(kept)
    yield from judge.judge(posts, read_decisions(decisions))


def _judge_into(path: Path, *arguments: Any) -> Path:
    """Judge a range, write the result to a file and return its path.

    A path fits into one write to the pipe. If a process were killed in the middle of sending a
    large table, the parent would wait forever, because other processes keep the pipe open.
    """
    with pa.ipc.new_file(str(path), JUDGED_SCHEMA) as writer:
        for table in _judge(*arguments):
            writer.write_table(table)
    # The pictures of this range are not kept until the next one needs their memory.
    pa.default_memory_pool().release_unused()
    return path


def _taken(done: Future[Path]) -> Iterator[pa.Table]:
    path = done.result()
    # Read, not memory-mapped: the spool copies the pictures, and a map would keep them in memory.
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])
    path.unlink()
