"""Groups of posts that are nearly the same: pictures by their hash, texts by their words.

The build has found them too, to count what leaks between splits, but does not keep which they are.
Pictures' hashes are in ``decisions.parquet``; signatures of texts are made here anew, which takes
seconds for 100,000 posts.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.datasets.errors import DamagedDatasetError
from flickr_emotion.datasets.folder import decisions, references
from flickr_emotion.datasets.folder.decisions import picture_key, read_decisions
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.rules.groups import Groups
from flickr_emotion.datasets.rules.near_duplicates import (
    SIGNATURE_BYTES,
    components,
    near_pictures,
    near_texts,
    text_signature,
)
from flickr_emotion.datasets.rules.text import words


def near_groups(
    dataset: Dataset, photo_ids: pa.Array, texts: Iterable[tuple[int, pa.Array | pa.ChunkedArray]]
) -> Groups:
    """Return the group of each post, (N,); a post that is like no other has a group of its own.

    ``photo_ids`` (N,): the posts of all splits, in the order of the shards. ``texts``: their texts
    in pieces, each with the number of its first post. Without the build's decisions, as in a data
    set of an older version, only texts are compared. Raises ``DamagedDatasetError``.
    """
    with_text: list[int] = []
    signatures: list[bytes] = []
    for first, piece in texts:
        for place, text in enumerate(piece.to_pylist(), first):
            if text and (found := words(text)):
                with_text.append(place)
                signatures.append(text_signature(found))
    rows = np.array(with_text, np.int64)
    edges = near_texts(np.frombuffer(b"".join(signatures), np.uint8).reshape(-1, SIGNATURE_BYTES))
    hashed, hashes = _picture_hashes(dataset, photo_ids)
    alike = near_pictures(hashes)
    return components(
        len(photo_ids), (rows[edges[0]], rows[edges[1]]), (hashed[alike[0]], hashed[alike[1]])
    )


def _picture_hashes(
    dataset: Dataset, photo_ids: pa.Array
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Return the posts whose picture has a hash, and the hashes."""
    none = np.empty(0, np.int64), np.empty(0, np.uint64)
    side = dataset.options.get("short_side")
    path = dataset.folder / references.FILE_NAME
    known = read_decisions(dataset.folder / decisions.FILE_NAME)
    if not len(known.first) or not path.is_file() or type(side) is not int:
        return none
    try:
        with open_parquet(path) as file:
            table = file.read(columns=["photo_id", "image_sha256"])
    except (OSError, pa.ArrowException) as error:
        raise DamagedDatasetError(f"{path} cannot be read ({error})") from None
    # Both files hold the posts split by split, as the shards do.
    listed = table.column("photo_id").combine_chunks()
    if not photo_ids.equals(listed):
        return none
    posts, keys = [], []
    for post, (photo_id, sha256) in enumerate(
        zip(*(table.column(it).to_pylist() for it in table.column_names), strict=True)
    ):
        if sha256:
            posts.append(post)
            keys.append(picture_key(photo_id, sha256, side))
    found = [
        (post, known.picture_hashes[row].as_py())
        for post, row in zip(posts, known.find(keys), strict=True)
        if row is not None
    ]
    kept = [(post, value) for post, value in found if value is not None]
    return np.array([it[0] for it in kept], np.int64), np.array([it[1] for it in kept], np.uint64)
