"""The readers of an export: they turn texts and tags into features.

A sentence encoder is a graph with its tokenizer. The lexicon is VADER's own module with its lists
of words, beside the files with its licence.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.engines.sessions import open_session
from flickr_emotion.model.errors import ModelError

Reader = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""From N texts to features (N, D)."""


def open_reader(folder: Path, described: Mapping[str, Any]) -> Reader:
    """Open a reader as ``preprocessing.json`` describes it."""
    if described["kind"] == "sentences":
        return _sentences(folder, described)
    return _lexicon(folder, described)


def _sentences(folder: Path, described: Mapping[str, Any]) -> Reader:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ModelError("this export needs the package tokenizers: install it") from None
    path = folder / described["tokenizer"]
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain exceptions
        raise ModelError(f"{path} cannot be read ({error}): export the run again") from None
    session = open_session(folder / described["file"])

    def read(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        tokens = tokenizer.encode_batch(list(texts))
        feeds = {
            "input_ids": np.array([each.ids for each in tokens], np.int64),
            "attention_mask": np.array([each.attention_mask for each in tokens], np.int64),
        }
        wanted = {name: feeds[name] for name in described["inputs"]}
        (features,) = session.run([described["output"]], wanted)
        return np.asarray(features, np.float32)

    return read


def _lexicon(folder: Path, described: Mapping[str, Any]) -> Reader:
    spec = spec_from_file_location("vader", folder / described["module"])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    analyser = module.SentimentIntensityAnalyzer()

    def read(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        scores = [analyser.polarity_scores(text) for text in texts]
        return np.array(
            [[each[name] for name in described["scores"]] for each in scores], np.float32
        )

    return read
