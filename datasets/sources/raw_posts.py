"""The common form of posts before they are judged: one row for every listed photo.

Sources (a harvest, a file of the user's own posts) differ only in how they fill these rows. All
later steps are the same for every source, and work on batches in any process or on any machine.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

INPUT_BYTES = 16
BALLOTS = pa.list_(
    pa.struct([("label", pa.string()), ("agree", pa.float64()), ("disagree", pa.float64())])
)
"""What is known of a photo's votes, class by class (``datasets.rules.vote_distributions``)."""

RAW_SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        # File and row of the list in which the photo occurs first.
        pa.field("source", pa.string(), nullable=False),
        # Why the photo is excluded whatever its post holds; null where it may be included.
        pa.field("reason", pa.string()),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        # The votes for and against each class; null where only the label's votes are known.
        pa.field("ballots", BALLOTS),
        # Title and description as fetched; a user's column `text` is put into `description`.
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
        # The picture: its bytes or the path of a file, and the SHA-256 in hex of the fetched file.
        pa.field("image_bytes", pa.binary()),
        pa.field("image_path", pa.string()),
        pa.field("image_sha256", pa.string()),
        pa.field("owner", pa.string()),
        pa.field("license", pa.string()),
        # What is stated on its use (``datasets.rules.permissions``); null for posts of one's own.
        pa.field("preference", pa.string()),
        # Where Flickr keeps the photo, for manifests; null for posts that were never there.
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        # The first adjective-noun pair under which the list names the photo; VSO only.
        pa.field("pair", pa.string()),
        # What a manifest has fixed; null where the rules decide.
        pa.field("split", pa.string()),
        pa.field("modalities", pa.string()),
        # A digest of all that was read of the post; null where a source gives none.
        pa.field("input", pa.binary(INPUT_BYTES)),
    ]
)


class Known(Protocol):
    """The posts of the last build."""

    def rows(self, inputs: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """Return the row of the post with each ``input``; -1 where none has it any more."""


class Changed(NamedTuple):
    """A range of posts, of which some may have been judged by the last build."""

    posts: list[dict[str, Any]]
    """Those that must be judged, as ``Source.read`` returns them."""
    kept: npt.NDArray[np.int64]
    """The rows of the last build that stand for the others."""


class Source(Protocol):
    """Where posts come from. Sources can be pickled: each process opens its own files."""

    @property
    def kind(self) -> str:
        """What the labels come from: ``votes``, ``sentiment`` or ``labels``."""

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the posts into ranges [first, last) of about ``size`` posts."""

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the posts of one range: values by the names of ``RAW_SCHEMA``, without nulls."""

    def read_changed(self, first: int, last: int, known: Known) -> Changed:
        """Read those posts of a range that are not ``known``, or in which something has changed."""

    def facts(self) -> dict[str, Any]:
        """Return as JSON what all posts depend on beside their own ``input``."""
