"""Takes withdrawn posts out of a run folder, and marks a run that was trained on them.

What a run holds of single posts are words and tags of its vocabulary, features that were kept in
its folder, and files that a user has put there. The weights stay: what was learned of a post
cannot be taken out of them. So the run says that it was trained on withdrawn posts: in
``tombstones.json``, in its card, and whenever it is loaded.

The folder is made anew beside its place, with links to all that does not change, and exchanged with
the older one in one step.
"""

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout

from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.common.takedown.feature_folders import FEATURES, read_made_from
from flickr_emotion.common.takedown.loose_files import clean_loose_files
from flickr_emotion.common.takedown.tombstones import (
    FILE_NAME,
    Tombstones,
    read_tombstones,
    write_tombstones,
)
from flickr_emotion.common.whole_files import write_json, write_text
from flickr_emotion.datasets.folder.folder import linked
from flickr_emotion.datasets.takedown.trail import Trail
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.digests import check_file, renew_digests
from flickr_emotion.model.runs.files import CARD, CONFIG, is_own, parts, read_config
from flickr_emotion.model.runs.withdrawn import SINCE
from flickr_emotion.model.runs.workplace import Workplace
from flickr_emotion.model.takedown.card import card_with


@dataclass(kw_only=True)
class CleanedRun:
    """What became of a run."""

    since: int = 0
    """How many posts of its data set were withdrawn since the training."""
    known: bool = True
    """Whether the data set that it was trained on is known."""
    left: list[str] = field(default_factory=list)
    """Files of the user's that still name a withdrawn post."""
    notes: list[str] = field(default_factory=list)


def take_down_run(
    run: Path, trails: Sequence[Trail], tombstones: Tombstones, photo_ids: Collection[str]
) -> CleanedRun:
    """Take posts out of a run folder, which may hold several networks.

    ``trails``: the takedowns of the data sets that it may have been trained on. ``tombstones``:
    what is withdrawn now; all of them stay in the run. ``photo_ids``: the same posts, as far as
    their ids are known. Raises ``ModelError``; the run is then unchanged.
    """
    place = run.resolve()
    found = CleanedRun()
    read_config(place)
    try:
        with Workplace(place).claimed(), workspace_beside(place) as workspace:
            for one in (*parts(place), place):
                for name in (CONFIG, CARD):
                    check_file(one, name)  # it may get a new digest, which would hide damage
            new = workspace / "whole"
            shutil.copytree(place, new, symlinks=True, copy_function=linked)
            _clean(new, trails, tombstones, photo_ids, found)
            beside = Workplace(place).folder
            if beside.is_dir() and beside != place and (beside / CONFIG).is_file():
                _clean(beside, trails, tombstones, photo_ids, CleanedRun())
            put_folder(new, place)
    except Timeout:
        raise ModelError(f"another command is writing {run}: wait until it ends") from None
    except OSError as error:
        raise ModelError(f"{run} cannot be written anew ({error}): it is unchanged") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{run} is damaged ({error!r}) and is unchanged: take it from a copy, or train again"
        ) from None
    found.left = [str(run / name) for name in found.left]
    found.notes = [note.replace(str(new), str(run)) for note in found.notes]
    return found


def _clean(
    folder: Path,
    trails: Sequence[Trail],
    tombstones: Tombstones,
    photo_ids: Collection[str],
    found: CleanedRun,
) -> None:
    """Clean a run's folder and those of its parts; files are written anew, never in place."""
    # A run's digests cover those of its parts.
    for one in (*parts(folder), folder):
        config = read_config(one)
        digest = config.get("dataset", {}).get("digest", "")
        trail = next((it for it in trails if it.knows(digest)), None)
        withdrawn = trail.withdrawn_since(digest) if trail else []
        earlier, record = read_tombstones(one)
        since = sorted({*record.get(SINCE, []), *(it.digest for it in withdrawn)})
        stones = earlier | tombstones | Tombstones.of(withdrawn)
        write_tombstones(one, stones, **{SINCE: since})
        changed = [FILE_NAME]
        if trail and withdrawn and _forget_words(one, config, trail):
            changed.append(CONFIG)
        if trail and withdrawn and not trail.is_direct:
            found.notes.append(
                f"{one}: its data set was built anew since, so words that only a withdrawn post "
                "had may be left in its vocabulary"
            )
        if withdrawn:
            _remove_features(one, {digest, *(it["from"] for it in trail.changes)} if trail else ())
        if since and (one / CARD).is_file():
            named = [stones.by_digest[it] for it in since if it in stones.by_digest]
            write_text(one / CARD, card_with((one / CARD).read_text(encoding="utf-8"), named))
            changed.append(CARD)
        renew_digests(one, changed)
        if one == folder:
            found.since, found.known = len(since), trail is not None
    loose = clean_loose_files(folder, photo_ids, is_ours=is_own)
    found.left += loose.left
    found.notes += loose.notes(folder)


def _forget_words(folder: Path, config: dict[str, Any], trail: Trail) -> bool:
    """Replace words and tags that only withdrawn posts had; return whether there were any.

    Their places stay, because the network has a vector for each. A word never holds a space, so
    nothing is taken for what stands there now.
    """
    if not trail.is_direct:
        return False  # a build may have moved posts out of training, whose words stay
    changed = False
    for name, there in (("words", trail.words), ("tags", trail.tags)):
        kept = [
            word if word in there or word.startswith("withdrawn ") else f"withdrawn {name} {number}"
            for number, word in enumerate(config.get(name, []))
        ]
        changed = changed or kept != config.get(name, [])
        config[name] = kept
    if changed:
        write_json(folder / CONFIG, config)
    return changed


def _remove_features(folder: Path, digests: Iterable[str]) -> None:
    """Remove features of data sets that held withdrawn posts, or that do not say of which."""
    of_posts = {*digests}
    for one in sorted((folder / FEATURES).glob("*")):
        made_from = read_made_from(one)
        if made_from is None or of_posts & {*made_from}:
            shutil.rmtree(one)
