"""``takedown``: removes posts from harvests, data sets and runs in one call.

Each folder is changed in one step of its own, and a folder whose tombstones name the posts already
is only looked through again. So a call that was killed goes on when it is made again. Data sets
come first and harvests last: a data set asks the harvests for the whole text of a post, and a run
learns from its data set which posts it was trained on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.takedown.loose_files import clean_loose_files
from flickr_emotion.common.takedown.tombstones import POST, Tombstones, digest_of
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.takedown.takedown import take_down_dataset
from flickr_emotion.datasets.takedown.trail import read_trail
from flickr_emotion.datasets.takedown.withdrawn_posts import find_withdrawn
from flickr_emotion.datasets.verification.folders import kind_of
from flickr_emotion.harvest.ledger.folder import harvest_to_clean
from flickr_emotion.harvest.ledger.takedown import take_down
from flickr_emotion.harvest.takedown.harvests import HarvestTexts, is_of_harvest
from flickr_emotion.harvest.takedown.requests import Withdrawal


@dataclass(kw_only=True)
class TakedownReport:
    """What became of the folders."""

    lines: list[str] = field(default_factory=list)
    """What was done in each folder, and what the user should know."""
    left: list[str] = field(default_factory=list)
    """Files of the user's that still name a withdrawn post."""


def take_down_everywhere(withdrawal: Withdrawal, folders: Sequence[Path]) -> TakedownReport:
    """Remove what is withdrawn from folders of any kind, and leave tombstones there.

    Raises ``ToolkitError`` before anything is changed for a folder of another kind, and for a
    folder that is in use or cannot be written; the same call goes on there.
    """
    by_kind = _by_kind(folders)
    harvests = HarvestTexts(by_kind["harvest"])
    stones = withdrawal.tombstones | harvests.named(withdrawal.tombstones)
    ids = {*withdrawal.photo_ids, *harvests.photo_ids}
    report = TakedownReport()
    stones = _clean_datasets(by_kind["data set"], withdrawal, stones, harvests, ids, report)
    _clean_runs(by_kind["run"], by_kind["data set"], stones, ids, report)
    for folder in by_kind["harvest"]:
        with harvest_to_clean(folder) as ledger:
            removed = take_down(ledger, folder / "images", stones)
            ids |= set(removed)
            loose = clean_loose_files(folder, ids, is_ours=is_of_harvest)
        report.lines.append(f"{folder}: {_posts(len(removed))} removed from the harvest")
        report.lines += loose.notes(folder)
        report.left += [str(folder / name) for name in loose.left]
    report.lines += [
        f"no folder holds photo {photo_id}: its tombstone keeps it out from now on"
        for photo_id in sorted(withdrawal.photo_ids)
        if photo_id not in harvests.photo_ids and photo_id not in withdrawal.found
    ]
    return report


def _by_kind(folders: Sequence[Path]) -> Mapping[str, list[Path]]:
    found: dict[str, list[Path]] = {"harvest": [], "data set": [], "run": []}
    seen: set[Path] = set()
    for folder in folders:
        kind = kind_of(folder)
        if kind == "manifest":
            raise DatasetError(
                f"{folder} is a manifest, and nothing is removed from one: take the posts out of "
                "its data set, and write it again with `manifest export`"
            )
        if folder.resolve() not in seen:
            found[kind].append(folder)
        seen.add(folder.resolve())
    return found


def _clean_datasets(
    folders: Sequence[Path],
    withdrawal: Withdrawal,
    stones: Tombstones,
    harvests: HarvestTexts,
    ids: set[str],
    report: TakedownReport,
) -> Tombstones:
    """Clean data sets, and once more those that another one has told of more posts."""
    counts: dict[Path, int] = {}
    removed: dict[Path, set[str]] = {folder: set() for folder in folders}
    while behind := [it for it in folders if counts.get(it, -1) < len(stones)]:
        folder = behind[0]
        done = take_down_dataset(folder, stones, withdrawal.owners, harvests.texts, ids)
        removed[folder] |= {*done.posts, *done.excluded}
        ids |= removed[folder]
        withdrawal.found.update(removed[folder])
        stones = stones | Tombstones.of(
            done.tombstones.by_digest[digest_of(POST, it)] for it in removed[folder]
        )
        counts[folder] = len(stones)
        report.lines += done.notes
        report.left += done.left
    report.lines += [
        f"{folder}: {_posts(len(removed[folder]))} removed from the data set" for folder in folders
    ]
    return stones


def _clean_runs(
    runs: Sequence[Path],
    datasets: Sequence[Path],
    stones: Tombstones,
    ids: Collection[str],
    report: TakedownReport,
) -> None:
    if not runs:
        return
    from flickr_emotion.model.takedown.runs import take_down_run

    trails = [read_trail(folder) for folder in datasets]
    given = {folder.resolve() for folder in datasets}
    for run in runs:
        recorded = _recorded(run)
        behind = None
        if recorded is not None and recorded.folder.resolve() not in given:
            if find_withdrawn(recorded, stones, {}).posts:
                behind = recorded.folder
            else:
                trails.append(read_trail(recorded.folder))
        done = take_down_run(run, trails, stones, ids)
        if done.since:
            line = f"{_posts(done.since)} of its data set withdrawn since the training: it says so"
        elif done.known:
            line = "its data set held no withdrawn post"
        elif behind is not None:
            line = (
                f"its data set {behind} still holds a withdrawn post: run the same command with it "
                "after --in"
            )
        else:
            line = (
                "its data set is not known, so nothing says whether it held a withdrawn post: run "
                "the same command with it after --in"
            )
        report.lines.append(f"{run}: {line}")
        report.lines += done.notes
        report.left += done.left


def _recorded(run: Path) -> Dataset | None:
    """Return the data set that a run names, if it is there."""
    try:
        return open_dataset(Path(read_json(run / "config.json")["dataset"]["folder"]))
    except (OSError, ValueError, LookupError, TypeError, DatasetError):
        return None


def _posts(count: int) -> str:
    return "1 post" if count == 1 else f"{count} posts"
