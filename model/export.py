"""A trained run for programs that know neither this project nor torch: `export --format onnx`.

One file for each subset of the modalities that the run answers. A post is answered by the file of
what it holds, so nothing is fed for what is absent and there is no mask to get wrong, and who only
has texts carries no image network. The price is that encoders lie in several files.

Beside them lies what turns a post into numbers: ``preprocessing.json`` says how, with the classes
and the picture's measures, ``vocabulary.json`` has the ids of words and tags. A file's answers are
probabilities, calibrated as those of `predict`.
"""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from datasets.modalities import SUBSETS
from datasets.progress import ProgressReport
from model.calibration import Calibration, read_calibration
from model.errors import ModelError
from model.network import MultitaskNetwork
from model.padded_network import PaddedHead
from model.pictures import MAX_ASPECT, Preprocessing
from model.posts import FIRST_ID, MAX_TAGS, MAX_WORDS, PADDING, UNKNOWN, Encoding
from model.trained_run import load_run

FORMATS = ("onnx",)
PACKAGES = ("onnx", "onnxscript")
PREPROCESSING = "preprocessing.json"
VOCABULARY = "vocabulary.json"
FORMAT = "flickr-emotion-export"

_NAMES = {PREPROCESSING, VOCABULARY, *(f"{subset}.onnx" for subset in SUBSETS)}
# What a file's inputs are called, and the name of their second axis where it may vary.
_INPUTS: dict[str, tuple[str, str | None]] = {
    "image": ("image", None),
    "text": ("words", "words_of_the_longest"),
    "tags": ("tags", "tags_of_the_longest"),
}
OUTPUT = "probabilities"


def export(run: Path, out: Path, *, format: str = "onnx") -> list[Path]:
    """Write a run's network into the folder ``out``, made or replaced; return the files."""
    if format not in FORMATS:
        raise ModelError(f"--format {format} is not known: give {' or '.join(FORMATS)}")
    if missing := [package for package in PACKAGES if not find_spec(package)]:
        raise ModelError(
            f"export needs the package {missing[0]}: install the extra `export` of pyproject.toml "
            f"(pip install {' '.join(PACKAGES)})"
        )
    _check_replaceable(out)
    trained = load_run(run, torch.device("cpu"))
    network: torch.nn.Module = trained.network
    if not isinstance(network, MultitaskNetwork):
        raise ModelError(f"{run} is a {type(network).__name__}: only multitask runs are exported")
    if network.backbone is None:
        raise ModelError(f"{run} sees no pictures: only runs that do are exported")
    calibration = read_calibration(run)
    preprocessing = network.backbone.preprocessing
    subsets = [subset for subset in SUBSETS if subset in network.heads]
    with (
        _new_folder(out) as folder,
        ProgressReport("exporting", len(subsets), "subsets") as report,
    ):
        for subset in subsets:
            _write_onnx(network, subset, calibration, preprocessing, folder / f"{subset}.onnx")
            report.advance(1)
        _write_json(folder / VOCABULARY, vocabulary(trained.encoding))
        description = describe(trained.encoding, preprocessing, subsets)
        description["dataset_digest"] = trained.dataset_digest
        _write_json(folder / PREPROCESSING, description)
        names = sorted(path.name for path in folder.iterdir())
    return [out / name for name in names]


def vocabulary(encoding: Encoding) -> dict[str, dict[str, int]]:
    """Return the ids of words and tags; what is not among them is ``<UNK>``."""
    return {
        name: {entry: number for number, entry in enumerate(entries, FIRST_ID)}
        for name, entries in (("words", encoding.words), ("tags", encoding.tags))
    }


def describe(
    encoding: Encoding, preprocessing: Preprocessing, subsets: list[str]
) -> dict[str, Any]:
    """Return how a post becomes numbers, in words and measures."""
    return {
        "format": FORMAT,
        "version": 1,
        "classes": list(encoding.classes),
        "files": {
            subset: {
                "file": f"{subset}.onnx",
                "inputs": [_INPUTS[modality][0] for modality in subset.split("+")],
                "output": OUTPUT,
            }
            for subset in subsets
        },
        "use": "A post is answered by the file of exactly the modalities that it holds. The output "
        "is float32, (posts, classes), calibrated probabilities in the order of `classes`.",
        "inputs": {
            "image": {
                "shape": ["posts", 3, preprocessing.crop, preprocessing.crop],
                "type": "uint8",
                "resize_short_side": preprocessing.resize,
                "crop": preprocessing.crop,
                "interpolation": preprocessing.interpolation.name.lower(),
                "max_aspect": MAX_ASPECT,
                "steps": [
                    "turn the picture upright by its EXIF orientation and convert it to RGB",
                    "if the long side is more than `max_aspect` times the short one, cut it to "
                    "that from the middle",
                    "resize the short side to `resize_short_side` (the long side rounded down) "
                    "with Pillow's antialiased `interpolation`",
                    "cut a square of `crop` from the middle, its upper left corner rounded",
                    "colours first (RGB); values stay bytes, the network normalises them",
                ],
            },
            "words": {
                "shape": ["posts", "words_of_the_longest"],
                "type": "int64",
                "ids": f"{VOCABULARY}: words",
                "padding": PADDING,
                "unknown": UNKNOWN,
                "most": MAX_WORDS,
                "steps": [
                    "lower-case; leave out URLs (http://..., https://..., www....); compose "
                    "characters (NFC), write the typographic apostrophe as '",
                    "a word is a run between white space from its first letter or digit to its "
                    "last, with the marks on that letter",
                    "the ids of the first `most` words in their order, `unknown` for others, "
                    "`padding` behind those of shorter texts",
                ],
            },
            "tags": {
                "shape": ["posts", "tags_of_the_longest"],
                "type": "int64",
                "ids": f"{VOCABULARY}: tags",
                "padding": PADDING,
                "unknown": UNKNOWN,
                "most": MAX_TAGS,
                "steps": [
                    "lower-case, only letters and digits, no doubles",
                    "the known tags' ids in increasing order (most frequent in training first), "
                    "then a single `unknown` if there are others; of these the first `most`",
                    "`padding` behind those of shorter lists",
                ],
            },
        },
    }


def _write_onnx(
    network: MultitaskNetwork,
    subset: str,
    calibration: Calibration,
    preprocessing: Preprocessing,
    path: Path,
) -> None:
    head = PaddedHead(network, subset, calibration.temperatures.get(subset, 1.0)).eval()
    side = preprocessing.crop
    # Sizes that differ from each other and from 1, so that no axis is taken for a fixed one.
    examples = {
        "image": torch.zeros(2, 3, side, side, dtype=torch.uint8),
        "text": torch.full((2, 7), UNKNOWN),
        "tags": torch.full((2, 3), UNKNOWN),
    }
    held = subset.split("+")
    axes = [{0: "posts"} | ({1: axis} if (axis := _INPUTS[m][1]) else {}) for m in held]
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # what it has to say concerns its makers
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                head,
                tuple(examples[modality] for modality in held),
                path,
                dynamo=True,
                dynamic_shapes={"inputs": tuple(axes)},
                input_names=[_INPUTS[modality][0] for modality in held],
                output_names=[OUTPUT],
                external_data=False,
                verbose=False,
            )
    finally:
        logger.setLevel(level)


def _check_replaceable(out: Path) -> None:
    """Refuse a folder that holds anything but an older export."""
    if not out.parent.is_dir():
        raise ModelError(f"--out {out}: the folder around it is not there")
    if not out.exists():
        return
    if not out.is_dir():
        raise ModelError(f"{out} is a file: give --out a folder")
    names = {entry.name for entry in out.iterdir()}
    if foreign := sorted(names - _NAMES):
        raise ModelError(
            f"{out} holds {foreign[0]!r}, which is no part of an export: give --out a new folder"
        )
    if names and PREPROCESSING not in names:
        raise ModelError(f"{out} holds no {PREPROCESSING} of an export: give --out a new folder")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of ``out`` when all is written."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as around:
        folder = Path(around) / "new"
        folder.mkdir()
        yield folder
        if out.exists():
            out.rename(Path(around) / "old")
        shutil.move(folder, out)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
