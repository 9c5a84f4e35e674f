"""Recognize lists of pictures and manifests by their content, not by their names.

A folder may hold other files beside its list: a README, labels, other tables. They are left alone,
each with the reason. You et al.'s and VSO's files are recognized by their rows, any other list by a
column that names photos.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath

from flickr_emotion.common.tables.containers import is_parquet
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists import mvso, vso, you2016
from flickr_emotion.harvest.lists.rows import PublishedList, Row
from flickr_emotion.harvest.lists.sorting import FoundFile, SortedFiles, sort_files
from flickr_emotion.harvest.lists.table_list import Stated, TableList

_EXPECTED = (
    "expected a table with a column of Flickr URLs or photo ids (CSV, TSV, JSON lines or Parquet), "
    "a text file with one picture a line, You et al.'s *.csv with rows "
    "emotion,url,disagree,agree, VSO's *.txt with rows image_url: ..., or one manifest"
)
_SHOWN_REASONS = 3


def open_list(path: Path, stated: Stated = Stated()) -> PublishedList:  # noqa: B008 (it is frozen)
    """Open a list of pictures (a folder with its files at any depth, or one file) or a manifest.

    ``stated``: what the user states about tables. Raises ``HarvestError`` if no file is a list, if
    no row names a photo, or if a manifest is invalid.
    """
    if not path.exists():
        raise HarvestError(f"{path} is not there: give the folder or file of a list of pictures")
    if path.is_file() and is_parquet(path):
        from flickr_emotion.harvest.manifests.file import is_manifest  # loads Arrow

        if is_manifest(path):
            return _manifest(path)
    root = path if path.is_dir() else path.parent
    found = sort_files(path, root, stated)
    if found.votes:
        published = _votes(found)
    elif found.pairs:
        published = _sentiment(found, root)
    elif found.tables:
        published = _labels(found)
    else:
        reasons = _reasons(found.others)
        if stated.columns:
            raise HarvestError(f"{path} holds no table with the columns of --columns{reasons}")
        raise HarvestError(f"{path} is not a published list{reasons}: {_EXPECTED}")
    published.check()
    return published


def _votes(found: SortedFiles) -> PublishedList:
    why = "the list is You et al.'s: crawl this one by itself"
    others = [*found.pairs, *found.ontologies, *(it for it, _ in found.tables)]
    return PublishedList(
        kind="votes",
        files=tuple(it.listed(you2016.read) for it in _by_name(found.votes, found.unreadable)),
        pair_sentiments={},
        pair_counts={},
        left_alone=_left_alone(found, others, why),
    )


def _sentiment(found: SortedFiles, root: Path) -> PublishedList:
    path, member = _ontology(root, found.ontologies)
    why = "the list is VSO's: crawl this one by itself"
    return PublishedList(
        kind="sentiment",
        files=tuple(
            it.listed(vso.read, vso.pair_of(it.path, it.member))
            for it in _by_pair(found.pairs, found.unreadable)
        ),
        pair_sentiments=vso.read_ontology(path, member),
        pair_counts=vso.read_counts(path, member),
        left_alone=_left_alone(found, [it for it, _ in found.tables], why),
    )


def _labels(found: SortedFiles) -> PublishedList:
    sentiments: dict[str, float] = {}
    tables = found.tables
    notes: list[str] = []

    def add_sentiments(path: Path, member: str | None, name: str) -> bool:
        if PurePath(member or path).suffix.lower() not in (".csv", ".txt", ".gz"):
            return False
        read = mvso.read_sentiments(path, member)
        sentiments.update(read)
        if read:
            notes.append(f"{name}: sentiments of {len(read):,} pairs")
        return bool(read)

    if any(table.labels_are_pairs for _, table in tables):
        unread = [
            it for it in found.others if not add_sentiments(it[0].path, it[0].member, it[0].name)
        ]
        found = replace(found, others=unread)
        for path in () if sentiments else mvso.sentiment_files(it.path for it, _ in tables):
            add_sentiments(path, None, f"{path.parent.name}/{path.name}")
    if sentiments:
        why = "the list is MVSO's: crawl this one by itself"
        others = [it for it, table in tables if not table.labels_are_pairs]
        tables = [
            (it, replace(table, as_pairs=True)) for it, table in tables if table.labels_are_pairs
        ]
    else:
        why, others = "", []
    # The subject is part of a file's digest: it is read again if it is understood otherwise.
    files = [it.listed(partial(_rows, table), table.note()) for it, table in tables]
    files += [it.listed(you2016.read) for it in found.unreadable]
    return PublishedList(
        kind="sentiment" if sentiments else "labels",
        files=tuple(sorted(files, key=lambda it: it.name)),
        pair_sentiments=sentiments,
        pair_counts={},
        left_alone=_left_alone(found, others, why),
        notes=(*_notes(tables), *notes),
    )


def _rows(table: TableList, path: Path, member: str | None) -> Iterator[Row]:
    return table.rows()


def _notes(tables: list[tuple[FoundFile, TableList]]) -> tuple[str, ...]:
    """Say how the tables are understood, once for those that are alike."""
    files: dict[str, list[str]] = {}
    for it, table in tables:
        files.setdefault(table.note(), []).append(it.name)
    return tuple(
        f"{names[0]}{f' and {len(names) - 1} more files' if len(names) > 1 else ''}: {note}"
        for note, names in files.items()
    )


def _left_alone(
    found: SortedFiles, others: list[FoundFile], why: str
) -> tuple[tuple[str, str], ...]:
    reasons = [(it.name, reason) for it, reason in found.others]
    return tuple(sorted([*reasons, *((it.name, why) for it in others)]))


def _reasons(others: list[tuple[FoundFile, str]]) -> str:
    if not others or len(others) > _SHOWN_REASONS:
        return ""
    return f" ({'; '.join(f'{it.name}: {reason}' for it, reason in others)})"


def _by_name(*files: list[FoundFile]) -> list[FoundFile]:
    return sorted((it for some in files for it in some), key=lambda it: it.name)


def _by_pair(*files: list[FoundFile]) -> list[FoundFile]:
    """Sort VSO's files so that those of a pair, which lie in several folders, follow each other.

    Pictures are requested in this order, and a pair's words are searched when most of its pictures
    are settled. Folder by folder, a pair would not be ready before all of the first folder.
    """
    return sorted(
        (it for some in files for it in some), key=lambda it: (it.name.rpartition("/")[2], it.name)
    )


def _manifest(path: Path) -> PublishedList:
    from flickr_emotion.harvest.manifests.file import open_manifest

    manifest = open_manifest(path)
    # Check all rows before a harvest folder is created.
    manifest.check()
    return PublishedList(
        kind=manifest.description.kind,
        files=(),
        pair_sentiments={},
        pair_counts={},
        manifest=manifest,
    )


def _ontology(root: Path, found: list[FoundFile]) -> tuple[Path, str | None]:
    for it in found:
        return it.path, it.member
    for folder in (root, *root.resolve().parents[:2]):
        if (beside := folder / vso.ONTOLOGY_NAME).is_file():
            return beside, None
    raise HarvestError(
        f"{root} contains VSO's lists without {vso.ONTOLOGY_NAME}, which has the sentiment of each "
        "pair: put that file into the folder"
    )
