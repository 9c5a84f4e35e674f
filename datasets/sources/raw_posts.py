"""What a source of posts gives ``build-splits``: every listed photo as one row, nothing judged yet.

Sources (a harvest, a file of one's own posts) differ only in how they fill these rows; from here on
all posts go the same way, in batches, in whatever process or on whatever machine.
"""

from typing import Any, Protocol

import pyarrow as pa

RAW_SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        # File and row of the list that name the photo first.
        pa.field("source", pa.string(), nullable=False),
        # Why the photo is not in the data set, whatever its post holds; null where it may be.
        pa.field("reason", pa.string()),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        # Title and description as they came; a text that is in one piece stands in `description`.
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
        # The picture: its bytes, or the path of a file; SHA-256 in hex of what was fetched.
        pa.field("image_bytes", pa.binary()),
        pa.field("image_path", pa.string()),
        pa.field("image_sha256", pa.string()),
        pa.field("owner", pa.string()),
        pa.field("license", pa.string()),
        # Where Flickr keeps the photo, for manifests; null for posts that were never there.
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        # The adjective-noun pair that the list names the photo under first; VSO only.
        pa.field("pair", pa.string()),
        # What a manifest has fixed; null where the rules decide.
        pa.field("split", pa.string()),
        pa.field("modalities", pa.string()),
    ]
)


class Source(Protocol):
    """Where posts come from. It can be pickled: each process opens what it reads for itself."""

    @property
    def kind(self) -> str:
        """What labels were decided from: ``votes``, ``sentiment`` or ``labels``."""

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the posts into ranges [first, last) of about ``size`` posts."""

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the posts of one range: values by the names of ``RAW_SCHEMA``, without nulls."""
