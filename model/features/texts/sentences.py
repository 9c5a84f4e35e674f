"""Frozen text encoders that are built on transformers.

Shapes in names: N texts, L tokens, D features.
"""

# ruff: noqa: N806 (shapes in names)

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from flickr_emotion.model.recipes import SENTENCES

TEXTS_PER_PASS = 64
"""Texts of similar length that are read together."""


class EncoderReader:
    """A text encoder with its tokenizer: what all of them share."""

    name = SENTENCES
    padding: bool | str = True
    """Texts are padded to the longest of a pass, or with ``max_length`` to the longest of all."""
    masked: bool | None = None
    """Whether tokens come with a mask of the padding; None if the tokenizer decides."""
    dimension: int

    def __init__(
        self, network: Any, tokenizer: Any, *, longest: int, files: Iterable[Path], pooling: str
    ) -> None:
        """``longest``: the most tokens of a text that are read.

        The digest covers the content of ``files``, and ``pooling``, which names what becomes of
        the network's answers.
        """
        self.cut = 0
        self.longest = longest
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.files = sorted(files)
        self._pooling = pooling

    def digest(self) -> str:
        """Return the SHA-256 of the model's files and of how its answers are pooled."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(f"{self._pooling} {self.longest} ".encode())
        for path in self.files:
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
        for at in range(0, len(order), TEXTS_PER_PASS):
            chosen = order[at : at + TEXTS_PER_PASS]
            features_ND[chosen] = self._pass([texts[number] for number in chosen])
        return features_ND

    @torch.inference_mode()
    def _pass(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(
            texts,
            padding=self.padding,
            truncation=True,
            max_length=self.longest,
            return_attention_mask=self.masked,
            return_tensors="pt",
        )
        self.cut += self._cut_of(texts, tokens)
        return self.pooled(tokens)

    def _cut_of(self, texts: list[str], tokens: Any) -> int:
        if tokens.encodings:
            return sum(bool(encoding.overflowing) for encoding in tokens.encodings)
        # Tokenizers in Python do not say what they have cut.
        whole = self.tokenizer(texts, truncation=False)["input_ids"]
        return sum(len(ids) > self.longest for ids in whole)

    def pooled(self, tokens: Any) -> Tensor:
        """Return the features (N, D) of tokenized texts."""
        raise NotImplementedError


class SentenceReader(EncoderReader):
    """Means of some layers' token vectors, each normalised to length 1.

    The published sentence vector of such encoders is the last layer's mean. The layers below keep
    more of the wording, which shows feelings.
    """

    masked = True

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        layers: slice,
        longest: int,
        files: Iterable[Path],
    ) -> None:
        """``layers``: those that are pooled; the first of all is the embedding."""
        super().__init__(network, tokenizer, longest=longest, files=files, pooling=str(layers))
        self.layers = layers
        config = network.config
        pooled = range(1 + config.num_hidden_layers)[layers]
        self.dimension = len(pooled) * config.hidden_size

    @classmethod
    def of_folder(
        cls, folder: Path, *, layers: slice, longest: int, files: Iterable[Path]
    ) -> "SentenceReader":
        """Load the model and the tokenizer of a folder."""
        from transformers import AutoModel, AutoTokenizer

        return cls(
            AutoModel.from_pretrained(folder, local_files_only=True),
            AutoTokenizer.from_pretrained(folder, local_files_only=True),
            layers=layers,
            longest=longest,
            files=files,
        )

    def pooled(self, tokens: Any) -> Tensor:
        layers = self.network(**tokens, output_hidden_states=True).hidden_states[self.layers]
        there_NL1 = tokens["attention_mask"][:, :, None].float()
        means = [(layer * there_NL1).sum(1) / there_NL1.sum(1) for layer in layers]
        return torch.cat([normalize(mean, dim=1) for mean in means], dim=1)


class TowerReader(EncoderReader):
    """The text tower of an image-text encoder: its pooled output, normalised to length 1."""

    def __init__(
        self, network: Any, tokenizer: Any, *, longest: int, files: Iterable[Path], padded: bool
    ) -> None:
        """``padded``: whether the tower was trained on texts padded to its full length."""
        super().__init__(network, tokenizer, longest=longest, files=files, pooling="pooled")
        self.padding = "max_length" if padded else True
        self.dimension = self._pass(["a"]).shape[1]

    def pooled(self, tokens: Any) -> Tensor:
        return normalize(self.network(**tokens).pooler_output, dim=1)
