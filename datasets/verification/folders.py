"""``verify``: whether a folder or file on disk is what was written there, and what mends it if not.

Each kind of folder is looked at in full: every file by its digest, and what the files say by each
other. What cannot be told, because an older version kept no digests, is an error and no verdict.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.printing import printable
from flickr_emotion.common.replacing import left_aside, standing
from flickr_emotion.datasets.errors import DamagedDatasetError, DatasetError
from flickr_emotion.datasets.folder import excluded
from flickr_emotion.datasets.folder.file_digests import FILES, damaged_files
from flickr_emotion.datasets.folder.layout import DATA, DESCRIPTION, check_folder, is_known
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.rules.pictures import UnreadablePictureError, prepare_picture
from flickr_emotion.datasets.rules.splits import SPLITS
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.file import looks_like_parquet, open_manifest

_COLUMNS = ("photo_id", "label", "modalities")


@dataclass(kw_only=True)
class Verdict:
    """What was found."""

    kind: str
    """``data set``, ``run``, ``harvest`` or ``manifest``."""
    path: Path
    checked: str = ""
    """What was looked at, in words."""
    damaged: list[str] = field(default_factory=list)
    """A line each."""
    notes: list[str] = field(default_factory=list)
    """What lies there and is no damage, a line each."""
    mend: str | None = None
    """The command that mends what is damaged; None where each line says it."""

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
            shown.append(f"to mend it: {self.mend}")
        # Names of strangers' files stand in them: a line break in one would forge a line of ours.
        return "\n".join(map(printable, shown))


def kind_of(path: Path) -> str:
    """Tell by its content what there is to verify; raises ``DatasetError`` where it is nothing."""
    folder = standing(path)
    for name, kind in (("ledger.sqlite", "harvest"), (DESCRIPTION, "data set")):
        if (folder / name).is_file():
            return kind
    # What is left of a data set, and of a run.
    if (folder / DATA).is_dir():
        return "data set"
    if any((folder / name).is_file() for name in ("config.json", "model.safetensors")):
        return "run"
    if looks_like_parquet(path) or path.suffix == ".parquet":
        return "manifest"
    raise DatasetError(
        f"{path} is no data set, run or harvest folder and no manifest: give one of them"
        f"{left_aside(path)}"
    )


def verify_dataset(folder: Path, *, deep: bool) -> Verdict:
    """Look at a data set; with ``deep`` every picture is decoded too.

    Raises ``DatasetError`` where the folder is no data set, or has no digests to go by.
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
        if str(here / line.partition(" ")[0]) not in named:  # it is named already
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
        except DatasetError as error:  # what mends a damaged one would not touch this one
            verdict.mend = (
                f"`build-splits H` into another folder, as it leaves this one alone: {error}"
            )
    if not files and not verdict.damaged:
        raise DatasetError(
            f"{folder} has no digests to go by, as an earlier version built it: its counts are "
            "right, more cannot be told; build the splits again"
        )
    return verdict


def verify_manifest_file(path: Path) -> Verdict:
    """Read all of a manifest by its rules and its digest.

    Raises ``HarvestError`` where it has no digest to go by.
    """
    verdict = Verdict(
        kind="manifest",
        path=path,
        mend="ask those who sent it again, or `manifest export D --out M.parquet` again",
    )
    try:
        manifest = open_manifest(path)
        manifest.check()
    except HarvestError as error:
        verdict.damaged.append(str(error))
        return verdict
    if manifest.digest is None:
        raise HarvestError(
            f"{path} has no digest of its content, as an earlier version wrote it: it keeps to the "
            "rules, more cannot be told"
        )
    verdict.checked = f"{manifest.rows} rows and their digest"
    return verdict


def _files_of_damaged(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a data set that cannot be opened says of its files, as far as it can be read."""
    try:
        files = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))[FILES]
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
    """Compare what the files say with each other: counts, splits, exclusions, pictures."""
    seen: dict[str, str] = {}
    pictures = 0
    for split in SPLITS:
        labels: Counter[str] = Counter()
        subsets: Counter[str] = Counter()
        # Whether all columns are as they were is known by the digests of their files.
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
                    f"{dataset.folder / DESCRIPTION} counts other {what} of {split} than there are"
                )
    if (dataset.folder / excluded.FILE_NAME).exists():
        with open_parquet(dataset.folder / excluded.FILE_NAME) as file:
            for batch in file.iter_batches(columns=["photo_id"]):
                for photo_id in batch.column(0).to_pylist():
                    if photo_id in seen:
                        verdict.damaged.append(f"photo {photo_id} is excluded and in a split")
    verdict.checked = f"{len(dataset.files)} files by their digests, {len(seen)} posts" + (
        f", {pictures} pictures decoded" if deep else ""
    )


def _check_picture(row: dict[str, Any], verdict: Verdict) -> None:
    try:
        prepare_picture(row["image"]["bytes"], short_side=10**6)
    except UnreadablePictureError as error:
        verdict.damaged.append(f"the picture of photo {row['photo_id']} {error}")
