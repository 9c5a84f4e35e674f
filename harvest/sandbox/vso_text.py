"""Titles, descriptions, tags and pictures of a virtual corpus: all follow from the photo id.

They are as plain as a crawler needs them to be, and as odd as real ones are: empty and foreign
titles, markup, machine tags, tags twice, tags with blanks, capitals and punctuation. writing.py
writes what a network can learn from; here half a million posts a minute are written.
"""

import hashlib
import html
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from harvest.sandbox import lexicon
from harvest.sandbox.drawing import DrawnPicture
from harvest.sandbox.search import normalised, words_of

T = TypeVar("T")
Words = tuple[str, ...]
"""Raw tags; a title and a description; or the words of a pair: `happy_dog` is happy and dog."""

_WORDED_TITLES = (
    "{P}", "A {p}", "{P} at the {place}", "My {p}", "{P} :)", "“{P}”", "{P} – {season}",
    "{P}, vol. {number}", "☀ {P} ☀", "{place}: {p}", "The {p} of {season}",
)  # fmt: skip
_PLAIN_TITLES = (
    "IMG_{number}", "DSC_{number}", "{place} in {season}", "Untitled", "", "At the {place}",
    "Café am Fluß {number}", "東京 {number}", "Día {number}", "{time}",
)  # fmt: skip
_WORDED = (
    "What a {p} that was.",
    "We saw a {p} near the {place}.",
    "My {person} calls this a {p}, and I agree.",
    "One more {p} from that {time}.",
    "They say that a {p} is rare in {season}.",
)
_TAGS = (
    *lexicon.NEUTRAL.tags, *lexicon.PLACES, "New York City", "São Paulo", "Black & White", "!!", "",
    "b/w", "Canon EOS 5D", "naturaleza", "été", "sky", "Blue", "D-SLR", "365/2011", "me",
    "Superb!", "PLANET EARTH", "my cat's life", "2010", "東京", "portrait", "flickr", "night",
)  # fmt: skip
_STRIDES = (1, 3, 5, 7, 11, 13)
_SPELLINGS = ("{}", "{}", "{}", "{}", "{}!", "#{}", "{}.")
_LICENSES = (0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6)
_PICTURES = 24  # drawn; every photo stamps one of them


class Chance:
    """A few dozen choices that follow from a photo id."""

    __slots__ = ("_left",)

    def __init__(self, seed: int, number: int) -> None:
        digest = hashlib.blake2b(b"%d %d" % (seed, number), digest_size=64).digest()
        self._left = int.from_bytes(digest, "big")

    def below(self, bound: int) -> int:
        """A number from 0 to below `bound`."""
        self._left, drawn = divmod(self._left, bound)
        return drawn

    def of(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self.below(len(choices))]


def _scene(number: int) -> dict[str, str]:
    chance = Chance(0, number)
    return {
        "place": chance.of(lexicon.PLACES),
        "time": chance.of(lexicon.TIMES),
        "season": chance.of(lexicon.SEASONS),
        "person": chance.of(lexicon.PEOPLE),
        "lens": chance.of(lexicon.LENSES),
        "number": f"{chance.below(10_000):04}",
    }


# Drawn once: a page of 500 posts fills a thousand templates.
_SCENES = tuple(map(_scene, range(4096)))


def license_id(chance: Chance) -> int:
    """A licence, most often none."""
    return chance.of(_LICENSES)


def text(chance: Chance, pairs: Sequence[Words], *, absent: Sequence[Words], needed: bool) -> Words:
    """Title and description (an HTML fragment).

    `pairs` may stand there; with `needed` each does. Of no pair in `absent` all words stand there.
    """
    title_pair = pairs[0] if pairs and chance.below(10) < 6 else None
    described = pairs[1 if title_pair else 0 :] if needed else [p for p in pairs if chance.below(2)]
    title = chance.of(_WORDED_TITLES if title_pair else _PLAIN_TITLES)
    title = _filled(chance, title, " ".join(title_pair or ()))
    sentences = [_filled(chance, chance.of(_WORDED), " ".join(pair)) for pair in described]
    if sentences or chance.below(10) < 7:
        sentences += [
            _filled(chance, chance.of(lexicon.FILLER), "") for _ in range(chance.below(3))
        ]
    description = _marked_up(chance, sentences)
    if absent:
        there = set(words_of(f"{title} {description}"))
        if any(there.issuperset(words_of(" ".join(pair))) for pair in absent):
            return f"IMG_{chance.below(10_000):04}", ""
    return title[:1].upper() + title[1:], description


def _filled(chance: Chance, template: str, phrase: str) -> str:
    return template.format(p=phrase, P=phrase.title(), **chance.of(_SCENES))


def _marked_up(chance: Chance, sentences: list[str]) -> str:
    """Sentences as Flickr answers a description: links, bold type, entities, line breaks."""
    if not sentences:
        return ""
    parts = [html.escape(sentence) for sentence in sentences]
    kind = chance.below(25)
    if kind < 3:
        site = f"www.example.org/album/{chance.below(1000)}"
        parts.append(f'More: <a href="https://{site}" rel="noreferrer nofollow">{site}</a>')
    elif kind == 3:
        parts[0] = f"<b>{parts[0]}</b>"
    elif kind == 4:
        parts.append("Thanks &amp; best wishes, &quot;me&quot;")
    elif kind == 5:
        parts[-1] = f"<i>{parts[-1]}</i>"
    return chance.of((" ", " ", " ", "\n", "\n\n")).join(parts)


def tags(chance: Chance, carried: Sequence[Words], *, absent: Sequence[Words]) -> Words:
    """Raw tags: all words of the pairs `carried` among them, and no word of those in `absent`."""
    count = chance.below(10) if chance.below(5) else 0
    place, stride = chance.below(len(_TAGS)), chance.of(_STRIDES)
    chosen = [_TAGS[(place + k * stride) % len(_TAGS)] for k in range(count)]
    if absent:
        unwanted = {normalised(word) for pair in absent for word in pair}
        chosen = [tag for tag in chosen if normalised(tag) not in unwanted]
    for pair in carried:
        # Typed together at the front, or somewhere among the others.
        place = chance.below(len(chosen) + 1)
        chosen[place:place] = [_spelt(chance, word) for word in pair]
    odd = chance.below(40)
    if odd < 2:
        chosen.append(chance.of(lexicon.MACHINE_TAGS))
    elif odd < 4 and chosen:
        chosen.append(chance.of(chosen).upper())
    return tuple(chosen)


def _spelt(chance: Chance, word: str) -> str:
    spelling = chance.below(6)
    word = word.capitalize() if spelling == 0 else word.upper() if spelling == 1 else word
    return chance.of(_SPELLINGS).format(word)


class StampedPicture:
    """One of a few drawn pictures, with the photo's id as a comment: no two files are the same."""

    __slots__ = ("_drawn", "_number")

    def __init__(self, chance: Chance, number: int) -> None:
        self._drawn = _drawn(chance.below(_PICTURES))
        self._number = number

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._drawn.size

    def jpeg(self) -> bytes:
        """The JPEG file."""
        picture = self._drawn.jpeg()
        comment = b"%d" % self._number
        # A comment segment (ITU-T T.81, B.2.4.5) right behind the start of the file.
        return b"%b\xff\xfe%b%b%b" % (
            picture[:2],
            (len(comment) + 2).to_bytes(2, "big"),
            comment,
            picture[2:],
        )


@lru_cache(maxsize=_PICTURES)
def _drawn(which: int) -> DrawnPicture:
    size = ((240, 160), (160, 240), (240, 180), (180, 180))[which % 4]
    return DrawnPicture(seed=f"virtual {which}", cue=None, size=size)
