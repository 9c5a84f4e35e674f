"""Frozen text encoders that are built on transformers.

Their networks are loaded when they are first needed: features that are kept on disk, or a graph for
ONNX Runtime (``model/engines/choice.py``), need neither torch nor transformers.

Shapes in names: N texts, L tokens, D features.
"""

# ruff: noqa: N803, N806 (shapes in names)

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flickr_emotion.model.config import AUTO, TORCH
from flickr_emotion.model.engines.choice import Encoder, check_equal, graph_for
from flickr_emotion.model.engines.kept_graphs import GRAPH, KeptGraph
from flickr_emotion.model.features.texts.sentence_graphs import (
    TOKENIZER,
    Floats,
    SentenceGraph,
    describe,
    make_sentence_graph,
    save_tokenizer,
)
from flickr_emotion.model.recipes import SENTENCES

if TYPE_CHECKING:
    from torch import Tensor

TEXTS_PER_PASS = 64
"""Texts of similar length that torch reads together."""
_WORTHWHILE = 2000
"""A graph takes 8 to 30 s to make, and saves 5 to 30 ms a text."""
_EXAMPLES = ("a", "a storm of rage over the calm sea", "light " * 40)


class EncoderReader:
    """A text encoder with its tokenizer: what all of them share."""

    name = SENTENCES
    padding: bool | str = True
    """Texts are padded to the longest of a pass, or with ``max_length`` to the longest of all."""
    masked: bool | None = None
    """Whether tokens come with a mask of the padding; None if the tokenizer decides."""
    dimension: int

    def __init__(
        self,
        load: Callable[[], tuple[Any, Any]],
        *,
        longest: int,
        files: Iterable[Path],
        pooling: str,
    ) -> None:
        """``load`` returns the network and the tokenizer; ``longest``: the most tokens read.

        The digest covers the content of ``files``, and ``pooling``, which names what becomes of
        the network's answers.
        """
        self.cut = 0
        self.longest = longest
        self.files = sorted(files)
        self.engine = AUTO
        self._load = load
        self._pooling = pooling
        self._graph: SentenceGraph | None = None

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        network, tokenizer = self._load()
        return network.eval(), tokenizer

    @property
    def network(self) -> Any:
        """The network of transformers."""
        return self._loaded[0]

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self._loaded[1]

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

    def expect(self, texts: int) -> None:
        """Choose the engine for so many texts that are to be read now."""
        if self.engine == TORCH:
            self._graph = None
        elif self._graph is None:
            encoder = Encoder(
                name="the sentence encoder",
                digest=self.digest(),
                write=self._write_graph,
                worthwhile=_WORTHWHILE,
            )
            kept = graph_for(encoder, self.engine, inputs=texts)
            self._graph = None if kept is None else SentenceGraph(kept)

    def features(self, texts: Sequence[str]) -> Floats:
        """Return the features (N, D) of texts; each different text is read once."""
        self.expect(len(texts))
        place: dict[str, int] = {}
        places_N = [place.setdefault(text, len(place)) for text in texts]
        different = list(place)
        if self._graph is not None:
            features_ND, cut_N = self._graph.read(different)
            self.cut += int(cut_N[places_N].sum())
        else:
            features_ND = self._by_torch(different, np.bincount(places_N, minlength=len(place)))
        return features_ND[places_N]

    def _by_torch(self, texts: Sequence[str], times_N: Any) -> Floats:
        """Return the features of different texts, each of which occurs so many times."""
        import torch

        # Texts of similar length together, because a pass is padded to its longest text.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        features_ND = np.empty((len(texts), self.dimension), np.float32)
        for at in range(0, len(order), TEXTS_PER_PASS):
            chosen = order[at : at + TEXTS_PER_PASS]
            some = [texts[number] for number in chosen]
            tokens = self.tokens(some)
            self.cut += int(times_N[chosen] @ self._cut_of(some, tokens))
            with torch.inference_mode():
                features_ND[chosen] = self.pooled(tokens).numpy()
        return features_ND

    def try_out(self) -> int:
        """Let torch read a text; return the number of its features."""
        import torch

        with torch.inference_mode():
            return int(self.pooled(self.tokens(["a first text"])).shape[1])

    def tokens(self, texts: list[str]) -> Any:
        """Return the tokens of texts as the network takes them."""
        return self.tokenizer(
            texts,
            padding=self.padding,
            truncation=True,
            max_length=self.longest,
            return_attention_mask=self.masked,
            return_tensors="pt",
        )

    def _cut_of(self, texts: list[str], tokens: Any) -> list[bool]:
        if tokens.encodings:
            return [bool(encoding.overflowing) for encoding in tokens.encodings]
        # Tokenizers in Python do not say what they have cut.
        whole = self.tokenizer(texts, truncation=False)["input_ids"]
        return [len(ids) > self.longest for ids in whole]

    def _write_graph(self, folder: Path) -> dict[str, Any]:
        if not hasattr(self.tokenizer, "backend_tokenizer"):
            raise ValueError("its tokenizer runs in Python only")
        make_sentence_graph(self, folder / GRAPH)
        save_tokenizer(self, folder / TOKENIZER)
        about = describe(self) | {"dimension": self.dimension}
        cut = self.cut
        expected_ND = self._by_torch(_EXAMPLES, np.ones(len(_EXAMPLES), int))
        self.cut = cut
        found_ND, _ = SentenceGraph(_Unkept(folder, about)).read(_EXAMPLES)
        check_equal(float(np.abs(found_ND - expected_ND).max()), float(np.abs(expected_ND).max()))
        return about

    def pooled(self, tokens: Any) -> "Tensor":
        """Return the features (N, D) of tokenized texts."""
        raise NotImplementedError


class _Unkept(KeptGraph):
    """A graph that is being made."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self._about = about


class SentenceReader(EncoderReader):
    """Means of some layers' token vectors, each normalised to length 1.

    The published sentence vector of such encoders is the last layer's mean. The layers below keep
    more of the wording, which shows feelings.
    """

    masked = True

    def __init__(
        self,
        load: Callable[[], tuple[Any, Any]],
        *,
        layers: slice,
        longest: int,
        files: Iterable[Path],
        hidden: int,
        depth: int,
    ) -> None:
        """``layers``: those that are pooled; the first of all is the embedding.

        ``hidden``: the numbers of a token's vector; ``depth``: how many layers follow the
        embedding.
        """
        super().__init__(load, longest=longest, files=files, pooling=str(layers))
        self.layers = layers
        self.dimension = len(range(1 + depth)[layers]) * hidden

    @classmethod
    def of_folder(
        cls, folder: Path, *, layers: slice, longest: int, files: Iterable[Path]
    ) -> "SentenceReader":
        """Return the reader of the model and the tokenizer in a folder."""

        def load() -> tuple[Any, Any]:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            return (
                AutoModel.from_pretrained(folder, local_files_only=True),
                AutoTokenizer.from_pretrained(folder, local_files_only=True),
            )

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        hidden, depth = config["hidden_size"], config["num_hidden_layers"]
        return cls(load, layers=layers, longest=longest, files=files, hidden=hidden, depth=depth)

    def pooled(self, tokens: Any) -> "Tensor":
        import torch
        from torch.nn.functional import normalize

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
        super().__init__(
            lambda: (network, tokenizer), longest=longest, files=files, pooling="pooled"
        )
        self.padding = "max_length" if padded else True
        self.dimension = self.try_out()

    def pooled(self, tokens: Any) -> "Tensor":
        from torch.nn.functional import normalize

        return normalize(self.network(**tokens).pooler_output, dim=1)
