"""What the readers of texts and tags read of a post.

A frozen reader reads the modality that is asked for. The encoder that a run has trained reads a
post's text together with its tags too, because each changes what the other says.

`export` copies this module into the client, so it imports nothing heavy.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from flickr_emotion.model.posts.ids import MAX_WORDS

Floats = npt.NDArray[np.float32]
TextAndTags = tuple[str | None, Sequence[str] | None]
"""Of a post; what it lacks is None or empty."""

TUNED_VIEWS = 2
"""How often the trained encoder reads a post for a modality: alone, and together."""


def read_text(text: str | None, tags: Sequence[str] | None, modality: str) -> str:
    """Return what a frozen reader reads; empty if the modality is absent.

    Words are limited because the lexicon's time is quadratic in a text's length.
    """
    read = (text or "").split() if modality == "text" else (tags or ())
    return " ".join(read[:MAX_WORDS])


def tuned_views(text: str | None, tags: Sequence[str] | None, modality: str) -> tuple[str, str]:
    """Return what the trained encoder reads for a modality: alone, and with the other one.

    What it says of both together stands with the text. Empty where there is nothing to read.
    """
    if modality == "text":
        return joined_text(text, None), joined_text(text, tags) if text and tags else ""
    return joined_text(None, tags), ""


def joined_text(text: str | None, tags: Sequence[str] | None) -> str:
    """Return a text and tags as one text, as people write them: each tag with ``#``."""
    words = (text or "").split()[:MAX_WORDS]
    return " ".join([*words, *(f"#{tag}" for tag in (tags or ())[:MAX_WORDS])])


def features_of_views(
    read: Callable[[Sequence[str]], Floats],
    size: int,
    posts: Sequence[TextAndTags],
    modality: str,
) -> Floats:
    """Return what the trained encoder, ``read``, says of posts: (N, D), its views side by side.

    ``size``: the numbers that it gives a text.
    """
    each = [tuned_views(text, tags, modality) for text, tags in posts]
    views = ([texts[view] for texts in each] for view in range(TUNED_VIEWS))
    return np.concatenate([features_or_zeros(read, size, texts) for texts in views], axis=1)


def features_or_zeros(
    read: Callable[[Sequence[str]], Floats], size: int, texts: Sequence[str]
) -> Floats:
    """Return the features (N, ``size``) of texts, zeros of empty ones, which are not read."""
    features_ND = np.zeros((len(texts), size), np.float32)
    if there := [number for number, text in enumerate(texts) if text]:
        features_ND[there] = read([texts[number] for number in there])
    return features_ND
