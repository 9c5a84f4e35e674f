"""``references.parquet``: each post's photo reference on Flickr, and the digest of its picture.

Manifests are made from it, so that others can fetch the pictures again and see whether they are the
same. It also holds what is stated on the use of each post. Readers of the shards do not need it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.row_groups import parquet_in_groups

FILE_NAME = "references.parquet"
PREFERENCE = "preference"
SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        # The first adjective-noun pair under which the list names the photo; VSO only.
        pa.field("pair", pa.string()),
        # SHA-256 in hex of the picture as fetched; null for a post without a picture.
        pa.field("image_sha256", pa.string()),
        # What is stated on its use (``datasets.rules.permissions``); null for posts of one's own.
        pa.field(PREFERENCE, pa.string()),
    ]
)
_ROW_GROUP = 100_000


@contextmanager
def references_in(folder: Path) -> Iterator[Callable[[str, pa.Table], None]]:
    """Yield a function that adds posts of a split, with at least the columns of ``SCHEMA``.

    The splits may be added in any order; the file holds them one after the other, as in shards.
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
