"""What the readers of texts and tags read of a post.

A frozen reader reads the modality that is asked for. The encoder that a run has trained reads a
post's text together with its tags too, because each changes what the other says.

`export` copies this module into the client, so it imports nothing heavy.
"""

from collections.abc import Sequence

from flickr_emotion.model.posts.ids import MAX_WORDS

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
