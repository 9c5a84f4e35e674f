"""Judging on the cores of this machine: a process each, fed with ranges of the source."""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import pyarrow as pa

from datasets.decisions import read_decisions
from datasets.judging import Judge
from datasets.raw_posts import Source

POSTS_TO_A_BATCH = 1000
# So many batches for each process are on their way or done and not yet taken.
_AHEAD = 2


def judged_locally(source: Source, judge: Judge, decisions: Path | None) -> Iterator[pa.Table]:
    """Yield the judged posts of a source, in any order (``datasets.judging.JUDGED_SCHEMA``)."""
    ranges = source.ranges(POSTS_TO_A_BATCH)
    processes = os.cpu_count() or 1
    if len(ranges) <= 1 or processes == 1:  # not worth a second process
        for first, last in ranges:
            yield _judge(source, judge, decisions, first, last)
        return
    # Not forked: other threads of this process may hold locks.
    with ProcessPoolExecutor(
        min(processes, len(ranges)), get_context("spawn"), initializer=_begin
    ) as pool:
        running: set[Future[pa.Table]] = set()
        try:
            for first, last in ranges:
                if len(running) >= _AHEAD * processes:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                running.add(pool.submit(_judge, source, judge, decisions, first, last))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
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
