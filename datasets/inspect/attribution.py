"""``attribution``: whom to name for the posts of a data set, as their licences ask for it.

Creative Commons asks whoever passes a work on to name its author, title, licence and page
(section 3 of its licences, "TASL"). A data set holds a pseudonym of the owner only, so the names
come from the harvest's ledger. They go into a file of its own, never into shards or manifests.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO
from urllib.parse import quote

from flickr_emotion.common.printing import markdown_cell, printable
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.harvest.flickr.licenses import name_of, terms_of
from flickr_emotion.harvest.ledger.check import check_rows
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.dataset_rows import Credit, credits_of
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME

_POSTS_PER_QUERY = 500
COLUMNS = ("photo_id", "title", "owner", "owner_name", "license", "license_url", "page")


@dataclass(frozen=True, kw_only=True)
class Attributed:
    """What an attribution names."""

    named: int
    """Posts in the file."""
    free: int
    """Posts whose licence asks for no attribution."""
    reserved: int
    """Posts with all rights reserved, or of an unknown licence: none allows their use."""
    missing: int
    """Posts whose licence asks for one, but which the harvest does not hold (any more)."""


def write_attribution(folder: Path, harvest: Path, out: Path) -> Attributed:
    """Write whom to name for the posts of the data set ``folder``; ``harvest`` has the names.

    ``out`` is a CSV file, or Markdown if its name ends with ``.md``. Raises ``DatasetError``,
    ``HarvestError``.
    """
    writers: dict[str, Callable[[IO[str], Iterator[Credit]], None]]
    writers = {".csv": _write_csv, ".md": _write_markdown}
    write = writers.get(out.suffix.lower())
    if write is None:
        raise DatasetError(f"--out {out}: give a file that ends with .csv or .md")
    check_outside(out)
    dataset = open_dataset(folder)
    if dataset.service == "own":
        raise DatasetError(
            f"{folder} holds posts that were never on Flickr: who collected them knows their "
            "authors"
        )
    counts = dict.fromkeys(("named", "free", "reserved", "missing"), 0)
    with Ledger(harvest / FILE_NAME) as ledger:
        check_rows(ledger)
        try:
            with new_file(out) as new, new.open("w", encoding="utf-8", newline="") as file:
                write(file, _credits(dataset, ledger, counts))
        except OSError as error:
            raise DatasetError(f"--out {out} cannot be written: {error}") from None
    return Attributed(**counts)


def _credits(dataset: Dataset, ledger: Ledger, counts: dict[str, int]) -> Iterator[Credit]:
    """Yield the credits of a data set's posts in their order; count them by what became of them."""
    asking = _asking(dataset, counts)
    while photo_ids := tuple(islice(asking, _POSTS_PER_QUERY)):
        found = credits_of(ledger, photo_ids)
        counts["missing"] += len(photo_ids) - len(found)
        for photo_id in photo_ids:
            if photo_id in found:
                counts["named"] += 1
                yield found[photo_id]


def _asking(dataset: Dataset, counts: dict[str, int]) -> Iterator[str]:
    """Yield the ids of the posts whose licence asks for attribution."""
    for split in SPLITS:
        for rows in dataset.batches(split, ["photo_id", "license"]):
            for row in rows:
                terms = terms_of(row["license"]) if row["license"] else None
                if terms is None or terms.code == "all-rights-reserved":
                    counts["reserved"] += 1
                elif not terms.asks_for_attribution:
                    counts["free"] += 1
                else:
                    yield row["photo_id"]


def _page(credit: Credit) -> str:
    return f"https://www.flickr.com/photos/{quote(credit.owner, safe='@')}/{credit.photo_id}"


def _license_page(credit: Credit) -> str:
    terms = terms_of(credit.license)
    return terms.url if terms else ""


def _write_csv(file: IO[str], credits: Iterator[Credit]) -> None:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    for credit in credits:
        rows.writerow(
            [
                *(credit.photo_id, printable(credit.title), credit.owner),
                *(printable(credit.owner_name), name_of(credit.license)),
                *(_license_page(credit), _page(credit)),
            ]
        )


def _write_markdown(file: IO[str], credits: Iterator[Credit]) -> None:
    file.write("# Attribution\n\n")
    for credit in credits:
        title = markdown_cell(credit.title).replace("]", "\\]") or "untitled"
        owner = markdown_cell(credit.owner_name or credit.owner)
        file.write(
            f"- [{title}]({_page(credit)}) by {owner}, "
            f"[{name_of(credit.license)}]({_license_page(credit)})\n"
        )
