"""The ledger's file: its tables, its version, and how it is opened for a crawl or for reading.

It uses WAL mode with ``synchronous=FULL``: a commit is on disk before the next call is made, so no
answer is lost when the process is killed or the power fails. ``docs/harvest.md`` describes tables
and columns, ``docs/reliability.md`` the choice of these settings.
"""

import sqlite3
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError

FILE_NAME = "ledger.sqlite"
VERSION = 9
METADATA_SOURCE = "yfcc100m"
"""``api_source`` of a post from a metadata file; for Flickr's own posts it names the method."""
NO_POST = (
    "title = NULL, description = NULL, tags = NULL, owner = NULL, license = NULL, "
    "date_upload = NULL, date_taken = NULL, api_source = NULL, safety_level = NULL, usage = NULL"
)
"""SQL assignments that drop a post from its row of ``photos``."""
NO_PICTURE = (
    "image_sha256 = NULL, image_bytes = NULL, image_width = NULL, image_height = NULL, "
    "file_secret = NULL, image_headers = NULL"
)
"""SQL assignments that drop a picture from its row of ``photos``."""
_APPLICATION = int.from_bytes(b"FEmo")  # Distinguishes a ledger from other SQLite files.

# *_next_try: unix time of the next try; null if none is planned, so that an index finds the due
# photos however many are settled.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE photos (
    photo_id TEXT PRIMARY KEY,
    server TEXT, farm TEXT, secret TEXT, owner_name TEXT,
    api_outcome TEXT NOT NULL DEFAULT 'pending',
    api_attempts INTEGER NOT NULL DEFAULT 0,
    api_next_try REAL DEFAULT 0,
    api_error TEXT,
    api_source TEXT,
    image_outcome TEXT NOT NULL DEFAULT 'pending',
    image_attempts INTEGER NOT NULL DEFAULT 0,
    image_next_try REAL DEFAULT 0,
    image_error TEXT,
    title TEXT, description TEXT, tags TEXT, owner TEXT, license TEXT,
    date_upload INTEGER, date_taken TEXT,
    image_sha256 TEXT, image_bytes INTEGER, image_width INTEGER, image_height INTEGER
);
CREATE INDEX image_due ON photos (image_next_try) WHERE image_next_try IS NOT NULL;
CREATE INDEX api_due ON photos (api_next_try) WHERE api_next_try IS NOT NULL;
CREATE INDEX api_due_after_image ON photos (api_next_try)
    WHERE api_next_try IS NOT NULL AND image_next_try IS NULL;
CREATE TABLE files (name TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE listed (
    file TEXT NOT NULL, row INTEGER NOT NULL, photo_id TEXT NOT NULL,
    emotion TEXT, agree INTEGER, disagree INTEGER, pair TEXT,
    PRIMARY KEY (file, row)
) WITHOUT ROWID;
CREATE INDEX listed_photo ON listed (photo_id);
CREATE TABLE rejected (file TEXT NOT NULL, row INTEGER, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX rejected_file ON rejected (file, row);
CREATE TABLE pairs (pair TEXT PRIMARY KEY, sentiment REAL NOT NULL, search_count INTEGER);
CREATE TABLE calls (call_id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL);
CREATE INDEX calls_at ON calls (at);
"""
_SINCE_VERSION_2 = """
CREATE INDEX photos_outcomes ON photos (api_outcome, image_outcome);
CREATE INDEX listed_pair ON listed (pair, photo_id) WHERE pair IS NOT NULL;
CREATE INDEX listed_emotion ON listed (emotion, photo_id) WHERE emotion IS NOT NULL;
CREATE TABLE windows (
    window_id INTEGER PRIMARY KEY, listing TEXT NOT NULL, at REAL NOT NULL,
    newest_id INTEGER NOT NULL, oldest_id INTEGER NOT NULL, oldest_date INTEGER,
    results INTEGER NOT NULL, sought INTEGER NOT NULL, found INTEGER NOT NULL, won INTEGER NOT NULL
);
CREATE INDEX windows_listing ON windows (listing);
"""
_SINCE_VERSION_3 = """
CREATE TABLE manifest_posts (
    photo_id TEXT PRIMARY KEY, label TEXT NOT NULL, votes INTEGER, sentiment REAL,
    split TEXT NOT NULL, modalities TEXT NOT NULL
) WITHOUT ROWID;
"""
# evidence: the evidence of an outcome other than ``ok``; an existing picture needs none.
# places: further references of a photo, besides the one in its row.
# withdrawals: posts that a refresh found withdrawn but has not dropped yet.
_SINCE_VERSION_4 = """
CREATE TABLE evidence (
    photo_id TEXT NOT NULL, what TEXT NOT NULL, outcome TEXT NOT NULL, witness TEXT NOT NULL,
    host TEXT, status INTEGER, at REAL, sure INTEGER NOT NULL,
    PRIMARY KEY (photo_id, what)
) WITHOUT ROWID;
CREATE INDEX evidence_unsure ON evidence (what, host) WHERE sure = 0;
CREATE TABLE places (
    photo_id TEXT NOT NULL, server TEXT NOT NULL, farm TEXT, secret TEXT NOT NULL,
    dead INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (photo_id, server, secret)
) WITHOUT ROWID;
CREATE TABLE withdrawals (
    photo_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
"""
_STATUS = (
    "CASE WHEN {0} LIKE '%answered ___%' "
    "THEN CAST(substr({0}, instr({0}, 'answered ') + 9, 3) AS INTEGER) END"
)
# file_secret: null unless the picture file must be fetched anew; then the secret under which it was
# fetched, or '' if a build could not use it or if that secret is not known.
# times: how often the API has said so.
_SINCE_VERSION_5 = """
ALTER TABLE photos ADD COLUMN file_secret TEXT;
ALTER TABLE withdrawals ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
"""
# part: a row with votes for several classes gives several rows here, numbered from 0. The columns
# of the key come first, or the integrity check of SQLite 3.40 names NULL values that are not there.
_SINCE_VERSION_6 = """
ALTER TABLE listed RENAME TO listed_before;
CREATE TABLE listed (
    file TEXT NOT NULL, row INTEGER NOT NULL, part INTEGER NOT NULL DEFAULT 0,
    photo_id TEXT NOT NULL, emotion TEXT, agree INTEGER, disagree INTEGER, pair TEXT,
    PRIMARY KEY (file, row, part)
) WITHOUT ROWID;
INSERT INTO listed (file, row, photo_id, emotion, agree, disagree, pair)
    SELECT file, row, photo_id, emotion, agree, disagree, pair FROM listed_before;
DROP TABLE listed_before;
CREATE INDEX listed_photo ON listed (photo_id);
CREATE INDEX listed_pair ON listed (pair, photo_id) WHERE pair IS NOT NULL;
CREATE INDEX listed_emotion ON listed (emotion, photo_id) WHERE emotion IS NOT NULL;
"""
# vote_distribution: the share of each class of the manifest, as JSON.
_SINCE_VERSION_7 = "ALTER TABLE manifest_posts ADD COLUMN vote_distribution TEXT;"
# usage: the owner's settings as JSON; image_headers: see ``harvest.preferences.headers``. Both are
# null where they are not known.
_SINCE_VERSION_8 = """
ALTER TABLE photos ADD COLUMN safety_level TEXT;
ALTER TABLE photos ADD COLUMN usage TEXT;
ALTER TABLE photos ADD COLUMN image_headers TEXT;
"""
# tombstones: what stays of a withdrawn post or owner (``common.takedown.tombstones``).
_SINCE_VERSION_9 = """
CREATE TABLE tombstones (
    digest TEXT PRIMARY KEY, what TEXT NOT NULL, date TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
"""
# In older ledgers the error of a post says whether its outcome rests on a picture alone.
_EVIDENCE_OF_VERSION_3 = f"""
INSERT INTO evidence SELECT photo_id, 'api', api_outcome,
    CASE WHEN api_error LIKE 'picture %' THEN 'picture' ELSE 'api' END,
    NULL, {_STATUS.format("api_error")}, NULL, 1
    FROM photos WHERE api_outcome IN ('gone', 'private');
INSERT INTO evidence SELECT photo_id, 'image', image_outcome,
    CASE WHEN image_error IS NULL THEN 'api' ELSE 'picture' END,
    NULL, {_STATUS.format("image_error")}, NULL, 1
    FROM photos WHERE image_outcome IN ('gone', 'private', 'placeholder', 'corrupt');
"""
_FILES_OF_VERSION_4 = """
UPDATE photos SET file_secret = '' WHERE photo_id IN (
    SELECT photo_id FROM evidence WHERE what = 'image' AND outcome IN ('replaced', 'broken'));
UPDATE evidence SET outcome = 'vouched' WHERE what = 'image' AND outcome = 'replaced';
DELETE FROM evidence WHERE what = 'image' AND outcome = 'broken';
"""
# SQL that upgrades the tables of each older version to the next.
_UPGRADES = {
    1: "ALTER TABLE photos ADD COLUMN owner_name TEXT;"
    "ALTER TABLE photos ADD COLUMN api_source TEXT;"
    "UPDATE photos SET api_source = 'getInfo' WHERE api_outcome = 'ok';"
    "ALTER TABLE pairs ADD COLUMN search_count INTEGER;" + _SINCE_VERSION_2,
    2: _SINCE_VERSION_3,
    3: _SINCE_VERSION_4 + _EVIDENCE_OF_VERSION_3,
    4: _SINCE_VERSION_5 + _FILES_OF_VERSION_4,
    5: _SINCE_VERSION_6,
    6: _SINCE_VERSION_7,
    7: _SINCE_VERSION_8,
    8: _SINCE_VERSION_9,
}


def open_ledger_file(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the ledger at ``path`` for reading; with ``create``, open or create it for a crawl.

    Raises ``HarvestError`` if the file is missing, not a ledger, or of a newer version.
    """
    connection = _connect(path, create=create)
    try:
        _prepare(connection, path, create=create)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise HarvestError(f"{path} cannot be opened as a ledger: {error}") from None
    except HarvestError:
        connection.close()
        raise
    return connection


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    if create:
        return sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    if not path.is_file():
        raise HarvestError(f"{path} is not there: give the folder that `crawl --out` wrote")
    # On a read-only file system SQLite cannot use the write-ahead log, but the file cannot change.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}",
            uri=True,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            connection.close()
            continue
        except sqlite3.DatabaseError:
            pass  # The following checks give a better message.
        return connection
    raise HarvestError(f"{path} cannot be opened as a ledger: is it readable?")


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    execute = connection.execute
    connection.row_factory = sqlite3.Row
    execute("PRAGMA busy_timeout = 30000")
    execute("PRAGMA synchronous = FULL")
    # In KiB. Several processes read a ledger at once, each all of it or a part, one row after the
    # other; only a crawl returns to the same pages.
    execute(f"PRAGMA cache_size = -{131_072 if create else 32_768}")
    if create and not execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN; {_SCHEMA} {_SINCE_VERSION_2} {_SINCE_VERSION_3} "
            f"{_SINCE_VERSION_4} {_SINCE_VERSION_5} {_SINCE_VERSION_6} {_SINCE_VERSION_7} "
            f"{_SINCE_VERSION_8} {_SINCE_VERSION_9} "
            f"PRAGMA user_version = {VERSION}; PRAGMA application_id = {_APPLICATION}; COMMIT;"
        )
    if execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise HarvestError(f"{path} is not a ledger: give the folder that `crawl --out` wrote")
    if (version := execute("PRAGMA user_version").fetchone()[0]) > VERSION:
        raise HarvestError(
            f"{path} has ledger version {version}, but this program only supports versions up to "
            f"{VERSION}: update the program"
        )
    if version < VERSION and create:
        for older in range(version, VERSION):
            connection.executescript(
                f"BEGIN; {_UPGRADES[older]} PRAGMA user_version = {older + 1}; COMMIT;"
            )
