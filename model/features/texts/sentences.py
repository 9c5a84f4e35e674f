"""Frozen sentence encoders, built on transformers: means of some layers' token vectors.

The published sentence vector is the last layer's mean. The layers below keep more of the wording,
which shows feelings.

Shapes in names: N texts, L tokens, D features.
"""

# ruff: noqa: N803, N806 (shapes in names)

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from flickr_emotion.model.features.packages import package_folder
from flickr_emotion.model.recipes import SENTENCES

TEXTS_PER_PASS = 64
"""Texts of similar length that are read together."""


class SentenceReader:
    """A sentence encoder: each pooled layer's token mean, normalised to length 1."""

    name = SENTENCES

    def __init__(self, folder: Path, *, layers: slice, longest: int, files: Iterable[Path]) -> None:
        """Load the model and the tokenizer of a folder.

        ``layers``: the layers that are pooled; the first of all is the embedding. ``longest``: the
        most tokens of a text that are read. ``files``: those that the digest covers.
        """
        self.cut = 0
        self.layers = layers
        self.longest = longest
        self._files = sorted(files)
        check_transformers()
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.network: Any = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        pooled = range(1 + self.network.config.num_hidden_layers)[layers]
        self.dimension = len(pooled) * self.network.config.hidden_size

    def digest(self) -> str:
        """Return the SHA-256 of the model's files and of how its layers are pooled."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(f"{self.layers} {self.longest} ".encode())
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
        for at in range(0, len(order), TEXTS_PER_PASS):
            chosen = order[at : at + TEXTS_PER_PASS]
            features_ND[chosen] = self._pass([texts[number] for number in chosen])
        return features_ND

    @torch.inference_mode()
    def _pass(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        )
        self.cut += sum(bool(encoding.overflowing) for encoding in tokens.encodings)
        layers = self.network(**tokens, output_hidden_states=True).hidden_states[self.layers]
        return pooled(layers, tokens["attention_mask"])


def pooled(layers: Sequence[Tensor], mask_NL: Tensor) -> Tensor:
    """Return each layer's token mean (N, L, E), normalised to length 1, side by side (N, D)."""
    there_NL1 = mask_NL[:, :, None].float()
    means = [(layer * there_NL1).sum(1) / there_NL1.sum(1) for layer in layers]
    return torch.cat([torch.nn.functional.normalize(mean, dim=1) for mean in means], dim=1)


def check_transformers() -> None:
    """Refuse to go on without transformers, and silence its progress bars."""
    package_folder(
        "transformers",
        "--text-encoder needs the package transformers: install the extra `pretrained` of "
        f"pyproject.toml, or give --without {SENTENCES}",
    )
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
