"""Frozen text readers: what a reader is, and how one is opened by name.

`--recipe best` reads texts and tags with a sentence encoder and a lexicon, beside or in place of
encoders trained on a few thousand posts. Like those of a frozen image backbone, their features
never change, so they are computed once and kept (``model/features/texts/text_features.py``).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from flickr_emotion.common.printing import say
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.features.texts.hub import open_hub
from flickr_emotion.model.features.texts.lexicon import LexiconReader
from flickr_emotion.model.features.texts.minilm import open_minilm
from flickr_emotion.model.features.texts.mpnet import open_mpnet
from flickr_emotion.model.features.texts.sentences import EncoderReader
from flickr_emotion.model.features.texts.universal import UniversalReader
from flickr_emotion.model.features.texts.views import (
    TUNED_VIEWS,
    Floats,
    TextAndTags,
    features_of_views,
    features_or_zeros,
    read_text,
)
from flickr_emotion.model.recipes import HUB, LEXICON, MINILM, MPNET, TUNED, USE

READ = ("text", "tags")
"""The modalities that readers take."""


class TextReader(Protocol):
    """Turns texts into features."""

    name: str
    """The part of the recipe that it is; a run records its digest under this name."""
    dimension: int
    cut: int
    """How many texts so far were longer than it reads; their rest was not read."""

    @property
    def longest(self) -> int | None:
        """The most tokens of a text that it reads; None if it reads all."""

    def digest(self) -> str:
        """Return a digest that changes whenever the features would."""

    def features(self, texts: Sequence[str]) -> Floats:
        """Return the features (N, D) of texts with at least one word each."""


_READERS: dict[str, Callable[[], TextReader]] = {
    MINILM: open_minilm,
    MPNET: open_mpnet,
    USE: UniversalReader,
    LEXICON: LexiconReader,
}


def open_readers(
    names: Sequence[str], *, download: bool = False, engine: str = AUTO
) -> list[TextReader]:
    """Open readers by name, once per process because they never change.

    The names are those of ``--text-encoder``, and ``lexicon``. ``download``: a model of the hub may
    be fetched. ``engine`` says what runs them (``model/engines/choice.py``).
    """
    readers = [_open(name, download=download) for name in names]
    for reader in readers:
        if isinstance(reader, EncoderReader):
            reader.engine = engine
    return readers


@cache
def _open(name: str, *, download: bool) -> TextReader:
    return open_hub(name, download=download) if name.startswith(HUB) else _READERS[name]()


def say_cut(reader: TextReader, cut: int, texts: int) -> None:
    """Say that a reader has cut some texts, if it has cut any."""
    if cut:
        say(
            f"{cut:,} of {texts:,} texts have more than the {reader.longest} tokens that the "
            "sentence encoder reads: their rest is not read"
        )


def width(reader: TextReader) -> int:
    """Return how many features of a modality a reader gives."""
    return TUNED_VIEWS * reader.dimension if reader.name == TUNED else reader.dimension


def features_of(
    readers: Sequence[TextReader], posts: Sequence[TextAndTags], modality: str
) -> list[Floats]:
    """Return each reader's features (N, D) of posts for a modality, zeros where it is absent."""
    made = []
    for reader in readers:
        if reader.name == TUNED:
            made.append(features_of_views(reader.features, reader.dimension, posts, modality))
        else:
            texts = [read_text(text, tags, modality) for text, tags in posts]
            made.append(features_or_zeros(reader.features, reader.dimension, texts))
    return made
