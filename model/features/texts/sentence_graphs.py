"""Frozen text encoders as graphs: texts to features, without torch and without transformers."""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.cores import compute_threads
from flickr_emotion.model.engines.kept_graphs import GRAPH, KeptGraph
from flickr_emotion.model.engines.sessions import open_session

Floats = npt.NDArray[np.float32]

FEATURES, TOKENIZER = "features", "tokenizer.json"
TEXTS_PER_PASS = 16
"""Texts of as many tokens as possible: fewer are slower, and more need padding."""


class SentenceGraph:
    """A graph that reads texts, with its tokenizer; opened when it is first needed."""

    def __init__(self, graph: KeptGraph) -> None:
        """``graph``: one that is kept."""
        about = graph.about()
        assert about is not None
        self._folder = graph.folder
        self._inputs: list[str] = about["inputs"]
        self._padding: int = about["padding"]
        self._length: int | None = about["most_tokens"] if about["pads_to_most"] else None
        self.dimension: int = about["dimension"]

    @cached_property
    def _session(self) -> Any:
        return open_session(self._folder / GRAPH, threads=1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        # A thread for each pass: threads of one pass would wait for each other at each layer.
        return ThreadPoolExecutor(compute_threads(), thread_name_prefix="texts")

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        tokenizer.no_padding()
        return tokenizer

    def read(self, texts: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Return the features (N, D) of texts, and whether each was longer than is read, (N,)."""
        tokens = self._tokenizer.encode_batch(list(texts))
        cut_N = np.array([bool(each.overflowing) for each in tokens], bool)
        ids = [each.ids for each in tokens]
        # Texts of the same length together: a pass is padded to its longest text.
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        features_ND = np.empty((len(ids), self.dimension), np.float32)
        passes = [order[at : at + TEXTS_PER_PASS] for at in range(0, len(order), TEXTS_PER_PASS)]
        read = self._pool.map(lambda chosen: self._pass([ids[it] for it in chosen]), passes)
        for chosen, found in zip(passes, read, strict=True):
            features_ND[chosen] = found
        return features_ND, cut_N

    def _pass(self, ids: list[list[int]]) -> Floats:
        length = self._length or max(map(len, ids))
        ids_NL = np.full((len(ids), length), self._padding, np.int64)
        mask_NL = np.zeros((len(ids), length), np.int64)
        for row, each in enumerate(ids):
            ids_NL[row, : len(each)] = each
            mask_NL[row, : len(each)] = 1
        fed = {"input_ids": ids_NL, "attention_mask": mask_NL}
        (features_ND,) = self._session.run([FEATURES], {name: fed[name] for name in self._inputs})
        return np.asarray(features_ND, np.float32)


def save_tokenizer(reader: Any, path: Path) -> None:
    """Write the tokenizer of a reader that is built on transformers, as ``tokenizers`` reads it.

    It cuts and pads as the reader does.
    """
    own = reader.tokenizer.backend_tokenizer
    tokenizer = type(own).from_str(own.to_str())
    tokenizer.enable_truncation(max_length=reader.longest)
    tokenizer.enable_padding(
        pad_id=reader.tokenizer.pad_token_id,
        pad_token=reader.tokenizer.pad_token,
        length=reader.longest if reader.padding == "max_length" else None,
    )
    tokenizer.save(str(path))


def describe(reader: Any) -> dict[str, Any]:
    """Return what programs must know of a reader's graph and tokenizer."""
    return {
        "inputs": graph_inputs(reader),
        "most_tokens": reader.longest,
        "pads_to_most": reader.padding == "max_length",
        "padding": reader.tokenizer.pad_token_id,
    }


def graph_inputs(reader: Any) -> list[str]:
    """Return the names of a graph's inputs: most encoders take a mask of the padding."""
    given = reader.tokenizer(["a"], return_attention_mask=reader.masked)
    return [name for name in ("input_ids", "attention_mask") if name in given]


def make_sentence_graph(reader: Any, path: Path) -> None:
    """Write the graph of a reader. Raises ``ModelError``."""
    import torch

    from flickr_emotion.model.engines.graphs import Input, write_graph

    class Sentences(torch.nn.Module):
        """Tokens (N, L), for most encoders with a mask of the padding, to features (N, D)."""

        def __init__(self) -> None:
            super().__init__()
            self.network = reader.network  # so that its weights are this module's

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            features_ND: torch.Tensor = reader.pooled(dict(zip(names, inputs, strict=True)))
            return features_ND

    names = graph_inputs(reader)
    inputs = {
        name: Input(
            # A tensor of its own: the same one twice would be taken for one input.
            example=torch.ones(2, 7, dtype=torch.int64),
            axes={0: "texts", 1: "tokens_of_the_longest"},
            most=reader.longest,
        )
        for name in names
    }
    write_graph(Sentences(), inputs, FEATURES, path, strict=False)
