"""``verify H``: checks a harvest's ledger, and its pictures against the ledger's digests."""

import sqlite3
from pathlib import Path

from flickr_emotion.datasets.verification.folders import Verdict
from flickr_emotion.harvest.checks.harvest import (
    DamagedPicture,
    damaged_pictures,
    ledger_of,
    make_pictures_due,
    strange_entries,
)
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import ledger_faults
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import photos_named, tombstones_in

_NO_MEND = (
    "no command repairs a ledger: restore it from a backup, or `crawl LIST --out` another folder; "
    "undamaged pictures can be moved there"
)


def verify_harvest(folder: Path, *, mend: bool) -> Verdict:
    """Check a harvest; with ``mend`` the next crawl fetches damaged pictures again.

    Raises ``HarvestError`` if the folder holds no harvest that this program can read.
    """
    verdict = Verdict(kind="harvest", path=folder, mend=_NO_MEND)
    try:
        with ledger_of(folder) as ledger:
            verdict.damaged += [f"{ledger.path}: {fault}" for fault in ledger_faults(ledger)]
            if verdict.damaged:
                return verdict
            count = ledger.outcome_counts()[1]["ok"]
            damaged = list(damaged_pictures(ledger, folder))
            verdict.damaged += [
                f"photo {photo_id} was withdrawn, and the harvest holds it: run `takedown "
                f"{photo_id} --in {folder}` again"
                for photo_id in photos_named(ledger, tombstones_in(ledger))
            ]
    except sqlite3.Error as error:
        verdict.damaged.append(f"{folder / FILE_NAME}: {error}")
        return verdict
    except HarvestError as error:
        if "update the program" in str(error) or not (folder / FILE_NAME).is_file():
            raise
        verdict.damaged.append(str(error))
        return verdict
    verdict.damaged += [f"the picture of photo {it.photo_id}: {it.why}" for it in damaged]
    links, left = strange_entries(folder)
    recorded = " ".join(it.why for it in damaged)
    verdict.damaged += [
        f"{link} is a link, through which a crawl does not write: move the files here"
        for link in links
        if str(link) not in recorded
    ]
    verdict.notes += [f"{path} was left by a killed crawl: it may be removed" for path in left]
    verdict.checked = f"the ledger's structure, {count} pictures by their SHA-256"
    _say_mend(verdict, damaged, mend=mend)
    return verdict


def _say_mend(verdict: Verdict, damaged: list[DamagedPicture], *, mend: bool) -> None:
    again = f"`crawl LIST --out {verdict.path}` again"
    if mend and damaged:
        make_pictures_due(verdict.path, [it.photo_id for it in damaged])
        verdict.mend = f"{len(damaged)} pictures are marked to be fetched: run {again}"
    else:
        verdict.mend = (
            f"`verify {verdict.path} --mend` removes damaged pictures and marks them to be "
            f"fetched; then run {again}"
        )
