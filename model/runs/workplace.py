"""The place where a training works until its run is complete: one training at a time.

A training writes into its run folder R unless R holds a finished run. In that case the new run is
made in ``.R.training/run`` beside R, and when it is finished the two names are exchanged, so that
at every moment R is either the old run or the new one. Until then the new run carries the mark
``.takes-place``, which tells the two apart after a kill: R carries it only if the exchange was
done, and then the run beside R is the old one.

``.R.training`` also holds the lock; it is removed when the training ends and it is empty.
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
    remove_temporary_files,
)
from flickr_emotion.model.runs.folder import RunFolder

_LOCK, _RUN = "lock", "run"
_PROBED = 1 << 16


class Workplace:
    """The place of a run, and the folder in which its training works."""

    def __init__(self, out: Path) -> None:
        """Raises ``ModelError`` for a path that cannot be a folder."""
        self.out = out
        """The run folder as the user gave it; it keeps features if the data set is read-only."""
        self._place = out.resolve()  # a link's target, so that we work beside the folder itself
        if out.is_file():
            raise ModelError(f"{out} is a file: give --out a folder")
        if not self._place.name or (out.exists() and not out.is_dir()):
            raise ModelError(f"{out} cannot be a run folder: give --out a folder")
        self._around = self._place.with_name(f".{self._place.name}.training")
        self._beside = self._around / _RUN

    @property
    def folder(self) -> Path:
        """The folder that the training writes to, or wrote to before it was interrupted."""
        taken = (self._place / TAKES_PLACE).exists()
        return self._beside if self._beside.is_dir() and not taken else standing(self.out)

    def interrupted(self) -> Path:
        """Return the folder to resume from, or a finished run.

        Raises ``ModelError`` if a training that was to replace a run left nothing to resume from.
        """
        folder = self.folder
        if folder == self._beside and not (folder / CONFIG).exists():
            raise ModelError(
                f"the training that was to replace {self.out} was killed in its first epoch and "
                f"left nothing to resume from: train again; {self.out} is the older run"
            )
        return folder

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Lock out other trainings and clean up after killed ones.

        Raises ``ModelError`` if another training is running or the place cannot be written.
        """
        try:
            lock = self._lock()
        except Timeout:
            raise ModelError(
                f"another training is writing {self.out}: wait for it, or give another folder"
            ) from None
        try:
            self._clean_up()
            yield
        finally:
            with suppress(OSError):
                self._leave()
            lock.release()

    def make_room(self) -> None:
        """Check before the work begins that a new training can be written.

        Raises ``ModelError`` if the run folder, or the remains of an interrupted training, holds
        files that are not a run's.
        """
        RunFolder(self.out).check_replaceable()
        if is_finished(self.out) and self._place.is_mount():
            raise ModelError(
                f"{self.out} holds a run and is the mount point of a file system, so it cannot be "
                "replaced: give --out a folder in it"
            )
        if is_finished(self.out) and not self._beside.exists():
            self._beside.mkdir()
            (self._beside / TAKES_PLACE).touch()
            say(
                f"{self.out} holds a run, which stays until the new one is finished; until then "
                f"the new one is in {self._beside}"
            )
        _probe(self.folder)

    def check_resumable(self) -> None:
        """Check before the work resumes that it can be written."""
        for folder in (self.folder, *parts(self.folder)):
            refuse_links(folder)
        remove_temporary_files(self.folder)
        _probe(self.folder)

    def finish(self) -> None:
        """Move a finished run to its place, in one step and synced to disk."""
        if self.folder != self._beside:
            sync_tree(self.out)
            sync(self._place.parent)
            return
        if self._place.exists():
            RunFolder(self._place).check_replaceable()
            _move(self._place / FEATURES, self._beside / FEATURES)
        with workspace_beside(self._place):  # if names cannot be exchanged, it holds the old run
            put_folder(self._beside, self._place)
        self._clean_up()

    def _lock(self) -> FileLock:
        """Make and lock the folder around a training; refuse one that `train` did not make."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with suppress(FileExistsError):
                self._around.mkdir()
            try:
                names = {entry.name for entry in self._around.iterdir()}
                foreign = names - {_LOCK, _RUN} or (names and _LOCK not in names)
                if foreign or self._around.is_symlink():
                    raise ModelError(f"{self._around} was not made by `train`: move it elsewhere")
                lock = FileLock(self._around / _LOCK, timeout=0)
                lock.acquire()
                if (self._around / _LOCK).exists():
                    return lock
                lock.release()
            except FileNotFoundError:  # another training has just ended and removed it
                continue

    def _clean_up(self) -> None:
        settle(self._place)
        mark = self._place / TAKES_PLACE
        if mark.exists():  # the exchange was done: the run beside is the old one
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
def training_at_work(out: Path, world: World, *, resuming: bool) -> Iterator[Workplace]:
    """Claim the place of a training on the first rank, and give it to all ranks.

    Raises ``ModelError`` if it cannot be claimed.
    """
    place = Workplace(out)

    def claim() -> None:
        stack.enter_context(place.claimed())
        if resuming:
            place.check_resumable()
        else:
            place.make_room()

    with ExitStack() as stack:
        with report_write_errors(out):
            world.on_first_rank(claim)
        yield place


@contextmanager
def report_write_errors(out: Path) -> Iterator[None]:
    """Turn errors when writing a run's place into a one-line ``ModelError``."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written ({error.strerror or error}): its content is kept; free some "
            "space there, or give another folder"
        ) from None


def _move(features: Path, to: Path) -> None:
    """Move kept features; those already in the target stay."""
    if not features.is_dir():
        return
    if not to.exists():
        features.rename(to)
        return
    for entry in features.iterdir():
        if not (to / entry.name).exists():
            entry.rename(to / entry.name)


def _probe(folder: Path) -> None:
    """Check that a folder can be written; if it does not exist, its parent was checked already."""
    probe = temporary(folder / CONFIG)
    if folder.exists():
        probe.unlink(missing_ok=True)
        try:
            probe.write_bytes(bytes(_PROBED))  # a full disk still takes empty files
        finally:
            probe.unlink(missing_ok=True)
