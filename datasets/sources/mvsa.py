"""MVSA (Niu et al. 2016) as it is published: labels in one file, a picture and a text for each id.

``labelResultAll.txt`` holds the labels of the text and of the picture by each annotator (one in
MVSA-Single, three in MVSA-Multiple). As in the literature, what most annotators say counts, and the
labels of text and picture are united: equal ones stay, neutral gives way, positive and negative
contradict each other, and the post has no label.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from flickr_emotion.common.tables.encodings import check_encoding
from flickr_emotion.common.tables.table import Row, TableError
from flickr_emotion.common.tables.text_files import open_text

LABELS = "labelResultAll.txt"

_NEUTRAL = "neutral"
_LARGEST_TEXT = 2**20
_HASHTAG = re.compile(r"(?<!\w)#(\w+)")


class MvsaTable:
    """MVSA's folder: a ``Table``."""

    columns: tuple[str, ...] | None = ("photo_id", "label", "text", "tags", "image")
    notes: tuple[str, ...] = (
        "read as MVSA: labels of text and picture united, hashtags are the tags",
    )

    def __init__(self, folder: Path, *, encoding: str | None) -> None:
        """Open the file of labels; raises ``TableError``, ``OSError``."""
        self.path = folder / LABELS
        self._data = folder / "data"
        self._encoding = encoding and check_encoding(encoding)
        self._labels = open_text(self.path, encoding=encoding)

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the posts; raises ``TableError``."""
        for number, line in enumerate(self._labels.lines(), 1):
            photo_id, *opinions = line.strip().split("\t")
            if number == 1 or not line.strip():
                continue
            if not (photo_id.isascii() and photo_id.isdigit()):
                raise TableError(
                    f"{self.path}, line {number}: {photo_id[:50]!r} is not the id of a post: get "
                    "the published file"
                )
            text = self._text(self._data / f"{photo_id}.txt")
            words = " ".join(_HASHTAG.sub(" ", text).split())
            image = f"{photo_id}.jpg" if (self._data / f"{photo_id}.jpg").is_file() else None
            tags = _HASHTAG.findall(text)
            yield Row(number, (photo_id, united(opinions), words or None, tags, image))

    def _text(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                raw = file.read(_LARGEST_TEXT)
        except OSError:
            return ""
        if self._encoding:
            return raw.decode(self._encoding, errors="replace")
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            return raw.decode("cp1252", errors="replace")


def united(opinions: Sequence[str]) -> str | None:
    """Return the label of a post, None where it has none; an opinion is ``text,picture``."""
    pairs = [opinion.split(",") for opinion in opinions if opinion.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        return None
    text, picture = (_most(pair[side].strip().lower() for pair in pairs) for side in (0, 1))
    if text is None or picture is None:
        return None
    if text == picture or picture == _NEUTRAL:
        return text
    return picture if text == _NEUTRAL else None


def _most(labels: Iterator[str]) -> str | None:
    """Return what most say; None in a tie."""
    (first, count), *others = Counter(labels).most_common(2)
    return None if others and others[0][1] == count else first
