"""Sort the files of a folder or archive by what they are: rows of a published list, or a table.

Only names and first lines are looked at. What is no list is kept with the reason, so that the user
learns which files a crawl has left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath

from flickr_emotion.common.tables.containers import is_parquet
from flickr_emotion.common.tables.opening import table_members
from flickr_emotion.common.tables.table import TableError
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists import vso, you2016
from flickr_emotion.harvest.lists.rows import ListFile, RejectedRow, Row, numbered_lines, parse_name
from flickr_emotion.harvest.lists.table_list import Stated, TableList, open_table_list

# A damaged first line must not hide a good file.
_LINES_TO_LOOK_AT = 20
_SUFFIXES = frozenset(
    {"", ".csv", ".tsv", ".tab", ".txt", ".dat", ".list", ".urls", ".json", ".jsonl", ".ndjson"}
    | {".parquet", ".gz", ".zip"}
)
_BETWEEN = re.compile(r"[\s,;|\"'<>]+")
_TELLING = re.compile(r"https?://|\d[.,]\d+e\+\d", re.IGNORECASE)
"""How an address, or an id that a spreadsheet has rounded, begins."""
_OTHER_NAME = "its name is not that of a table or a text"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFile:
    """A file that may be a list, or a member of a zip archive."""

    name: str
    """Its path below the folder of the list, which comes first."""
    path: Path
    member: str | None = None
    """Its name in the archive at ``path``."""

    def listed(
        self, read: Callable[[Path, str | None], Iterator[Row]], subject: str = ""
    ) -> ListFile:
        """Return it as a file of a list; ``read`` and ``subject`` as there."""
        return ListFile(
            name=self.name, path=self.path, member=self.member, read=read, subject=subject
        )


@dataclass(kw_only=True)
class SortedFiles:
    """The files of a folder by what they are."""

    votes: list[FoundFile] = field(default_factory=list)
    pairs: list[FoundFile] = field(default_factory=list)
    ontologies: list[FoundFile] = field(default_factory=list)
    tables: list[tuple[FoundFile, TableList]] = field(default_factory=list)
    unreadable: list[FoundFile] = field(default_factory=list)
    """They are reported when they are added to the ledger."""
    others: list[tuple[FoundFile, str]] = field(default_factory=list)
    """What is no list, each with the reason."""


def sort_files(path: Path, root: Path, stated: Stated) -> SortedFiles:
    """Sort the files of a folder, or one file; ``root``: the folder that their names begin with."""
    found = SortedFiles()
    paths = sorted(p for p in root.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for it in paths:
        hidden = any(part.startswith((".", "__MACOSX")) for part in it.relative_to(root).parts)
        if path.is_dir() and hidden:
            continue
        file = FoundFile(name=_name(root, it), path=it)
        if path.is_dir() and it.suffix.lower() not in _SUFFIXES:
            found.others.append((file, _OTHER_NAME))
            continue
        for part in _parts(file, found):
            if part.member is not None and PurePath(part.member).suffix.lower() not in _SUFFIXES:
                found.others.append((part, _OTHER_NAME))
                continue
            try:
                _sort(part, found, stated)
            except OSError:
                found.unreadable.append(part)
            except TableError as error:
                found.others.append((part, str(error)))
    return found


def _parts(file: FoundFile, found: SortedFiles) -> list[FoundFile]:
    """Return the files in an archive; any other file is its only part."""
    try:
        members = table_members(file.path)
    except OSError:
        found.unreadable.append(file)
        return []
    except TableError as error:
        found.others.append((file, str(error)))
        return []
    return [
        file
        if member is None
        else FoundFile(name=f"{file.name}/{_printable(member)}", path=file.path, member=member)
        for member in members
    ]


def _sort(file: FoundFile, found: SortedFiles, stated: Stated) -> None:
    if PurePath(file.member or file.path).name == vso.ONTOLOGY_NAME:
        found.ontologies.append(file)
        return
    if file.member is None and is_parquet(file.path):
        from flickr_emotion.harvest.manifests.file import is_manifest  # loads Arrow

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
        if not stated.columns and any(map(you2016.looks_like, begin)):
            found.votes.append(file)
            return
    try:
        table = open_table_list(file.path, file.member, stated)
    except HarvestError as error:
        found.others.append((file, str(error)))
        return
    if table is None:
        found.others.append((file, f"no column of it names pictures on Flickr{_example(file)}"))
    else:
        found.tables.append((file, table))


def _example(file: FoundFile) -> str:
    """Return why the first address, or rounded id, of a text names no photo."""
    if file.member is None and is_parquet(file.path):
        return ""
    for _, line in islice(numbered_lines(file.path, file.member), _LINES_TO_LOOK_AT):
        for cell in _BETWEEN.split(line):
            if _TELLING.match(cell) and isinstance(row := parse_name(cell, 0), RejectedRow):
                return f": {row.detail}"
    return ""


def _name(root: Path, path: Path) -> str:
    return _printable((Path(root.resolve().name) / path.relative_to(root)).as_posix())


def _printable(name: str) -> str:
    # A name that is not valid UTF-8 could not be stored.
    return name.encode("utf-8", errors="replace").decode("utf-8")
