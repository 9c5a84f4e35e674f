"""Judges posts on a cluster: Ray Data applies the same function to each batch.

The posts are written as Parquet files, with the paths of their pictures, into a folder that all
machines share. The order of batches does not matter, so the data set has the same bytes as one that
this machine builds alone.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.decisions import read_decisions
from flickr_emotion.datasets.judging.judging import POSTS_PER_BATCH, Judge, in_batches
from flickr_emotion.datasets.sources.raw_posts import RAW_SCHEMA, Source


def judged_on_ray(
    source: Source, judge: Judge, known: Path | None, folder: Path
) -> Iterator[pa.Table]:
    """Yield the judged posts of a source, in any order (``judged_rows.JUDGED_SCHEMA``).

    ``folder`` is created for the Parquet files. Joins the cluster that ``RAY_ADDRESS`` names, or
    starts one on this machine. Raises ``DatasetError`` if Ray is not installed.
    """
    try:
        import ray
    except ImportError:
        raise DatasetError(
            "--engine ray needs Ray: install it with `pip install 'ray[data]'`, or omit the option"
        ) from None
    folder.mkdir()
    batches = (
        batch
        for first, last in source.ranges(POSTS_PER_BATCH)
        for batch in in_batches(source.read(first, last))
    )
    for number, batch in enumerate(batches):
        posts = pa.Table.from_pylist(batch, schema=RAW_SCHEMA)
        pq.write_table(posts, folder / f"{number:06d}.parquet", compression="zstd")

    def judged(batch: pa.Table) -> Iterator[pa.Table]:
        return judge.judge(batch.to_pylist(), read_decisions(known))

    own = not ray.is_initialized()
    if own:
        # Ray's workers must find `flickr_emotion`, also in a checkout that is not installed.
        environment = {"env_vars": {"PYTHONPATH": str(PROJECT)}}
        ray.init(
            runtime_env=environment,
            log_to_driver=False,
            include_dashboard=False,
            logging_level=logging.ERROR,
        )
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        posts = ray.data.read_parquet(str(folder)).map_batches(
            # None: as they were written, which is small enough to be judged at once.
            judged,
            batch_format="pyarrow",
            batch_size=None,
        )
        # Ray Data configures its loggers when a data set is created, so they are silenced here.
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield from posts.iter_batches(batch_format="pyarrow", batch_size=None)
    finally:
        if own:
            ray.shutdown()
