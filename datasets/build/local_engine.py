"""Judging on the cores of this machine: a process each, fed with ranges of the source."""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa

from flickr_emotion.datasets.build.judging import Judge
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.decisions import read_decisions
from flickr_emotion.datasets.sources.raw_posts import Source

POSTS_TO_A_BATCH = 1000
# So many batches for each process are on their way or done and not yet taken.
_AHEAD = 2


def judged_locally(
    source: Source, judge: Judge, decisions: Path | None, folder: Path
) -> Iterator[pa.Table]:
    """Yield the judged posts of a source, in any order (``datasets.build.judging.JUDGED_SCHEMA``).

    ``folder`` is made for what processes hand over. Raises ``DatasetError`` where the system ends
    one of them, ``OSError`` where the folder cannot be written.
    """
    ranges = source.ranges(POSTS_TO_A_BATCH)
    processes = os.cpu_count() or 1
    if len(ranges) <= 1 or processes == 1:  # not worth a second process
        for first, last in ranges:
            yield _judge(source, judge, decisions, first, last)
        return
    folder.mkdir()
    # Not forked: other threads of this process may hold locks.
    with ProcessPoolExecutor(
        min(processes, len(ranges)), get_context("spawn"), initializer=_begin
    ) as pool:
        running: set[Future[Path]] = set()
        try:
            for first, last in ranges:
                if len(running) >= _AHEAD * processes:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from map(_taken, done)
                arguments = (source, judge, decisions, first, last)
                running.add(pool.submit(_judge_into, folder / f"{first}.arrow", *arguments))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from map(_taken, done)
        except BrokenProcessPool:
            raise DatasetError(
                "the system has ended a process of the build, most likely for want of memory: end "
                "other programs and run the command again; what stood at --out still does"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Let this process keep to one core, and end when its parent does, be it killed."""
    os.environ["RAYON_NUM_THREADS"] = "1"  # the language detector would use all cores
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _judge(source: Source, judge: Judge, decisions: Path | None, first: int, last: int) -> pa.Table:
    return judge.judge(source.read(first, last), read_decisions(decisions))


def _judge_into(path: Path, *arguments: Any) -> Path:
    """Judge a range into a file and return its path.

    Of a process that is ended in the middle of a large answer, the rest would be waited for without
    end: pipes stay open as long as any process has them. A path comes whole or not at all.
    """
    table = _judge(*arguments)
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def _taken(done: Future[Path]) -> pa.Table:
    path = done.result()
    # Not mapped: pictures are put elsewhere at once, and would be held with the rest.
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        table = reader.read_all()
    path.unlink()
    return table
