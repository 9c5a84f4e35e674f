"""``references.parquet``: where Flickr keeps the photo of each post, and what its picture was.

Readers of the shards need none of it; a manifest is made of it, so that others can fetch the same
pictures and see whether they are the same.
"""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.splits import SPLITS

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


class ReferencesWriter:
    """Takes the rows of all splits side by side and writes them split after split, as shards are.

    Used in a ``with`` statement.
    """

    def __init__(self, folder: Path) -> None:
        """Write into ``folder``."""
        self._path = folder / FILE_NAME
        self._parts = {split: folder / f"{FILE_NAME}.{split}" for split in SPLITS}
        self._open = ExitStack()
        self._writers = {
            split: self._open.enter_context(pa.ipc.new_stream(str(part), SCHEMA))
            for split, part in self._parts.items()
        }

    def __enter__(self) -> "ReferencesWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
        with pq.ParquetWriter(self._path, SCHEMA, compression="zstd") as writer:
            waiting = SCHEMA.empty_table()
            for part in self._parts.values():
                with pa.ipc.open_stream(str(part)) as reader:
                    for batch in reader:
                        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
                        if waiting.num_rows >= _ROW_GROUP:
                            writer.write_table(waiting.combine_chunks())
                            waiting = SCHEMA.empty_table()
                part.unlink()
            writer.write_table(waiting.combine_chunks())

    def write(self, split: str, posts: pa.Table) -> None:
        """Take further posts of a split, with at least the columns of ``SCHEMA``."""
        self._writers[split].write_table(posts.select(SCHEMA.names).cast(SCHEMA))
