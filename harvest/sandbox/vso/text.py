"""Titles, descriptions, tags and pictures of a virtual corpus, which follow from the photo id.

They are simple, since only a crawler reads them, but as irregular as real ones: empty and foreign
titles, markup, machine tags, duplicate tags, tags with blanks, capitals and punctuation. The texts
of writing.py are for training a network; these are for speed, at half a million posts a minute.
"""

import hashlib
import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import cycle
from typing import TypeVar

from flickr_emotion.harvest.sandbox.search import normalised, words_of
from flickr_emotion.harvest.sandbox.simulation import lexicon
from flickr_emotion.harvest.sandbox.simulation.drawing import DrawnPicture

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
_SPELLINGS: tuple[Callable[[str], str], ...] = (
    *(str,) * 8, *(str.capitalize,) * 3, str.upper, "{}!".format, "#{}".format, "{}.".format,
)  # fmt: skip
_LICENSES = (0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6)
_STOCK = 5000  # The number of titles, sentences and tag lists that posts are composed of.
_PICTURES = 24  # The number of drawings; every photo uses a copy of one of them.


class Chance:
    """A source of a few dozen choices that follow from a photo id."""

    __slots__ = ("_left",)

    def __init__(self, seed: int, number: int) -> None:
        digest = hashlib.blake2b(b"%d %d" % (seed, number), digest_size=40).digest()
        self._left = int.from_bytes(digest, "big")

    def below(self, bound: int) -> int:
        """Return a number from 0 to below `bound`."""
        self._left, drawn = divmod(self._left, bound)
        return drawn

    def of(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        self._left, drawn = divmod(self._left, len(choices))
        return choices[drawn]


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


def _tag_list(number: int) -> Words:
    chance = Chance(1, number)
    count = chance.below(10) if chance.below(5) else 0
    place, stride = chance.below(len(_TAGS)), chance.of(_STRIDES)
    chosen = [_TAGS[(place + k * stride) % len(_TAGS)] for k in range(count)]
    odd = chance.below(40)
    if odd < 2:
        chosen.append(chance.of(lexicon.MACHINE_TAGS))
    elif odd < 4 and chosen:
        chosen.append(chance.of(chosen).upper())
    return tuple(chosen)


def _filled(templates: Words) -> Words:
    """Fill the templates with many scenes; the place of the pair's words stays open."""
    scenes = map(_scene, range(_STOCK))
    return tuple(
        template.format(p="{p}", P="{P}", **scene)
        for template, scene in zip(cycle(templates), scenes, strict=False)
    )


# These are drawn once; otherwise a page of 500 posts would draw 10,000 words.
_TAG_LISTS = tuple(map(_tag_list, range(_STOCK)))
_TITLES = _filled(_PLAIN_TITLES)
_PAIR_TITLES = _filled(_WORDED_TITLES)
_SENTENCES = _filled(lexicon.FILLER)
_PAIR_SENTENCES = _filled(_WORDED)


def license_id(chance: Chance) -> int:
    """Return a licence id, most often 0 (all rights reserved)."""
    return chance.of(_LICENSES)


def text(chance: Chance, pairs: Sequence[Words], *, absent: Sequence[Words], needed: bool) -> Words:
    """Return a title and a description (an HTML fragment).

    They may contain the words of `pairs`; with `needed` they contain those of each. They never
    contain all words of a pair in `absent`.
    """
    titled = bool(pairs) and chance.below(10) < 6
    title = _worded(chance, _PAIR_TITLES, pairs[0]) if titled else chance.of(_TITLES)
    described = pairs[titled:] if needed else [pair for pair in pairs if chance.below(2)]
    sentences = [html.escape(_worded(chance, _PAIR_SENTENCES, pair)) for pair in described]
    if sentences or chance.below(10) < 7:
        sentences += [chance.of(_SENTENCES) for _ in range(chance.below(3))]
    description = _marked_up(chance, sentences)
    if absent:
        there = set(words_of(f"{title} {description}"))
        if any(there.issuperset(words_of(" ".join(pair))) for pair in absent):
            return f"IMG_{chance.below(10_000):04}", ""
    return title[:1].upper() + title[1:], description


def _worded(chance: Chance, templates: Words, pair: Words) -> str:
    phrase = " ".join(pair)
    return chance.of(templates).format(p=phrase, P=phrase.title())


def _marked_up(chance: Chance, parts: list[str]) -> str:
    """Return sentences with the markup of Flickr's descriptions: links, bold type, entities."""
    kind = chance.below(25) if parts else 25
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
    """Return raw tags with all words of the pairs `carried`, and without those of `absent`."""
    chosen = chance.of(_TAG_LISTS)
    if absent:
        unwanted = {normalised(word) for pair in absent for word in pair}
        chosen = tuple(tag for tag in chosen if normalised(tag) not in unwanted)
    for pair in carried:
        place = chance.below(len(chosen) + 1)
        spelt = tuple(chance.of(_SPELLINGS)(word) for word in pair)
        chosen = chosen[:place] + spelt + chosen[place:]
    return chosen


class StampedPicture:
    """One of a few drawings, with the photo's id as a comment so that each file is different."""

    __slots__ = ("_drawn", "_number")

    def __init__(self, chance: Chance, number: int) -> None:
        self._drawn = _drawn(chance.below(_PICTURES))
        self._number = number

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._drawn.size

    def jpeg(self) -> bytes:
        """Return the JPEG file."""
        picture = self._drawn.jpeg()
        comment = b"%d" % self._number
        # A comment segment (ITU-T T.81, B.2.4.5) directly after the start of the file.
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
