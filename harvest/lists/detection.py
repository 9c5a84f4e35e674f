"""Recognize published lists and manifests by their content, not by their names."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists import vso, you2016
from flickr_emotion.harvest.lists.rows import ListFile, PublishedList, numbered_lines
from flickr_emotion.harvest.manifests.file import looks_like_parquet, open_manifest

# A damaged first line must not hide a good file.
_LINES_TO_LOOK_AT = 20


def open_list(path: Path) -> PublishedList:
    """Open a published list (a folder with its files at any depth, or one file) or a manifest.

    Raises ``HarvestError`` if no file has rows of a known list, or a manifest is invalid.
    """
    if not path.exists():
        raise HarvestError(f"{path} is not there: give the folder of a published list")
    if path.is_file() and looks_like_parquet(path):
        return _manifest(path)
    root = path if path.is_dir() else path.parent
    paths = sorted(p for p in root.rglob("*") if p.is_file()) if path.is_dir() else [path]
    name_of = {p: _name(root, p) for p in paths}

    votes = [p for p in paths if p.suffix.lower() == ".csv"]
    if any(_holds(p, you2016.looks_like) for p in votes):
        files = tuple(ListFile(name=name_of[p], path=p, read=you2016.read) for p in votes)
        return PublishedList(kind="votes", files=files, pair_sentiments={}, pair_counts={})

    texts = [p for p in paths if p.suffix.lower() == ".txt" and p.name != vso.ONTOLOGY_NAME]
    if any(_holds(p, vso.looks_like) for p in texts):
        # Keep files that cannot be read, so that they are reported.
        pairs = [p for p in texts if not _readable(p) or _holds(p, vso.looks_like)]
        files = tuple(
            ListFile(name=name_of[p], path=p, read=vso.read, subject=p.stem) for p in pairs
        )
        ontology = _ontology(root, paths)
        return PublishedList(
            kind="sentiment",
            files=files,
            pair_sentiments=vso.read_ontology(ontology),
            pair_counts=vso.read_counts(ontology),
        )
    raise HarvestError(
        f"{path} is not a published list: expected You et al.'s *.csv with rows "
        "emotion,url,disagree,agree, VSO's *.txt with rows image_url: ..., or one manifest"
    )


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
    name = (Path(root.resolve().name) / path.relative_to(root)).as_posix()
    # A name that is not valid UTF-8 could not be stored.
    return name.encode("utf-8", errors="replace").decode("utf-8")


def _holds(path: Path, looks_like: Callable[[str], bool]) -> bool:
    try:
        return any(looks_like(line) for _, line in islice(numbered_lines(path), _LINES_TO_LOOK_AT))
    except OSError:
        return False


def _readable(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def _ontology(root: Path, paths: list[Path]) -> Path:
    found = [p for p in paths if p.name == vso.ONTOLOGY_NAME]
    beside = [folder / vso.ONTOLOGY_NAME for folder in (root, *root.resolve().parents[:2])]
    for candidate in (*found, *beside):
        if candidate.is_file():
            return candidate
    raise HarvestError(
        f"{root} contains VSO's lists without {vso.ONTOLOGY_NAME}, which has the sentiment of each "
        "pair: put that file into the folder"
    )
