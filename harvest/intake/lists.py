"""Add a published list to the ledger: its photos, votes and pairs, and its rejected rows.

A file that is in the ledger already, under any name, is recognized by its digest and skipped. An
edited file replaces its earlier rows. Outcomes never change, so posts and pictures are kept. If
rows name a photo under several references, the first is requested and the others are stored.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from flickr_emotion.common.tables.containers import opened
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.intake.manifests import add_manifest, keep_lists_and_manifests_apart
from flickr_emotion.harvest.ledger.facts import keep_list_kind, list_kind
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.lists import (
    ListedRow,
    ListFileRecord,
    Pair,
    RejectedRow,
    list_files,
    rejected_count,
    store_list_file,
    store_pairs,
    store_unreadable_file,
)
from flickr_emotion.harvest.lists.rows import ListedPhoto, ListFile, PublishedList

# A list has many small files: a commit for each would take most of the time.
_FILES_PER_COMMIT = 200
_SHOWN = 10


class _Known(NamedTuple):
    """The files in the ledger: digest by name, and name by digest."""

    digests: dict[str, str]
    names: dict[str, str]
    copies: list[tuple[str, str]]
    """Files that are skipped because they are copies, each with its original."""


def add_list(ledger: Ledger, published: PublishedList, say: Callable[[str], None]) -> int:
    """Add a list or manifest to the ledger; return how many rows name no photo.

    Raises ``HarvestError`` if the harvest has a list of another kind, or if a list and a manifest
    would be mixed.
    """
    keep_lists_and_manifests_apart(ledger, published.manifest)
    if published.manifest is not None:
        add_manifest(ledger, published.manifest, say)
        return 0
    kind = list_kind(ledger)
    if kind not in (None, published.kind):
        raise HarvestError(
            f"{ledger.path} contains a list of {kind}, but this one is of {published.kind}: give "
            "it a separate harvest folder (--out)"
        )
    keep_list_kind(ledger, published.kind)
    store_pairs(
        ledger,
        (
            Pair(pair, sentiment, published.pair_counts.get(pair))
            for pair, sentiment in published.pair_sentiments.items()
        ),
    )
    digests = {file.name: file.digest for file in list_files(ledger)}
    known = _Known(digests, {digest: name for name, digest in digests.items()}, [])
    _say_how(published, say)
    for start in range(0, len(published.files), _FILES_PER_COMMIT):
        with ledger.transaction():
            for file in published.files[start : start + _FILES_PER_COMMIT]:
                _add_file(ledger, file, known, say)
    if known.copies:
        copy, original = known.copies[0]
        say(
            f"skipped {len(known.copies)} files that are copies of others: {copy} of {original}, "
            "..."
        )
    return rejected_count(ledger)


def _say_how(published: PublishedList, say: Callable[[str], None]) -> None:
    """Say how the files of a list are understood, and which files are not part of it."""
    for note in published.notes[:_SHOWN]:
        say(note)
    for name, reason in published.left_alone[:_SHOWN]:
        say(f"left alone: {name}: {reason}")
    if (more := len(published.left_alone) - _SHOWN) > 0:
        say(f"left alone: {more} more files, which are not part of the list")


def _add_file(
    ledger: Ledger,
    file: ListFile,
    known: _Known,
    say: Callable[[str], None],
) -> None:
    try:
        digest = _digest(file)
    except OSError as error:
        # Rows from an earlier crawl that could read the file are kept.
        say(f"{file.name} cannot be read ({error}): its photos are skipped")
        detail = f"cannot be read: {error}"
        if file.name not in known.digests:
            store_unreadable_file(ledger, file.name, detail)
        return
    if known.digests.get(file.name) == digest:
        return
    if same := known.names.get(digest):
        # Votes are summed over rows: a copy or a renamed folder must not count twice.
        known.copies.append((file.name, same))
        return
    rows = (
        _listed(row)
        if isinstance(row, ListedPhoto)
        else RejectedRow(file.name, row.row, row.reason, row.detail)
        for row in file.rows()
    )
    store_list_file(ledger, ListFileRecord(file.name, digest), rows)
    known.digests[file.name] = digest
    known.names[digest] = file.name


def _listed(row: ListedPhoto) -> ListedRow:
    return ListedRow(
        row=row.row,
        reference=row.reference,
        owner=row.owner,
        emotion=row.emotion,
        agree=row.agree,
        disagree=row.disagree,
        pair=row.pair,
    )


def _digest(file: ListFile) -> str:
    digest = hashlib.sha256(f"{file.subject}\n".encode(errors="replace"))
    with opened(file.path, file.member) as content:
        while piece := content.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
