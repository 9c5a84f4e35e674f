"""The words and tags of a post as a user gives it: raw, with markup, under one of several names.

A text without a word and tags without a letter are absent, as in a data set. `export` copies this
module into its folder, so it reads nothing from disk.
"""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import post_text, words
from flickr_emotion.datasets.sources.cells.tags import tags_of


def text_and_tags(row: Mapping[str, Any]) -> tuple[str | None, list[str] | None]:
    """Return the text and the tags of a row, None where absent.

    The text is that of ``text``, or of ``title`` and ``description``.
    """
    title, description = row.get("title"), row.get("description")
    if row.get("text") is not None:
        title, description = None, row["text"]
    text = post_text(str(title or ""), str(description or ""))
    return text if words(text) else None, normalise_tags(tags_of(row.get("tags"))) or None
