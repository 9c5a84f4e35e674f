"""The digest of a post's content, the form of judged posts, and how they are found again."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.build.spool import order_of
from flickr_emotion.datasets.judging.judged_posts import JudgedPosts, KnownPosts, judged_posts_in
from flickr_emotion.datasets.judging.judged_rows import (
    FINGERPRINTED,
    JUDGED_SCHEMA,
    KEPT_SCHEMA,
    PLACE_BYTES,
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


def test_a_post_is_known_by_the_whole_of_its_digest(tmp_path: Path) -> None:
    half = b"12345678"
    inputs = [half + b"aaaaaaaa", None, bytes(range(16)), half + b"bbbbbbbb"]
    nothing = dict.fromkeys(KEPT_SCHEMA.names) | {"source": "a", "image_known": False, "tags": []}
    rows = [
        nothing | {"place": bytes([at]) * 32, "photo_id": str(at), "input": it, "reason": "gone"}
        for at, it in enumerate(inputs)
    ]
    with judged_posts_in(tmp_path / "judged") as write:
        write(pa.Table.from_pylist(rows, schema=KEPT_SCHEMA), np.empty(0, np.int8))
    JudgedPosts(tmp_path / "judged").write_known(tmp_path / "known.npy")
    known = KnownPosts(tmp_path / "known.npy")
    asked = [bytes(range(16)), half + b"cccccccc", bytes(15) + b"1", bytes(range(16))]
    assert known.rows(asked).tolist() == [2, -1, -1, 2]
    # One of two with the same beginning may be missed, and none is taken for the other.
    assert set(known.rows([half + b"aaaaaaaa"])) <= {0, -1}
    assert set(known.rows([half + b"bbbbbbbb"])) <= {3, -1}


def test_digests_are_ordered_by_all_of_their_bytes() -> None:
    digests = np.random.default_rng(0).integers(0, 2, (200, PLACE_BYTES), np.uint8)
    digests[:, :8] = 7
    order = order_of(digests)
    assert [bytes(digests[at]) for at in order] == sorted(map(bytes, digests))
