"""Exports a trained run for programs without this project or torch: `export --format onnx`.

A post is answered by the file of its subset, so absent modalities need neither an input nor a mask.
A network of the paper's recipe has its encoders in these files: whoever has texts only needs one
file. The best recipe's encoders are frozen and large, so they are files of their own, which all
subsets share, and the subsets' files take their features (``model/export/encoders.py``).

Beside them, ``preprocessing.json`` and ``vocabulary.json`` say how a post is turned into numbers
(``model/export/description.py``), and ``predict.py`` does it (``model/export/client/``). The
outputs are probabilities, calibrated like those of `predict`.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.replacing import put_folder, standing, workspace_beside
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.model.engines.graphs import write_graph
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.export.client_files import (
    BROWSERS,
    ENTITIES,
    FOLDER,
    PROGRAM,
    write_client,
)
from flickr_emotion.model.export.description import (
    OUTPUT,
    PREPROCESSING,
    VOCABULARY,
    describe,
    vocabulary,
)
from flickr_emotion.model.export.encoders import (
    ENCODER_FILES,
    LICENCES,
    PICTURES,
    check_readers,
    write_licences,
    write_readers,
)
from flickr_emotion.model.export.inputs import graph_inputs, wanted_inputs
from flickr_emotion.model.export.quantisation import QUANTISATIONS, quantise
from flickr_emotion.model.features.picture_graphs import make_picture_graph
from flickr_emotion.model.networks.padded import PaddedSubset
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CARD
from flickr_emotion.model.runs.loading import TrainedRun, load_run

FORMATS = ("onnx",)
PACKAGES = ("onnx", "onnxscript")

_NAMES = {
    *(f"{subset}.onnx" for subset in SUBSETS),
    "__pycache__",  # of predict.py, where a program has imported it
    *(CARD, PREPROCESSING, VOCABULARY, PROGRAM, FOLDER, BROWSERS, ENTITIES),
    *ENCODER_FILES,
}


def export(
    run: Path, out: Path, *, format: str = "onnx", quantize: str | None = None
) -> list[Path]:
    """Write a run's network into the folder ``out``, created or replaced; return what lies there.

    With ``quantize="int8"`` weights are rounded to 8 bits (``model/export/quantisation.py``).

    >>> from pathlib import Path
    >>> from flickr_emotion import export
    >>> [path.name for path in export(Path("run"), Path("onnx"))][-4:]
    ['predict.py', 'preprocessing.json', 'reading', 'vocabulary.json']
    """
    if format not in FORMATS:
        raise ModelError(f"--format {format} is not known: give {' or '.join(FORMATS)}")
    if quantize is not None and quantize not in QUANTISATIONS:
        raise ModelError(
            f"--quantize {quantize} is not known: give {' or '.join(QUANTISATIONS)}, or omit it"
        )
    needed = (*PACKAGES, *(("onnxruntime",) if quantize else ()))
    if missing := [package for package in needed if not find_spec(package)]:
        raise ModelError(f"export needs the package {missing[0]}: pip install {' '.join(needed)}")
    _check_replaceable(out)
    try:
        with workspace_beside(out.resolve()) as workspace:
            folder = workspace / "new"
            folder.mkdir()
            _write(load_run(run, torch.device("cpu")), run, folder, quantize)
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
    return sorted(out.iterdir(), key=_place)


def _write(trained: TrainedRun, run: Path, folder: Path, quantize: str | None) -> None:
    """Write all files of an export into a folder."""
    check_readers(trained.readers, run)
    system = trained.network
    temperatures = read_calibration(run).temperatures
    inputs = graph_inputs(system, trained.readers)
    wanted = {subset: wanted_inputs(system, trained.readers, subset) for subset in trained.ranking}
    shared = any("image_features" in names for names in wanted.values())
    used: dict[str, list[str]] = {}
    (folder / LICENCES).mkdir()
    steps = len(wanted) + shared + len(trained.readers)
    with ProgressReport("exporting", steps, "files") as report:
        for subset, names in wanted.items():
            padded = PaddedSubset(system, subset, names, temperatures.get(subset, 1.0))
            fed = {name: inputs[name] for name in names}
            used[subset] = write_graph(padded, fed, OUTPUT, folder / f"{subset}.onnx")
            report.advance(1)
        if shared:
            assert system.backbone is not None
            make_picture_graph(system.backbone, folder / PICTURES)
            report.advance(1)
        readers = write_readers(trained.readers, folder)
        report.advance(len(trained.readers))
    if quantize:
        for path in sorted(folder.glob("*.onnx")):
            quantise(path)
    _write_json(folder / VOCABULARY, vocabulary(trained.encoding))
    _copy_card(run, folder)
    write_client(folder)
    write_licences(_encoder_names(trained), folder)
    description = describe(
        trained.encoding, system.backbone.preprocessing if system.backbone else None, used, readers
    )
    description["quantization"] = quantize
    description["dataset_digest"] = trained.dataset_digest
    description["digests"] = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    _write_json(folder / PREPROCESSING, description)


def _copy_card(run: Path, folder: Path) -> None:
    """Take the run's model card along, if it has one."""
    card = standing(run) / CARD
    if card.is_file():
        check_file(card.parent, CARD)
        (folder / CARD).write_bytes(card.read_bytes())


def _encoder_names(trained: TrainedRun) -> list[str]:
    backbone = trained.network.backbone
    images = backbone.name.split("+") if backbone else []
    return [*images, *(reader.name for reader in trained.readers)]


def _place(path: Path) -> tuple[bool, int, str]:
    """The subsets' files in their order, the shared encoders', then the rest."""
    subset = SUBSETS.index(path.stem) if path.stem in SUBSETS else len(SUBSETS)
    return path.suffix != ".onnx", subset, path.name


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
