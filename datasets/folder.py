"""How a data set folder comes to be: beside its place, and moved there when it is whole.

What stood there before is whole until then, and nothing but a data set is ever replaced.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from datasets.errors import DatasetError

# What a data set folder may hold: what is written there, and the features that training keeps.
_OURS = frozenset(
    {
        "data",
        "dataset.json",
        "vocabulary.json",
        "excluded.parquet",
        "references.parquet",
        "README.md",
        "croissant.json",
        "features",
    }
)


@contextmanager
def new_dataset_folder(out: Path, *, source: Path) -> Iterator[Path]:
    """Give a folder to fill, with ``data`` in it; it becomes ``out`` if nothing is raised.

    Raises ``DatasetError`` where ``out`` is or holds ``source``, is no data set, or cannot be
    written.
    """
    out, source = out.resolve(), source.resolve()
    _check_replaceable(out, source)
    building: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(mkdtemp(prefix=f".{out.name}.", suffix=".building", dir=out.parent))
        building.chmod(0o755)
        (building / "data").mkdir()
        yield building
        _move_into_place(building, out)
    except OSError as error:
        raise DatasetError(f"the data set {out} cannot be written: {error}") from None
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)


def _check_replaceable(out: Path, source: Path) -> None:
    if out.is_dir():
        foreign = sorted({path.name for path in out.iterdir()} - _OURS)
        if foreign:
            raise DatasetError(
                f"{out} holds {foreign[0]!r}, which is no part of a data set: give another folder"
            )
    elif out.exists():
        raise DatasetError(f"{out} is a file: give a folder")
    if out in (source, *source.parents):
        raise DatasetError(f"{out} holds what it would be made from: give another folder")


def _move_into_place(building: Path, out: Path) -> None:
    previous = out.with_name(f".{out.name}.previous")
    shutil.rmtree(previous, ignore_errors=True)
    if out.exists():
        out.rename(previous)
    building.rename(out)
    shutil.rmtree(previous, ignore_errors=True)
