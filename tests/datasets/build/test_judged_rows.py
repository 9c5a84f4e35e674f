"""The digest of a post's content, and the form of judged posts."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.judging.judged_rows import (
    FINGERPRINTED,
    JUDGED_SCHEMA,
    fingerprint,
    judged_table,
)
from flickr_emotion.datasets.rules.pictures import PREPARATION

VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(-(2**31), 2**31),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text()),
)
POSTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(FINGERPRINTED, VALUES) | {"picture_is_plain": st.booleans()}
)


@given(POSTS)
def test_the_digest_is_that_of_a_json_list(post: dict[str, Any]) -> None:
    """Data sets of earlier versions have it."""
    content = [post.get(name) for name in FINGERPRINTED]
    if post.get("picture_is_plain") is False:
        content.append(f"picture:{PREPARATION}")
    assert fingerprint(post) == hashlib.sha256(json.dumps(content).encode()).digest()


def test_rows_become_columns() -> None:
    ballots = [{"label": "awe", "agree": 4.0, "disagree": None}]
    nothing = dict.fromkeys(JUDGED_SCHEMA.names) | {"image_known": False, "tags": ()}
    post = nothing | {
        "place": bytes(32),
        "photo_id": "1",
        "source": "list:1",
        "tags": ["sea"],
        "words": ["two", "words"],
        "votes": 4,
        "ballots": ballots,
    }
    other = nothing | {
        "place": b"1" * 32,
        "photo_id": "2",
        "source": "list:2",
        "reason": "gone",
    }
    table = judged_table([tuple(post.values()), tuple(other.values())])
    assert table.schema == JUDGED_SCHEMA
    rows = table.to_pylist()
    assert rows == [post, other | {"tags": []}]
