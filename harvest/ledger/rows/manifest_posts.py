"""A manifest in the ledger: its photos, and the values that it fixes for their posts."""

import json
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.ledger.rows.lists import ListFileRecord
from flickr_emotion.harvest.ledger.rows.tombstones import store_tombstones, tombstones_in

_SOME = 500  # Photo ids per statement.


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
    withdrawn: Tombstones,
) -> None:
    """Store a manifest's posts in an empty ledger; if ``posts`` raises, nothing is stored.

    ``kind``: ``votes``, ``sentiment`` or ``labels``. ``withdrawn``: the manifest's tombstones. Of a
    withdrawn post only its row's number is stored.
    """
    by_pair = kind == "sentiment"
    withdrawn = tombstones_in(ledger) | withdrawn
    with ledger.transaction() as connection:
        store_tombstones(connection, withdrawn)
        connection.execute("INSERT INTO files VALUES (?, ?)", file)
        connection.execute(
            "CREATE TEMP TABLE its_rows (row INTEGER PRIMARY KEY, subject TEXT, photo_id TEXT, "
            "server TEXT, farm TEXT, secret TEXT)"
        )
        first = 1
        for some in posts:
            rows: Sequence[int] = range(first, first + len(some.photo_id))
            first += len(rows)
            if withdrawn:
                rows, some, left = _unless_withdrawn(rows, some, withdrawn)
                connection.executemany(
                    "INSERT INTO rejected VALUES (?, ?, ?, '')",
                    [(file.name, row, WITHDRAWN) for row in left],
                )
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


def _unless_withdrawn(
    rows: Sequence[int], some: PostColumns, withdrawn: Tombstones
) -> tuple[list[int], PostColumns, list[int]]:
    """Return the rows and posts that are not withdrawn, and the rows of those that are."""
    there = [not withdrawn.name(photo_id) for photo_id in some.photo_id]
    columns = some._asdict().items()
    kept = PostColumns(**{name: list(compress(column, there)) for name, column in columns})
    gone = [not stays for stays in there]
    return list(compress(rows, there)), kept, list(compress(rows, gone))


def holds_all_but(
    ledger: LedgerConnection, posts: Iterable[PostColumns], withdrawn: Tombstones
) -> bool:
    """Return whether the ledger's manifest holds these posts with these values, and no others.

    Posts that ``withdrawn`` or the ledger's own tombstones name may be missing on either side.
    """
    ours, found = tombstones_in(ledger), 0
    for some in posts:
        if ours:
            _, some, _ = _unless_withdrawn(range(len(some.photo_id)), some, ours)
        found += len(some.photo_id)
        shares = [values and json.dumps(values) for values in some.vote_distribution]
        given = zip(
            *(some.photo_id, some.label, some.votes, some.sentiment, some.split),
            *(some.modalities, shares),
            strict=True,
        )
        if set(given) - _fixed(ledger, some.photo_id):
            return False
    names = ledger.stream("SELECT photo_id FROM manifest_posts")
    return found == sum(not withdrawn.name(photo_id) for (photo_id,) in names)


def _fixed(ledger: LedgerConnection, photo_ids: Sequence[str]) -> set[tuple[object, ...]]:
    held: set[tuple[object, ...]] = set()
    for start in range(0, len(photo_ids), _SOME):
        some = photo_ids[start : start + _SOME]
        marks = ",".join("?" * len(some))
        rows = ledger.query(
            "SELECT photo_id, label, votes, sentiment, split, modalities, vote_distribution "
            f"FROM manifest_posts WHERE photo_id IN ({marks})",
            some,
        )
        held.update(map(tuple, rows))
    return held


def follow_manifest(ledger: LedgerConnection, file: ListFileRecord) -> None:
    """Record that the ledger's manifest is now this file."""
    with ledger.transaction() as connection:
        for table in ("listed", "rejected"):
            connection.execute(f"UPDATE {table} SET file = ?", (file.name,))
        connection.execute("DELETE FROM files")
        connection.execute("INSERT INTO files VALUES (?, ?)", file)
