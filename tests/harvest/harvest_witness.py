"""What must hold for a harvest after every command, for any answers of the servers and any kill.

The witness knows the world (`tests/harvest/flickr_world.py`), reads the harvest folder, and
remembers what was stored. Each rule of `docs/reliability.md` that users rely on is one method.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from sqlite3 import Row

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.sandbox.search import is_machine_tag, normalised
from tests.harvest.flickr_world import World
from tests.harvest.forked_crawls import Ended

# Threads that make calls, and the call that checks the key: what a kill may cost.
_IN_FLIGHT = 5
# Posts that are requested again before a refresh drops others.
_CONTROLS = 3


@dataclass(frozen=True, kw_only=True)
class Command:
    """A crawl with its options."""

    refresh: bool = False
    verify_gone: bool = False
    images: bool = True
    max_withdrawn: float = 0.01

    def __str__(self) -> str:
        """Return the options as they are typed."""
        options = {
            "--refresh": self.refresh,
            "--verify-gone": self.verify_gone,
            "--no-images": not self.images,
            "--max-withdrawn 1": self.max_withdrawn == 1,
        }
        return " ".join(["crawl", *(name for name, given in options.items() if given)])


class Witness:
    """Checks one harvest after each command."""

    def __init__(self, world: World, out: Path) -> None:
        """Start with an empty harvest."""
        self._world = world
        self._out = out
        self._posts: set[str] = set()
        """Photos whose post was stored and that have been public since."""
        self._pictures: dict[str, bool] = {}
        """The same for pictures; the value says whether it must be the photo's own."""
        self._stored: set[str] = set()
        """Photos whose post was in the ledger after the last command."""
        self._final: set[str] = set()
        """Photos with a final answer of the API in the ledger."""
        self._refreshing = False
        """Whether a refresh was started and has not ended."""
        self.denied: set[str] = set()
        """Photos that the API last reported as gone or private."""
        self.moved: set[str] = set()
        """Photos that were replaced since the API last named their reference."""

    # Actions of owners.

    def withdrew(self, photo_id: str) -> None:
        """An owner withdrew a photo: nothing of it needs to be kept."""
        self._posts.discard(photo_id)
        self._pictures.pop(photo_id, None)

    def replaced(self, photo_id: str) -> None:
        """An owner replaced a picture: the new one may replace the old one."""
        self.moved.add(photo_id)
        if photo_id in self._pictures:
            self._pictures[photo_id] = False

    # The content of the harvest.

    def rows(self) -> dict[str, Row]:
        """Return the ledger's photos; none if a kill came before there was a ledger."""
        try:
            with Ledger(self._out / FILE_NAME) as ledger:
                return {row["photo_id"]: row for row in ledger.query("SELECT * FROM photos")}
        except HarvestError:
            assert not self._posts, "the ledger is lost"
            return {}

    def files(self) -> dict[str, Path]:
        """Return the complete pictures on disk by photo, and the unfinished files."""
        found = (self._out / "images").rglob("*.jpg")
        return {path.name.partition(".")[0]: path for path in found}

    def begins(self, command: Command) -> None:
        """A command is about to start."""
        if command.refresh:
            self._final.clear()
            self._refreshing = True

    def check(self, command: Command, ended: Ended, *, well: bool) -> None:
        """Check all rules after a command; `well`: whether the services were well all the time."""
        rows, files = self.rows(), self.files()
        assert ended.error is None or "TRACEBACK" not in ended.error, ended.error
        self._nothing_is_lost(rows, files)
        self._no_call_is_spent_twice(rows, command, ended)
        if not ended.killed:
            self._ledger_agrees_with_disk(rows, files)
        if ended.code == 0 and well and command.refresh:
            self.nothing_withdrawn_survives(rows)
        # With 3 some posts failed: the next crawl asks for these, and may drop what it hears of.
        if ended.code == 0:
            self._refreshing = False
        self._remember(rows, files)

    def _nothing_is_lost(self, rows: dict[str, Row], files: dict[str, Path]) -> None:
        for photo_id in sorted(self._posts):
            photo, row = self._world.photos[photo_id], rows[photo_id]
            kept = (row["title"], row["description"])
            assert kept in photo.texts, f"the post of {photo_id} is lost: {_shown(row)}"
            tags = sorted({normalised(tag) for tag in photo.post.tags if not is_machine_tag(tag)})
            assert json.loads(row["tags"]) == tags, f"the tags of {photo_id} are lost"
        for photo_id, own in sorted(self._pictures.items()):
            photo = self._world.photos[photo_id]
            row = rows[photo_id]
            assert photo_id in files, f"the picture of {photo_id} is lost: {_shown(row)}"
            assert row["image_sha256"], f"the picture of {photo_id} is not recorded: {_shown(row)}"
            digest = sha256(files[photo_id].read_bytes()).hexdigest()
            allowed = photo.pictures if own else photo.pictures | photo.false_pictures
            assert digest in allowed, f"the picture of {photo_id} is another: {_shown(row)}"

    def _no_call_is_spent_twice(self, rows: dict[str, Row], command: Command, ended: Ended) -> None:
        asked = self._world.asked
        # A post that is reported as withdrawn is requested once more before it is dropped; in a
        # refresh also one of which only the picture was there.
        denied = {*self.denied, *(it for it, said in asked.settled.items() if said[0] != "ok")}
        doubted = denied if self._refreshing else denied & self._stored
        again = sorted((self._final & asked.infos.keys()) - doubted)
        again += sorted(
            name for name, said in asked.settled.items() if len(said) > 1 + (name in doubted)
        )
        allowed = _CONTROLS if self._refreshing else 0
        assert len(again) <= allowed, f"answered for good, and asked again: {again} {asked.settled}"
        settled = {name for name in asked.settled if _is_settled(rows.get(name))}
        lost = sorted(asked.settled.keys() - settled)
        if ended.killed:
            assert len(lost) <= _IN_FLIGHT, f"a kill cost the answers of {lost}"
        elif not command.refresh:
            assert not lost, f"answered, and not recorded: {[_shown(rows[it]) for it in lost]}"
        self._final |= settled
        for name, said in asked.settled.items():
            if said[-1] == "ok":
                self.denied.discard(name)
                self.moved.discard(name)
            else:
                self.denied.add(name)

    def _ledger_agrees_with_disk(self, rows: dict[str, Row], files: dict[str, Path]) -> None:
        for photo_id, row in rows.items():
            if row["image_outcome"] == "ok":
                assert photo_id in files, f"recorded and not on disk: {_shown(row)}"
                data = files[photo_id].read_bytes()
                found = (sha256(data).hexdigest(), len(data))
                recorded = (row["image_sha256"], row["image_bytes"])
                assert found == recorded, f"on disk is another picture: {_shown(row)}"
            elif photo_id in files:
                # After a kill one may not be recorded yet; it is due, and found then.
                due = row["image_outcome"] in ("pending", "failed")
                assert due, f"on disk, and said not to be: {_shown(row)}"

    def nothing_withdrawn_survives(self, rows: dict[str, Row]) -> None:
        """Check that no text and no byte of a withdrawn post is left."""
        for photo_id, photo in self._world.photos.items():
            if not photo.withdrawn:
                continue
            row = rows[photo_id]
            kept = [row[name] for name in ("title", "description", "tags", "owner", "image_sha256")]
            assert kept == [None] * len(kept), f"withdrawn, and kept: {_shown(row)}"
            left = [path.name for path in self._out.rglob(f"{photo_id}*")]
            assert not left, f"withdrawn, and on disk: {left} {_shown(row)}"

    def everything_living_is_won(self, *, but: set[str]) -> None:
        """Check that every public photo is complete, except `but`, which only a refresh gets."""
        rows, files = self.rows(), self.files()
        for photo_id, photo in sorted(self._world.photos.items()):
            if not photo.public or photo_id in but:
                continue
            row = rows[photo_id]
            assert (row["api_outcome"], row["image_outcome"]) == ("ok", "ok"), (
                f"lives, and is not won: {_shown(row)}"
            )
            assert (row["title"], row["description"]) in photo.texts
            digest = sha256(files[photo_id].read_bytes()).hexdigest()
            assert digest in photo.pictures | photo.false_pictures

    def nothing_else_is_there(self) -> None:
        """Check after an undisturbed refresh that ledger and disk only have public photos."""
        rows, files = self.rows(), self.files()
        for photo_id, photo in self._world.photos.items():
            if not photo.public:
                assert photo_id not in files, f"no public photo: {_shown(rows[photo_id])}"
                assert rows[photo_id]["api_outcome"] != "ok", _shown(rows[photo_id])

    def _remember(self, rows: dict[str, Row], files: dict[str, Path]) -> None:
        self._stored = {name for name, row in rows.items() if row["api_source"] is not None}
        for photo_id, row in rows.items():
            photo = self._world.photos[photo_id]
            if not photo.public:
                continue
            if row["api_outcome"] == "ok":
                self._posts.add(photo_id)
            # A picture that was never its own may still be recognized.
            own = row["image_outcome"] == "ok" and row["image_sha256"] in photo.pictures
            if own and photo_id in files:
                self._pictures.setdefault(photo_id, True)


def _is_settled(row: Row | None) -> bool:
    return row is not None and row["api_next_try"] is None and row["api_outcome"] != "pending"


def _shown(row: Row) -> str:
    names = (
        *("photo_id", "api_outcome", "api_error", "api_next_try", "api_attempts", "title"),
        *("image_outcome", "image_error", "image_next_try", "image_attempts", "image_sha256"),
    )
    return str({name: row[name] for name in names})
