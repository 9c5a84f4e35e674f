"""A manifest in the ledger: its photos, and the values that it fixes for their posts."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.lists import ListFileRecord


class PostColumns(NamedTuple):
    """Some posts of a manifest, in the order of its rows: a list for each column."""

    photo_id: list[str]
    server: list[str | None]
    farm: list[str | None]
    secret: list[str | None]
    label: list[str]
    votes: list[int | None]
    sentiment: list[float | None]
    pair: list[str | None]
    split: list[str]
    modalities: list[str]
    vote_distribution: list[list[float] | None]
    """The shares of the manifest's classes; None for a post without them."""


def store_manifest(
    ledger: LedgerConnection,
    file: ListFileRecord,
    posts: Iterable[PostColumns],
    *,
    kind: str,
) -> None:
    """Store a manifest's posts in an empty ledger; if ``posts`` raises, nothing is stored.

    ``kind``: ``votes``, ``sentiment`` or ``labels``.
    """
    by_pair = kind == "sentiment"
    with ledger.transaction() as connection:
        connection.execute("INSERT INTO files VALUES (?, ?)", file)
        connection.execute(
            "CREATE TEMP TABLE its_rows (row INTEGER PRIMARY KEY, subject TEXT, photo_id TEXT, "
            "server TEXT, farm TEXT, secret TEXT)"
        )
        first = 1
        for some in posts:
            rows = range(first, first + len(some.photo_id))
            first += len(rows)
            connection.executemany(
                "INSERT INTO its_rows VALUES (?, ?, ?, ?, ?, ?)",
                zip(
                    *(rows, some.pair if by_pair else some.label, some.photo_id),
                    *(some.server, some.farm, some.secret),
                    strict=True,
                ),
            )
            connection.executemany(
                "INSERT INTO manifest_posts VALUES (?, ?, ?, ?, ?, ?, ?)",
                zip(
                    *(some.photo_id, some.label, some.votes),
                    *(some.sentiment, some.split, some.modalities),
                    (shares and json.dumps(shares) for shares in some.vote_distribution),
                    strict=True,
                ),
            )
        connection.execute(
            f"INSERT INTO listed (file, row, photo_id, {'pair' if by_pair else 'emotion'}) "
            "SELECT ?, row, photo_id, subject FROM its_rows ORDER BY row",
            (file.name,),
        )
        # Photos are requested in the order of their rows, here by subject as in a list. A subject
        # is searched once its pictures are settled; by photo id, all would be settled at the end.
        # Without server or secret, the picture is only due after the API's answer.
        connection.execute(
            "INSERT INTO photos (photo_id, server, farm, secret, image_next_try) "
            "SELECT photo_id, server, farm, secret, "
            "CASE WHEN server IS NOT NULL AND secret IS NOT NULL THEN 0.0 END "
            "FROM its_rows ORDER BY subject, row"
        )
        connection.execute("DROP TABLE its_rows")
