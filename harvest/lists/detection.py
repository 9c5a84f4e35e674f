"""Recognize lists of pictures and manifests by their content, not by their names.

A folder may hold other files beside its list: a README, labels, other tables. They are left alone,
each with the reason. You et al.'s and VSO's files are recognized by their rows, any other list by a
column that names photos.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePath

from flickr_emotion.common.tables.opening import table_members
from flickr_emotion.common.tables.table import TableError
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists import mvso, vso, you2016
from flickr_emotion.harvest.lists.rows import ListFile, PublishedList, Row, numbered_lines
from flickr_emotion.harvest.lists.table_list import TableList, open_table_list
from flickr_emotion.harvest.manifests.file import is_manifest, looks_like_parquet, open_manifest

# A damaged first line must not hide a good file.
_LINES_TO_LOOK_AT = 20
_SUFFIXES = frozenset(
    {"", ".csv", ".tsv", ".tab", ".txt", ".dat", ".list", ".urls", ".json", ".jsonl", ".ndjson"}
    | {".parquet", ".gz", ".zip"}
)
_EXPECTED = (
    "expected a table with a column of Flickr URLs or photo ids (CSV, TSV, JSON lines or Parquet), "
    "a text file with one picture a line, You et al.'s *.csv with rows "
    "emotion,url,disagree,agree, VSO's *.txt with rows image_url: ..., or one manifest"
)
_SHOWN_REASONS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A file that may be a list, or a member of a zip archive."""

    name: str
    path: Path
    member: str | None = None

    def listed(
        self, read: Callable[[Path, str | None], Iterator[Row]], subject: str = ""
    ) -> ListFile:
        return ListFile(
            name=self.name, path=self.path, member=self.member, read=read, subject=subject
        )


@dataclass(kw_only=True)
class _Sorted:
    """The files of a folder by what they are."""

    votes: list[_File] = field(default_factory=list)
    pairs: list[_File] = field(default_factory=list)
    ontologies: list[_File] = field(default_factory=list)
    tables: list[tuple[_File, TableList]] = field(default_factory=list)
    unreadable: list[_File] = field(default_factory=list)
    """They are reported when they are added to the ledger."""
    others: list[tuple[_File, str]] = field(default_factory=list)


def open_list(path: Path, columns: Mapping[str, str] | None = None) -> PublishedList:
    """Open a list of pictures (a folder with its files at any depth, or one file) or a manifest.

    ``columns``: what ``--columns`` states, by meaning (``harvest.lists.columns``). Raises
    ``HarvestError`` if no file is a list, if no row names a photo, or if a manifest is invalid.
    """
    if not path.exists():
        raise HarvestError(f"{path} is not there: give the folder or file of a list of pictures")
    if path.is_file() and looks_like_parquet(path) and is_manifest(path):
        return _manifest(path)
    root = path if path.is_dir() else path.parent
    found = _sorted(path, root, columns or {})
    if found.votes:
        published = _votes(found)
    elif found.pairs:
        published = _sentiment(found, root)
    elif found.tables:
        published = _labels(found)
    else:
        raise HarvestError(f"{path} is not a published list{_reasons(found.others)}: {_EXPECTED}")
    published.check()
    return published


def _votes(found: _Sorted) -> PublishedList:
    why = "the list is You et al.'s: crawl this one by itself"
    others = [*found.pairs, *found.ontologies, *(it for it, _ in found.tables)]
    return PublishedList(
        kind="votes",
        files=tuple(it.listed(you2016.read) for it in _by_name(found.votes, found.unreadable)),
        pair_sentiments={},
        pair_counts={},
        left_alone=_left_alone(found, others, why),
    )


def _sentiment(found: _Sorted, root: Path) -> PublishedList:
    path, member = _ontology(root, found.ontologies)
    why = "the list is VSO's: crawl this one by itself"
    return PublishedList(
        kind="sentiment",
        files=tuple(
            it.listed(vso.read, vso.pair_of(it.path, it.member))
            for it in _by_name(found.pairs, found.unreadable)
        ),
        pair_sentiments=vso.read_ontology(path, member),
        pair_counts=vso.read_counts(path, member),
        left_alone=_left_alone(found, [it for it, _ in found.tables], why),
    )


def _labels(found: _Sorted) -> PublishedList:
    sentiments: dict[str, float] = {}
    tables = found.tables
    if any(table.labels_are_pairs for _, table in tables):
        for it, _ in found.others:
            sentiments |= mvso.read_sentiments(it.path, it.member)
        for path in () if sentiments else mvso.sentiment_files(it.path for it, _ in tables):
            sentiments |= mvso.read_sentiments(path)
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
        notes=_notes(tables),
    )


def _rows(table: TableList, path: Path, member: str | None) -> Iterator[Row]:
    return table.rows()


def _notes(tables: list[tuple[_File, TableList]]) -> tuple[str, ...]:
    """Say how the tables are understood, once for those that are alike."""
    files: dict[str, list[str]] = {}
    for it, table in tables:
        files.setdefault(table.note(), []).append(it.name)
    return tuple(
        f"{names[0]}{f' and {len(names) - 1} more files' if len(names) > 1 else ''}: {note}"
        for note, names in files.items()
    )


def _sorted(path: Path, root: Path, columns: Mapping[str, str]) -> _Sorted:
    found = _Sorted()
    paths = sorted(p for p in root.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for it in paths:
        hidden = any(part.startswith((".", "__MACOSX")) for part in it.relative_to(root).parts)
        if path.is_dir() and hidden:
            continue
        file = _File(name=_name(root, it), path=it)
        if path.is_dir() and it.suffix.lower() not in _SUFFIXES:
            found.others.append((file, "its name is not that of a table or a text"))
            continue
        try:
            members = table_members(it)
            for member in members:
                if member is not None and PurePath(member).suffix.lower() not in _SUFFIXES:
                    continue
                name = file.name if member is None else f"{file.name}/{_printable(member)}"
                _sort(_File(name=name, path=it, member=member), found, columns)
        except OSError:
            found.unreadable.append(file)
        except TableError as error:
            found.others.append((file, str(error)))
    return found


def _sort(file: _File, found: _Sorted, columns: Mapping[str, str]) -> None:
    if PurePath(file.member or file.path).name == vso.ONTOLOGY_NAME:
        found.ontologies.append(file)
        return
    if file.member is None and looks_like_parquet(file.path):
        if is_manifest(file.path):
            found.others.append((file, "it is a manifest: crawl it by itself"))
            return
    else:
        lines = numbered_lines(file.path, file.member)
        begin = [line for _, line in islice(lines, _LINES_TO_LOOK_AT)]
        if not begin:
            found.others.append((file, "it is empty"))
            return
        if any(map(vso.looks_like, begin)):
            found.pairs.append(file)
            return
        if not columns and any(map(you2016.looks_like, begin)):
            found.votes.append(file)
            return
    try:
        table = open_table_list(file.path, file.member, columns)
    except HarvestError as error:
        found.others.append((file, str(error)))
        return
    if table is None:
        found.others.append((file, "no column of it names pictures on Flickr"))
    else:
        found.tables.append((file, table))


def _left_alone(found: _Sorted, others: list[_File], why: str) -> tuple[tuple[str, str], ...]:
    reasons = [(it.name, reason) for it, reason in found.others]
    return tuple(sorted([*reasons, *((it.name, why) for it in others)]))


def _reasons(others: list[tuple[_File, str]]) -> str:
    if not others or len(others) > _SHOWN_REASONS:
        return ""
    return f" ({'; '.join(f'{it.name}: {reason}' for it, reason in others)})"


def _by_name(*files: list[_File]) -> list[_File]:
    return sorted((it for some in files for it in some), key=lambda it: it.name)


def _manifest(path: Path) -> PublishedList:
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


def _name(root: Path, path: Path) -> str:
    return _printable((Path(root.resolve().name) / path.relative_to(root)).as_posix())


def _printable(name: str) -> str:
    # A name that is not valid UTF-8 could not be stored.
    return name.encode("utf-8", errors="replace").decode("utf-8")


def _ontology(root: Path, found: list[_File]) -> tuple[Path, str | None]:
    for it in found:
        return it.path, it.member
    for folder in (root, *root.resolve().parents[:2]):
        if (beside := folder / vso.ONTOLOGY_NAME).is_file():
            return beside, None
    raise HarvestError(
        f"{root} contains VSO's lists without {vso.ONTOLOGY_NAME}, which has the sentiment of each "
        "pair: put that file into the folder"
    )
