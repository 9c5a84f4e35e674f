"""Exports a trained run for programs without this project or torch: `export --format onnx`.

There is one file for each subset of the modalities that the run answers. A post is answered by the
file of its subset, so absent modalities need neither an input nor a mask, and a user with texts
only needs no image network. The price is that encoders are repeated in several files. A system that
reads one modality only takes that input, whatever the file's subset.

Beside them, ``preprocessing.json`` says how a post is turned into numbers, with the classes and the
picture's sizes, and ``vocabulary.json`` holds the ids of words and tags. The outputs are
probabilities, calibrated like those of `predict`.
"""

import hashlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.replacing import put_folder, workspace_beside
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.features.pictures import MAX_ASPECT, Preprocessing
from flickr_emotion.model.networks.padded import PaddedSubset
from flickr_emotion.model.posts.posts import (
    FIRST_ID,
    MAX_TAGS,
    MAX_WORDS,
    PADDING,
    UNKNOWN,
    Encoding,
)
from flickr_emotion.model.runs.loading import TrainedRun, load_run

FORMATS = ("onnx",)
PACKAGES = ("onnx", "onnxscript")
PREPROCESSING = "preprocessing.json"
VOCABULARY = "vocabulary.json"
FORMAT = "flickr-emotion-export"

_NAMES = {PREPROCESSING, VOCABULARY, *(f"{subset}.onnx" for subset in SUBSETS)}
# The names of a file's inputs; axes of the same name have the same length.
_INPUTS = {"image": "image", "text": "words", "tags": "tags"}
_POSTS = torch.export.Dim("posts", min=1)
_AXES = {
    "image": {0: _POSTS},
    "text": {0: _POSTS, 1: torch.export.Dim("words_of_the_longest", min=1, max=MAX_WORDS)},
    "tags": {0: _POSTS, 1: torch.export.Dim("tags_of_the_longest", min=1, max=MAX_TAGS)},
}
OUTPUT = "probabilities"


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
        for subset in system.subsets
    }
    with ProgressReport("exporting", len(answered), "subsets") as report:
        for subset, inputs in answered.items():
            padded = PaddedSubset(system, subset, inputs, temperatures.get(subset, 1.0))
            write_onnx(padded.eval(), preprocessing, folder / f"{subset}.onnx")
            report.advance(1)
    _write_json(folder / VOCABULARY, vocabulary(trained.encoding))
    description = describe(trained.encoding, preprocessing, answered)
    description["dataset_digest"] = trained.dataset_digest
    description["digests"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }
    _write_json(folder / PREPROCESSING, description)
    return [*(f"{subset}.onnx" for subset in answered), PREPROCESSING, VOCABULARY]


def vocabulary(encoding: Encoding) -> dict[str, dict[str, int]]:
    """Return the ids of words and tags; all others are ``<UNK>``."""
    return {
        name: {entry: number for number, entry in enumerate(entries, FIRST_ID)}
        for name, entries in (("words", encoding.words), ("tags", encoding.tags))
    }


def describe(
    encoding: Encoding, preprocessing: Preprocessing | None, answered: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the content of ``preprocessing.json``: how a post becomes numbers.

    ``answered`` gives, by subset, the modalities that are fed.
    """
    inputs: dict[str, Any] = {"words": _WORDS, "tags": _TAGS}
    if preprocessing:
        inputs["image"] = _image(preprocessing)
    files = {
        subset: {
            "file": f"{subset}.onnx",
            "inputs": [_INPUTS[modality] for modality in fed],
            "output": OUTPUT,
        }
        for subset, fed in answered.items()
    }
    return {
        "format": FORMAT,
        "version": 1,
        "classes": list(encoding.classes),
        "files": files,
        "use": "A post is answered by the file of exactly the modalities that it holds; without "
        "one, by the last of `files` of which it holds all modalities. The output is float32, "
        "(posts, classes), calibrated probabilities in the order of `classes`.",
        "inputs": {
            name: inputs[name]
            for modality, name in _INPUTS.items()
            if any(modality in fed for fed in answered.values())
        },
    }


def _image(preprocessing: Preprocessing) -> dict[str, Any]:
    return {
        "shape": ["posts", 3, preprocessing.crop, preprocessing.crop],
        "type": "uint8",
        "resize_short_side": preprocessing.resize,
        "crop": preprocessing.crop,
        "interpolation": preprocessing.interpolation.name.lower(),
        "max_aspect": MAX_ASPECT,
        "steps": [
            "take the first frame; convert its colours to sRGB by its ICC profile, scale greys of "
            "more than 8 bits, put transparent pixels on white, turn it upright by its EXIF "
            "orientation",
            "if the long side is more than `max_aspect` times the short one, cut it to that from "
            "the middle",
            "resize the short side to `resize_short_side` (the long side rounded down) with "
            "Pillow's antialiased `interpolation`",
            "cut a square of `crop` from the middle, its upper left corner rounded",
            "colours first (RGB); values stay bytes, the network normalises them",
        ],
    }


_WORDS = {
    "shape": ["posts", "words_of_the_longest"],
    "type": "int64",
    "ids": f"{VOCABULARY}: words",
    "padding": PADDING,
    "unknown": UNKNOWN,
    "most": MAX_WORDS,
    "steps": [
        "lower-case; leave out URLs (http://..., https://..., www....); compose characters (NFC), "
        "write the typographic apostrophe as '",
        "a word is a run between white space from its first letter or digit to its last, with the "
        "marks on that letter",
        "the ids of the first `most` words in their order, `unknown` for others, `padding` behind "
        "those of shorter texts",
    ],
}
_TAGS = {
    "shape": ["posts", "tags_of_the_longest"],
    "type": "int64",
    "ids": f"{VOCABULARY}: tags",
    "padding": PADDING,
    "unknown": UNKNOWN,
    "most": MAX_TAGS,
    "steps": [
        "lower-case, only letters and digits, no doubles",
        "the known tags' ids in increasing order (most frequent in training first), then a single "
        "`unknown` if there are others; of these the first `most`",
        "`padding` behind those of shorter lists",
    ],
}


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
            input_names=[_INPUTS[modality] for modality in padded.inputs],
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
