"""Ledgers as older versions of this program left them, made from new ones.

Each step takes back what ``harvest.ledger.rows.schema`` added to the version before; none takes
back rows.
"""

import sqlite3
from pathlib import Path

from flickr_emotion.harvest.ledger.rows.schema import VERSION

_STEPS_DOWN = {
    9: "DROP TABLE tombstones;",
    8: "ALTER TABLE photos DROP COLUMN safety_level; ALTER TABLE photos DROP COLUMN usage;"
    "ALTER TABLE photos DROP COLUMN image_headers;",
    7: "ALTER TABLE manifest_posts DROP COLUMN vote_distribution;",
    6: "ALTER TABLE listed RENAME TO listed_after;"
    "CREATE TABLE listed (file TEXT NOT NULL, row INTEGER NOT NULL, photo_id TEXT NOT NULL, "
    "emotion TEXT, agree INTEGER, disagree INTEGER, pair TEXT, PRIMARY KEY (file, row)) "
    "WITHOUT ROWID;"
    "DROP TABLE listed_after;"
    "CREATE INDEX listed_photo ON listed (photo_id);"
    "CREATE INDEX listed_pair ON listed (pair, photo_id) WHERE pair IS NOT NULL;"
    "CREATE INDEX listed_emotion ON listed (emotion, photo_id) WHERE emotion IS NOT NULL;",
    5: "ALTER TABLE photos DROP COLUMN file_secret;ALTER TABLE withdrawals DROP COLUMN times;",
    4: "DROP TABLE evidence; DROP TABLE places; DROP TABLE withdrawals;",
    3: "DROP TABLE manifest_posts;",
    2: "DROP INDEX photos_outcomes; DROP INDEX listed_pair; DROP INDEX listed_emotion;"
    "DROP TABLE windows;"
    "ALTER TABLE photos DROP COLUMN owner_name;"
    "ALTER TABLE photos DROP COLUMN api_source;"
    "ALTER TABLE pairs DROP COLUMN search_count;",
}
"""What leads from each version to the one before."""


def make_older(ledger: Path, version: int, *, rows: str = "") -> None:
    """Turn the ledger file of a closed ledger into one of a version, and add ``rows`` by SQL."""
    with sqlite3.connect(ledger) as connection:
        for newer in range(VERSION, version, -1):
            connection.executescript(_STEPS_DOWN[newer])
        connection.executescript(rows)
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
