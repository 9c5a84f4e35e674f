"""A published list goes into the ledger: its photos, votes and pairs, and the rows that name none.

A file that is in the ledger already, under whatever name, is skipped by its digest; one that was
edited since replaces what it said before. Outcomes are never touched: what was won stays.
Where rows name a photo under several references, the first is asked for, and the others are kept.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.intake.manifests import add_manifest, keep_lists_and_manifests_apart
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.references import add_references
from flickr_emotion.harvest.lists.rows import ListedPhoto, ListFile, PublishedList, RejectedRow

# Files of a list are small and many: a commit for each would take most of the time.
_FILES_TO_A_COMMIT = 200


class _Known(NamedTuple):
    """The files that the ledger holds: digest by name, and name by digest."""

    digests: dict[str, str]
    names: dict[str, str]
    copies: list[tuple[str, str]]
    """Files that are skipped because another says the same, and that other."""


def add_list(ledger: Ledger, published: PublishedList, say: Callable[[str], None]) -> int:
    """Put a list into the ledger; return how many of its rows name no photo.

    Raises ``HarvestError`` where the harvest holds a list of another kind, or the one is a manifest
    and the other is not.
    """
    keep_lists_and_manifests_apart(ledger, published.manifest)
    if published.manifest is not None:
        add_manifest(ledger, published.manifest)
        return 0
    kind = ledger.meta("kind")
    if kind not in (None, published.kind):
        raise HarvestError(
            f"{ledger.path} holds a list of {kind}, this one is of {published.kind}: "
            "give it a harvest folder of its own (--out)"
        )
    ledger.set_meta("kind", published.kind)
    with ledger.transaction() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO pairs (pair, sentiment, search_count) VALUES (?, ?, ?)",
            (
                (pair, sentiment, published.pair_counts.get(pair))
                for pair, sentiment in published.pair_sentiments.items()
            ),
        )
    digests = {row["name"]: row["digest"] for row in ledger.query("SELECT * FROM files")}
    known = _Known(digests, {digest: name for name, digest in digests.items()}, [])
    for start in range(0, len(published.files), _FILES_TO_A_COMMIT):
        with ledger.transaction() as connection:
            for file in published.files[start : start + _FILES_TO_A_COMMIT]:
                _add_file(connection, file, known, say)
    if known.copies:
        copy, original = known.copies[0]
        say(
            f"skipped {len(known.copies)} files that say what others say: {copy} as {original}, ..."
        )
    return int(ledger.query("SELECT count(*) AS n FROM rejected")[0]["n"])


def _add_file(
    connection: sqlite3.Connection,
    file: ListFile,
    known: _Known,
    say: Callable[[str], None],
) -> None:
    try:
        digest = _digest(file)
    except OSError as error:
        # What the file said when it could be read stays.
        say(f"{file.name} cannot be read ({error}): its photos are not asked for")
        detail = f"cannot be read: {error}"
        if file.name not in known.digests:
            connection.execute("DELETE FROM rejected WHERE file = ?", (file.name,))
            connection.execute(
                "INSERT INTO rejected VALUES (?, NULL, 'malformed', ?)", (file.name, detail)
            )
        return
    if known.digests.get(file.name) == digest:
        return
    if same := known.names.get(digest):
        # Votes are summed over rows: a copy or a renamed folder must not count twice.
        known.copies.append((file.name, same))
        return
    for table in ("listed", "rejected"):
        connection.execute(f"DELETE FROM {table} WHERE file = ?", (file.name,))
    photos, references, listed, rejected = [], [], [], []
    for row in file.rows():
        if isinstance(row, RejectedRow):
            rejected.append((file.name, row.row, row.reason, row.detail))
        else:
            photos.append(_photo(row))
            references.append(row.reference)
            listed.append(
                (
                    *(file.name, row.row, row.reference.photo_id),
                    *(row.emotion, row.agree, row.disagree, row.pair),
                )
            )
    # Without server or secret the picture waits for the API's answer.
    connection.executemany(
        "INSERT OR IGNORE INTO photos (photo_id, server, farm, secret, owner_name, image_next_try) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        photos,
    )
    add_references(connection, references)
    connection.executemany("INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?)", listed)
    connection.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?)", rejected)
    connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (file.name, digest))
    known.digests[file.name] = digest
    known.names[digest] = file.name


def _photo(
    row: ListedPhoto,
) -> tuple[str, str | None, str | None, str | None, str | None, float | None]:
    reference = row.reference
    placed = reference.server is not None and reference.secret is not None
    return (
        *(reference.photo_id, reference.server, reference.farm, reference.secret, row.owner),
        0.0 if placed else None,
    )


def _digest(file: ListFile) -> str:
    digest = hashlib.sha256(f"{file.subject}\n".encode(errors="replace"))
    with file.path.open("rb") as opened:
        while piece := opened.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
