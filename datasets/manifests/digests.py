"""The digests of a post's text and tags that a manifest holds in place of the content.

Export and verify must compute them from the same bytes: the text as it is in the data set, the tags
as a JSON array without spaces, both in UTF-8. The first half of each SHA-256 is kept.
"""

import hashlib
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.harvest.manifests.file import DIGEST

# Characters that JSON escapes.
_ESCAPED = r'["\\\x00-\x1f]'


def half_digests(texts: pa.Array) -> pa.Array:
    """Return the digests of texts; the digest of null is null."""
    digests = [
        None if text is None else hashlib.sha256(text).digest()[: DIGEST.byte_width]
        for text in texts.cast(pa.binary()).to_pylist()
    ]
    return pa.array(digests, DIGEST)


def tags_as_json(tags: pa.Array) -> pa.Array:
    """Return each post's tags as the JSON array that is digested; null for a post without tags."""
    values = tags.flatten()
    if pc.any(pc.match_substring_regex(values, _ESCAPED)).as_py():
        return pa.array([tags_json(post) if post else None for post in tags.to_pylist()])
    joined = pc.binary_join(tags, '","')
    arrays = pc.binary_join_element_wise('["', joined, '"]', "")
    there = pc.greater(pc.list_value_length(tags), 0)
    return pc.if_else(there, arrays, pa.scalar(None, pa.string()))


def tags_json(tags: Sequence[str]) -> str:
    """Return one post's tags as the JSON array that is digested."""
    return json.dumps(list(tags), ensure_ascii=False, separators=(",", ":"))
