"""``verify``: checks whether a folder or file on disk is damaged, and says how to repair it.

Every file is compared with its digest, and the contents of the files with each other. A folder of
an older version without digests is an error, because nothing can be said about it.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.printing import printable
from flickr_emotion.common.replacing import left_aside, standing
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.tables.containers import is_parquet
from flickr_emotion.datasets.errors import DamagedDatasetError, DatasetError
from flickr_emotion.datasets.folder import excluded
from flickr_emotion.datasets.folder.file_digests import FILES, damaged_files
from flickr_emotion.datasets.folder.layout import DATA, DESCRIPTION, check_folder, is_known
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.pictures import prepare_picture
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.file import open_manifest

_COLUMNS = ("photo_id", "label", "modalities")


@dataclass(kw_only=True)
class Verdict:
    """The result of a check."""

    kind: str
    """``data set``, ``run``, ``harvest`` or ``manifest``."""
    path: Path
    checked: str = ""
    """What was checked, in words."""
    damaged: list[str] = field(default_factory=list)
    """One line for each damage."""
    notes: list[str] = field(default_factory=list)
    """One line for each finding that is no damage."""
    mend: str | None = None
    """How to repair the damage; None if the lines say it."""

    def content(self) -> dict[str, Any]:
        """Return the verdict for programs."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "whole": not self.damaged,
            "damaged": self.damaged,
            "notes": self.notes,
            "mend": self.mend if self.damaged else None,
        }

    def lines(self) -> str:
        """Return the verdict for people."""
        shown = [f"damaged: {line}" for line in self.damaged]
        shown += [f"note: {line}" for line in self.notes]
        if not self.damaged:
            shown.append(f"the {self.kind} {self.path} is whole: {self.checked}")
        elif self.mend:
            shown.append(f"to repair it: {self.mend}")
        # The lines contain file names, and a line break in one of them must not add a line.
        return "\n".join(map(printable, shown))


def kind_of(path: Path) -> str:
    """Return what kind of thing a path holds, by content; raises ``DatasetError`` if unknown."""
    folder = standing(path)
    for name, kind in (("ledger.sqlite", "harvest"), (DESCRIPTION, "data set")):
        if (folder / name).is_file():
            return kind
    # An incomplete data set or run.
    if (folder / DATA).is_dir():
        return "data set"
    if any((folder / name).is_file() for name in ("config.json", "model.safetensors")):
        return "run"
    if is_parquet(path) or path.suffix == ".parquet":
        return "manifest"
    if not path.exists():
        raise DatasetError(
            f"{path} is not there: give a data set, run or harvest folder, or a manifest"
            f"{left_aside(path)}"
        )
    raise DatasetError(
        f"{path} is not a data set, run or harvest folder, nor a manifest: give one of them"
        f"{left_aside(path)}"
    )


def verify_dataset(folder: Path, *, deep: bool) -> Verdict:
    """Check a data set; with ``deep`` every picture is decoded too.

    Raises ``DatasetError`` if the folder is not a data set, or has no digests.
    """
    verdict = Verdict(
        kind="data set",
        path=folder,
        mend=f"`build-splits H --out {folder}` again, from the harvest or file it was built from",
    )
    here = standing(folder)
    dataset: Dataset | None = None
    try:
        dataset = open_dataset(folder)
        dataset.vocabulary()
    except DamagedDatasetError as error:
        verdict.damaged.append(error.what)
    except DatasetError:
        if (here / DESCRIPTION).exists():
            raise
        verdict.damaged.append(f"{here / DESCRIPTION} is not there")
    files = dataset.files if dataset else _files_of_damaged(here)
    named = " ".join(verdict.damaged)
    for line in damaged_files(here, files):
        if str(here / line.partition(" ")[0]) not in named:
            verdict.damaged.append(str(here / line))
    if dataset and not verdict.damaged:
        try:
            _check_posts(dataset, verdict, deep=deep)
        except DamagedDatasetError as error:
            verdict.damaged.append(error.what)
    verdict.notes += [f"{here / name} is not part of the data set" for name in _foreign(here)]
    if verdict.damaged:
        try:
            check_folder(here.resolve())
        except DatasetError as error:  # a build would refuse to replace this folder
            verdict.mend = f"`build-splits H` into another folder, because {error}"
    if not files and not verdict.damaged:
        raise DatasetError(
            f"{folder} has no digests, because an earlier version built it: its counts are right, "
            "but nothing else can be checked; build the splits again"
        )
    return verdict


def verify_manifest_file(path: Path) -> Verdict:
    """Check a whole manifest against its rules and its digest.

    Raises ``HarvestError`` if it has no digest.
    """
    verdict = Verdict(
        kind="manifest",
        path=path,
        mend="ask the sender for it again, or run `manifest export D --out M.parquet` again",
    )
    try:
        manifest = open_manifest(path)
        manifest.check()
    except HarvestError as error:
        verdict.damaged.append(str(error))
        return verdict
    if manifest.digest is None:
        raise HarvestError(
            f"{path} has no digest of its content, because an earlier version wrote it: it follows "
            "the rules, but nothing else can be checked; export it again"
        )
    verdict.checked = f"{manifest.rows} rows and their digest"
    return verdict


def _files_of_damaged(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the file digests of a data set that cannot be opened, as far as they are readable."""
    try:
        files = read_json(folder / DESCRIPTION)[FILES]
        return {
            name: digests
            for name, digests in files.items()
            if is_known(name) and {"bytes", "sha256"} <= set(digests)
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _foreign(folder: Path) -> list[str]:
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return sorted(name for name in names if not is_known(name))


def _check_posts(dataset: Dataset, verdict: Verdict, *, deep: bool) -> None:
    """Compare the contents of the files with each other: counts, splits, exclusions, pictures."""
    seen: dict[str, str] = {}
    pictures = 0
    for split in SPLITS:
        labels: Counter[str] = Counter()
        subsets: Counter[str] = Counter()
        # A few columns are enough: the digests have shown that the others are undamaged.
        for rows in dataset.batches(split, (*_COLUMNS, "image") if deep else _COLUMNS, 256):
            for row in rows:
                labels[row["label"]] += 1
                subsets[row["modalities"]] += 1
                if (other := seen.setdefault(row["photo_id"], split)) != split:
                    verdict.damaged.append(f"photo {row['photo_id']} is in {other} and in {split}")
                if deep and row["image"]:
                    pictures += 1
                    _check_picture(row, verdict)
        counts = dataset.counts[split]
        for what, found in (("labels", labels), ("subsets", subsets)):
            if counts.get(what) and dict(found) != counts[what]:
                verdict.damaged.append(
                    f"{dataset.folder / DESCRIPTION} has wrong counts of {what} in {split}"
                )
    stones = dataset.tombstones
    for photo_id in seen if stones else ():
        if stones.name(photo_id):
            verdict.damaged.append(f"photo {photo_id} was withdrawn, and is in {seen[photo_id]}")
    if (dataset.folder / excluded.FILE_NAME).exists():
        with open_parquet(dataset.folder / excluded.FILE_NAME) as file:
            for batch in file.iter_batches(columns=["photo_id"]):
                for photo_id in batch.column(0).to_pylist():
                    if photo_id in seen:
                        verdict.damaged.append(f"photo {photo_id} is both excluded and in a split")
    verdict.checked = f"{len(dataset.files)} files by their digests, {len(seen)} posts" + (
        f", {pictures} pictures decoded" if deep else ""
    )


def _check_picture(row: dict[str, Any], verdict: Verdict) -> None:
    try:
        prepare_picture(row["image"]["bytes"], short_side=10**6)
    except UnreadablePictureError as error:
        verdict.damaged.append(f"the picture of photo {row['photo_id']} {error}")
