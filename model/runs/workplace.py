"""Where a training works until its run is whole: one at a time, and no run goes before.

A training writes into its run folder R, unless a finished run lies there. That one stays as it is;
the new one is made in ``.R.training/run`` beside it, and when it has come to its end the two names
are exchanged, so that at every moment either the old run or the new one is R. What the new one
carries until then, ``.takes-place``, tells the two apart after a kill: R carries it only where the
exchange was done, and what lies beside R is then the old run.

``.R.training`` holds the lock as well; it goes when the training ends and nothing lies in it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from flickr_emotion.common.printing import say
from flickr_emotion.common.replacing import put_folder, settle, standing, workspace_beside
from flickr_emotion.common.whole_files import sync, sync_tree, temporary
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.files import (
    CONFIG,
    FEATURES,
    TAKES_PLACE,
    is_finished,
    parts,
    refuse_links,
    remove_left_overs,
)
from flickr_emotion.model.runs.folder import RunFolder

_LOCK, _RUN = "lock", "run"


class Workplace:
    """A run's place, and where the training that is to end there works."""

    def __init__(self, out: Path) -> None:
        """Raises ``ModelError`` for a path that can be no folder's."""
        self.out = out
        """The run folder as the user names it; features that the data set cannot keep lie there."""
        self._place = out.resolve()  # beside the folder itself, where the name is a link to it
        if out.is_file():
            raise ModelError(f"{out} is a file: give --out a folder")
        if not self._place.name or (out.exists() and not out.is_dir()):
            raise ModelError(f"{out} is no folder for a run: give --out a folder")
        self._around = self._place.with_name(f".{self._place.name}.training")
        self._beside = self._around / _RUN

    @property
    def folder(self) -> Path:
        """Where the training writes, or has written until it was interrupted."""
        taken = (self._place / TAKES_PLACE).exists()
        return self._beside if self._beside.is_dir() and not taken else standing(self.out)

    def interrupted(self) -> Path:
        """Return where there is something to go on from, or a run that has come to its end.

        Raises ``ModelError`` where a training that was to replace a run has left nothing.
        """
        folder = self.folder
        if folder == self._beside and not (folder / CONFIG).exists():
            raise ModelError(
                f"the training that was to take the place of {self.out} was killed in its first "
                f"epoch and left nothing to go on from: train again; {self.out} is the older run"
            )
        return folder

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other trainings away, and put in order what killed ones have left.

        Raises ``ModelError`` where another one is at work, or the place cannot be written.
        """
        try:
            lock = self._lock()
        except Timeout:
            raise ModelError(
                f"another training is at work on {self.out}: wait for it, or give another folder"
            ) from None
        try:
            self._put_in_order()
            yield
        finally:
            with suppress(OSError):
                self._leave()
            lock.release()

    def make_room(self) -> None:
        """Find before the work begins whether a new training can be written.

        Raises ``ModelError`` where the run folder, or what an interrupted training has left, holds
        files of somebody else.
        """
        RunFolder(self.out).check_replaceable()
        if is_finished(self.out) and self._place.is_mount():
            raise ModelError(
                f"{self.out} holds a run and is where a file system is mounted, so that no folder "
                "can take its place: give --out a folder in it"
            )
        if is_finished(self.out) and not self._beside.exists():
            self._beside.mkdir()
            (self._beside / TAKES_PLACE).touch()
            say(
                f"{self.out} holds a run, which stays until the new one is whole; until then that "
                f"one lies in {self._beside}"
            )
        _probe(self.folder)

    def go_on(self) -> None:
        """Find before the work goes on whether it can be written."""
        for folder in (self.folder, *parts(self.folder)):
            refuse_links(folder)
        remove_left_overs(self.folder)
        _probe(self.folder)

    def finish(self) -> None:
        """Let a run that has come to its end take its place, in one step and on the disk."""
        if self.folder != self._beside:
            sync_tree(self.out)
            sync(self._place.parent)
            return
        if self._place.exists():
            RunFolder(self._place).check_replaceable()
            _move(self._place / FEATURES, self._beside / FEATURES)
        with workspace_beside(self._place):  # without an exchange, the old run rests in it
            put_folder(self._beside, self._place)
        self._put_in_order()

    def _lock(self) -> FileLock:
        """Make the folder around a training, or refuse what somebody else has called so."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with suppress(FileExistsError):
                self._around.mkdir()
            try:
                names = {entry.name for entry in self._around.iterdir()}
                foreign = names - {_LOCK, _RUN} or (names and _LOCK not in names)
                if foreign or self._around.is_symlink():
                    raise ModelError(f"{self._around} is not ours: move it elsewhere")
                lock = FileLock(self._around / _LOCK, timeout=0)
                lock.acquire()
                if (self._around / _LOCK).exists():
                    return lock
                lock.release()
            except FileNotFoundError:  # another training has just ended and taken it away
                continue

    def _put_in_order(self) -> None:
        settle(self._place)
        mark = self._place / TAKES_PLACE
        if mark.exists():  # the exchange was done: what lies beside is the old run
            if self._beside.exists():
                _move(self._beside / FEATURES, self._place / FEATURES)
                old = RunFolder(self._beside)
                old.check_replaceable()
                old.begin()
                self._beside.rmdir()
            mark.unlink()
        elif is_finished(self._beside):
            self.finish()
        else:
            _move(self._beside / FEATURES, self._place / FEATURES)

    def _leave(self) -> None:
        if self._beside.exists() and not (self._beside / CONFIG).exists():
            (self._beside / TAKES_PLACE).unlink(missing_ok=True)
            self._beside.rmdir()
        if not self._beside.exists():
            (self._around / _LOCK).unlink(missing_ok=True)
            self._around.rmdir()


@contextmanager
def training_at_work(out: Path, world: World, *, goes_on: bool) -> Iterator[Workplace]:
    """Give the place of a training to the processes that train together: the first one claims it.

    Raises ``ModelError`` where it cannot be had.
    """
    place = Workplace(out)

    def claim() -> None:
        stack.enter_context(place.claimed())
        if goes_on:
            place.go_on()
        else:
            place.make_room()

    with ExitStack() as stack:
        with cannot_be_written(out):
            world.first_alone(claim)
        yield place


@contextmanager
def cannot_be_written(out: Path) -> Iterator[None]:
    """Say in one line that a run's place cannot be written."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written ({error.strerror or error}): what it holds stays; make room "
            "there, or give another folder"
        ) from None


def _move(features: Path, to: Path) -> None:
    """Move kept features; what is already there stays."""
    if not features.is_dir():
        return
    if not to.exists():
        features.rename(to)
        return
    for entry in features.iterdir():
        if not (to / entry.name).exists():
            entry.rename(to / entry.name)


def _probe(folder: Path) -> None:
    """Write into a folder, if it is there: where it is not, the one around it has been written."""
    probe = temporary(folder / CONFIG)
    if folder.exists():
        probe.unlink(missing_ok=True)
        probe.touch()
        probe.unlink()
