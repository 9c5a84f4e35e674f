"""``references.parquet``: where Flickr keeps the photo of each post, and what its picture was.

Readers of the shards need none of it; a manifest is made of it, so that others can fetch the same
pictures and see whether they are the same.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.row_groups import parquet_in_groups

FILE_NAME = "references.parquet"
SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        # VSO: the adjective-noun pair that the list names the photo under first.
        pa.field("pair", pa.string()),
        # Of the picture as it was fetched, in hex; null where the post has none.
        pa.field("image_sha256", pa.string()),
    ]
)
_ROW_GROUP = 100_000


@contextmanager
def references_in(folder: Path) -> Iterator[Callable[[str, pa.Table], None]]:
    """Give a function that takes posts of a split, with at least the columns of ``SCHEMA``.

    The rows of all splits come side by side and are written split after split, as shards are.
    """
    parts = {split: folder / f"{FILE_NAME}.{split}" for split in SPLITS}
    with ExitStack() as opened:
        writers = {
            split: opened.enter_context(pa.ipc.new_stream(str(part), SCHEMA))
            for split, part in parts.items()
        }
        yield lambda split, posts: writers[split].write_table(
            posts.select(SCHEMA.names).cast(SCHEMA)
        )
    with parquet_in_groups(folder / FILE_NAME, SCHEMA, _ROW_GROUP) as write:
        for part in parts.values():
            with pa.ipc.open_stream(str(part)) as reader:
                for batch in reader:
                    write(pa.Table.from_batches([batch]))
            part.unlink()
