"""Which words, tags and regions of the picture speak for an answer, by leaving each out.

Occlusion (Zeiler and Fergus, 2014): the post is answered again without one word, one tag or one
square of the picture, and what the answer's class loses is what this part spoke for it. It treats
the network as a whole, so it holds for every system and encoder, and it needs no gradient.
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from flickr_emotion.datasets.pictures.formats import UnreadablePictureError, open_picture
from flickr_emotion.datasets.pictures.rgb import upright_rgb
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.prediction import Predictor

REGIONS = 6
"""Squares in a row and in a column of the picture's grid."""
MOST_PARTS = 60
"""Words, and tags, that are left out one by one; the others of a longer post are not judged."""
_PIXELS = 448
_SURE = 1e-7
_POSTS_AT_ONCE = 32
_PIECE = re.compile(r"\S+")


class Part(NamedTuple):
    """A word or a tag, and how much it spoke for the answer."""

    text: str
    """As written, with the punctuation around it."""
    weight: float | None
    """By how much the log-odds of the answer's class fall without it; None where not judged."""

    @property
    def odds(self) -> float:
        """How many times higher the odds of the answer's class are with it; 1 where not judged."""
        return math.exp(self.weight or 0)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """An answer, and what spoke for it."""

    answer: Prediction
    words: list[Part]
    """The text in its order."""
    tags: list[Part]
    regions: npt.NDArray[np.float64] | None
    """(``REGIONS``, ``REGIONS``) what each square of the picture weighs, from the top left."""


@dataclass(frozen=True, kw_only=True)
class _Given:
    image: bytes | None
    text: str | None
    tags: tuple[str, ...] | None

    def post(self) -> RawPost | None:
        """Return what is left as a post; None if nothing is."""
        text = self.text if self.text and words(self.text) else None
        if self.image is None and text is None and not self.tags:
            return None
        return RawPost(name="the post", image=self.image, text=text, tags=self.tags or None)


def explain(
    predictor: Predictor,
    *,
    image: bytes | None = None,
    text: str | None = None,
    tags: Sequence[str] | None = None,
) -> Explanation:
    """Answer a post, and say what spoke for the answer; raises ``ModelError`` as ``answer`` does.

    The post is answered once more for each word, tag and square, a hundred times or so.
    """
    answer = predictor.answer(image=image, text=text, tags=tags)
    whole = _Given(
        image=image,
        text=None if text is None else clean(text),
        tags=None if tags is None else tuple(normalise_tags(tags)),
    )
    pieces = _PIECE.findall(whole.text or "")
    judged = [at for at, piece in enumerate(pieces) if words(piece)][:MOST_PARTS]
    own_tags = whole.tags or ()
    pictures = [] if image is None else _covered(image)
    changed = [
        *(_without_word(whole, pieces, at) for at in judged),
        *(_without_tag(whole, tag) for tag in own_tags[:MOST_PARTS]),
        *(_Given(image=it, text=whole.text, tags=whole.tags) for it in pictures),
    ]
    left = _probabilities(predictor, answer.label, changed)
    before = answer.probabilities[answer.label]
    of_words, of_tags = left[: len(judged)], left[len(judged) : len(left) - len(pictures)]
    # The picture was shrunk, so its squares are compared with the shrunk one.
    shrunk, *squares = left[len(left) - len(pictures) :] or [before]
    parts = dict(zip(judged, of_words, strict=True))
    return Explanation(
        answer=answer,
        words=[_part(piece, before, parts.get(at)) for at, piece in enumerate(pieces)],
        tags=[
            _part(tag, before, of_tags[at] if at < len(of_tags) else None)
            for at, tag in enumerate(own_tags)
        ],
        regions=np.array([_log_odds(shrunk) - _log_odds(it) for it in squares]).reshape(
            REGIONS, REGIONS
        )
        if squares
        else None,
    )


def _part(text: str, before: float, after: float | None) -> Part:
    return Part(text, None if after is None else _log_odds(before) - _log_odds(after))


def _without_word(whole: _Given, pieces: list[str], at: int) -> _Given:
    text = " ".join([*pieces[:at], *pieces[at + 1 :]])
    return _Given(image=whole.image, text=text, tags=whole.tags)


def _without_tag(whole: _Given, tag: str) -> _Given:
    tags = tuple(it for it in whole.tags or () if it != tag)
    return _Given(image=whole.image, text=whole.text, tags=tags)


def _covered(image: bytes) -> list[bytes]:
    """Return the picture as it is, and then with each square of the grid in its mean colour."""
    try:
        with open_picture(image) as opened:
            picture = upright_rgb(opened)
    except UnreadablePictureError:
        return []
    picture.thumbnail((_PIXELS, _PIXELS))
    pixels = np.asarray(picture)
    mean = pixels.mean(axis=(0, 1)).astype(np.uint8)
    rows, columns = (np.linspace(0, side, REGIONS + 1).astype(int) for side in pixels.shape[:2])
    made = [_png(pixels)]
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            covered = pixels.copy()
            covered[top:bottom, left:right] = mean
            made.append(_png(covered))
    return made


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _probabilities(predictor: Predictor, label: str, posts: list[_Given]) -> list[float]:
    """Return what a class gets of each post; where nothing is left, as much as every class."""
    chance = 1 / len(predictor.classes)
    found = [chance] * len(posts)
    raw = [(at, post) for at, given in enumerate(posts) if (post := given.post())]
    for first in range(0, len(raw), _POSTS_AT_ONCE):
        some = raw[first : first + _POSTS_AT_ONCE]
        answers = predictor.predict([post for _, post in some])
        for (at, _), answer in zip(some, answers, strict=True):
            if not isinstance(answer, ModelError):
                found[at] = answer.probabilities[label]
    return found


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _SURE), 1 - _SURE)
    return float(np.log(bounded / (1 - bounded)))
