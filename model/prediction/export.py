"""Exports a trained run for programs without this project or torch: `export --format onnx`.

There is one file for each subset of the modalities that the run answers. A post is answered by the
file of its subset, so absent modalities need neither an input nor a mask, and a user with texts
only needs no image network. The price is that encoders are repeated in several files. A system that
reads one modality only takes that input, whatever the file's subset.

Beside them, ``preprocessing.json`` and ``vocabulary.json`` say how a post is turned into numbers
(``model.prediction.export_description``). The outputs are probabilities, calibrated like those of
`predict`.
"""

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.replacing import put_folder, standing, workspace_beside
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.features.pictures import Preprocessing
from flickr_emotion.model.networks.padded import PaddedSubset
from flickr_emotion.model.posts.posts import MAX_TAGS, MAX_WORDS, UNKNOWN
from flickr_emotion.model.prediction.export_description import (
    INPUTS,
    OUTPUT,
    PREPROCESSING,
    VOCABULARY,
    describe,
    vocabulary,
)
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CARD
from flickr_emotion.model.runs.loading import TrainedRun, load_run

FORMATS = ("onnx",)
PACKAGES = ("onnx", "onnxscript")

_NAMES = {CARD, PREPROCESSING, VOCABULARY, *(f"{subset}.onnx" for subset in SUBSETS)}
# Axes of the same name have the same length.
_POSTS = torch.export.Dim("posts", min=1)
_AXES = {
    "image": {0: _POSTS},
    "text": {0: _POSTS, 1: torch.export.Dim("words_of_the_longest", min=1, max=MAX_WORDS)},
    "tags": {0: _POSTS, 1: torch.export.Dim("tags_of_the_longest", min=1, max=MAX_TAGS)},
}


def export(run: Path, out: Path, *, format: str = "onnx") -> list[Path]:
    """Write a run's network into the folder ``out``, created or replaced; return the files.

    >>> from pathlib import Path
    >>> from flickr_emotion import export
    >>> [path.name for path in export(Path("run"), Path("onnx"))][-2:]
    ['preprocessing.json', 'vocabulary.json']
    """
    if format not in FORMATS:
        raise ModelError(f"--format {format} is not known: give {' or '.join(FORMATS)}")
    if missing := [package for package in PACKAGES if not find_spec(package)]:
        raise ModelError(
            f"export needs the package {missing[0]}: install the extra `export` of pyproject.toml "
            f"(pip install {' '.join(PACKAGES)})"
        )
    _check_replaceable(out)
    try:
        with workspace_beside(out.resolve()) as workspace:
            folder = workspace / "new"
            folder.mkdir()
            names = _write(load_run(run, torch.device("cpu")), run, folder)
            _check_replaceable(out)  # checked again: files may have been added meanwhile
            put_folder(folder, out.resolve())
    except Timeout:
        raise ModelError(
            f"another command is writing {out}: wait for it, or give --out another folder"
        ) from None
    except OSError as error:
        raise ModelError(
            f"--out {out} cannot be written ({error.strerror or error}): its content is kept; free "
            "some space, or give another folder"
        ) from None
    return [out / name for name in names]


def _write(trained: TrainedRun, run: Path, folder: Path) -> list[str]:
    """Write all files of an export into a folder; return their names."""
    if trained.readers:
        raise ModelError(
            f"{run} was trained with --recipe best, whose text readers "
            f"({', '.join(reader.name for reader in trained.readers)}) cannot be exported: give a "
            "run of the paper's recipe, or one trained without the readers (--without)"
        )
    system = trained.network
    temperatures = read_calibration(run).temperatures
    preprocessing = system.backbone.preprocessing if system.backbone else None
    answered = {
        subset: [modality for modality in subset.split("+") if modality in system.modalities]
        for subset in trained.ranking
    }
    with ProgressReport("exporting", len(answered), "subsets") as report:
        for subset, inputs in answered.items():
            padded = PaddedSubset(system, subset, inputs, temperatures.get(subset, 1.0))
            write_onnx(padded.eval(), preprocessing, folder / f"{subset}.onnx")
            report.advance(1)
    card = _copy_card(run, folder)
    _write_json(folder / VOCABULARY, vocabulary(trained.encoding))
    description = describe(trained.encoding, preprocessing, answered)
    description["dataset_digest"] = trained.dataset_digest
    description["digests"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
    _write_json(folder / PREPROCESSING, description)
    return [*card, *(f"{subset}.onnx" for subset in answered), PREPROCESSING, VOCABULARY]


def _copy_card(run: Path, folder: Path) -> list[str]:
    """Take the run's model card along, if it has one; return the names of the files written."""
    card = standing(run) / CARD
    if not card.is_file():
        return []
    check_file(card.parent, CARD)
    (folder / CARD).write_bytes(card.read_bytes())
    return [CARD]


def write_onnx(padded: PaddedSubset, preprocessing: Preprocessing | None, path: Path) -> None:
    """Write a subset's file."""
    axes = [_AXES[modality] for modality in padded.inputs]
    names = [{axis: size.__name__ for axis, size in sizes.items()} for sizes in axes]
    side = preprocessing.crop if preprocessing else 0
    # Sizes that differ from each other and from 1, so that no axis is mistaken for a fixed one.
    examples = {
        "image": torch.zeros(2, 3, side, side, dtype=torch.uint8),
        "text": torch.full((2, 7), UNKNOWN),
        "tags": torch.full((2, 3), UNKNOWN),
    }
    with _silence("torch.onnx", "onnx_ir"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            padded,
            tuple(examples[modality] for modality in padded.inputs),
            dynamic_shapes={"inputs": tuple(axes)},
            strict=True,  # else `len` makes the number of posts a constant
        )
        written = torch.onnx.export(
            program,
            dynamo=True,
            dynamic_shapes={"inputs": tuple(names)},
            input_names=[INPUTS[modality] for modality in padded.inputs],
            output_names=[OUTPUT],
            verbose=False,
        )
        assert written is not None
        # The metadata hold paths of code on this machine.
        for node in written.model.graph.all_nodes():
            node.metadata_props.clear()
        written.save(path, external_data=False)


@contextmanager
def _silence(*names: str) -> Iterator[None]:
    """Limit loggers to errors: their warnings concern the libraries' developers."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_replaceable(out: Path) -> None:
    """Refuse a folder that holds anything but an older export."""
    if not out.parent.is_dir():
        raise ModelError(f"--out {out}: its parent folder does not exist")
    if not out.exists():
        return
    if not out.is_dir():
        raise ModelError(f"{out} is a file: give --out a folder")
    names = {entry.name for entry in out.iterdir()}
    if foreign := sorted(names - _NAMES):
        raise ModelError(
            f"{out} holds {foreign[0]!r}, which is not part of an export: give --out a new folder"
        )
    if names and PREPROCESSING not in names:
        raise ModelError(f"{out} holds no {PREPROCESSING} of an export: give --out a new folder")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json_text(content), encoding="utf-8")
