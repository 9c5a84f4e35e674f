"""Write the simulation's titles, descriptions and tags.

A post's text and its tags each follow a cue: an emotion whose words they use, or none.
simulation.py chooses the cue, which need not be the post's own emotion.
"""

import html
from random import Random
from typing import Literal

from flickr_emotion.harvest.sandbox.simulation import lexicon
from flickr_emotion.harvest.sandbox.simulation.lexicon import NEUTRAL, WORDS, Words

TextKind = Literal["english", "absent", "foreign", "short", "long"]
_CUED_WORD = 0.95  # The share of emotional words in a cued sentence; the others are neutral.
_MANY_TAGS = 0.08  # The share of posts with more than ten tags.
_MACHINE_TAGS = 0.12


def text(random: Random, kind: TextKind, cue: str | None) -> tuple[str, str]:
    """Return title and description (an HTML fragment) of one post."""
    if kind == "absent":
        return "", ""
    if kind == "short":
        return _filled(random, random.choice(lexicon.SHORT_TEXTS), NEUTRAL), ""
    if kind == "foreign":
        stock = lexicon.FOREIGN[random.choice(sorted(lexicon.FOREIGN))]
        return "", " ".join(random.sample(stock, k=random.randint(2, 4)))
    words = WORDS[cue] if cue else NEUTRAL
    sentences = [_cued(random, words) for _ in range(random.randint(2, 4))]
    filler = random.randint(18, 24) if kind == "long" else random.randint(1, 2)
    sentences += [_filled(random, random.choice(lexicon.FILLER), NEUTRAL) for _ in range(filler)]
    random.shuffle(sentences)
    if random.random() < 0.45:
        title = _filled(random, random.choice(lexicon.CUED_TITLES), _mixed(random, words))
    else:
        title = _filled(random, random.choice(lexicon.PLAIN_TITLES), NEUTRAL)
    return title[:1].upper() + title[1:], _marked_up(random, sentences)


def tags(random: Random, cue: str | None) -> tuple[str, ...]:
    """Return the raw tags of one post, in the owner's order, without duplicates."""
    words = WORDS[cue] if cue else NEUTRAL
    chosen = random.sample(words.tags, k=random.randint(1, 3)) if cue else []
    chosen += random.sample(NEUTRAL.tags, k=random.randint(2, 5))
    if random.random() < _MANY_TAGS:
        chosen += random.sample(lexicon.RARE_TAGS, k=random.randint(10, 20))
    if random.random() < _MACHINE_TAGS:
        chosen += machine_tags(random)
    random.shuffle(chosen)
    return tuple(chosen)


def machine_tags(random: Random) -> list[str]:
    """Return one or two tags that a program set, and not the owner."""
    return random.sample(lexicon.MACHINE_TAGS, k=random.randint(1, 2))


def _mixed(random: Random, words: Words) -> Words:
    """Return the words, some of them replaced by neutral ones."""
    return Words(
        adjectives=words.adjectives if random.random() < _CUED_WORD else NEUTRAL.adjectives,
        nouns=words.nouns if random.random() < _CUED_WORD else NEUTRAL.nouns,
        tags=(),
    )


def _cued(random: Random, words: Words) -> str:
    return _filled(random, random.choice(lexicon.CUED), _mixed(random, words))


def _filled(random: Random, template: str, words: Words) -> str:
    return template.format(
        adjective=random.choice(words.adjectives),
        noun=random.choice(words.nouns),
        place=random.choice(lexicon.PLACES),
        time=random.choice(lexicon.TIMES),
        season=random.choice(lexicon.SEASONS),
        person=random.choice(lexicon.PEOPLE),
        lens=random.choice(lexicon.LENSES),
        number=f"{random.randint(0, 9999):04}",
    )


def _marked_up(random: Random, sentences: list[str]) -> str:
    """Return sentences with the markup of Flickr's descriptions: links, bold type, entities."""
    parts = [html.escape(sentence) for sentence in sentences]
    chance = random.random()
    if chance < 0.12:
        site = f"www.example.org/album/{random.randint(100, 999)}"
        parts.append(f'More here: <a href="https://{site}" rel="noreferrer nofollow">{site}</a>')
    elif chance < 0.2:
        parts[0] = f"<b>{parts[0]}</b>"
    elif chance < 0.26:
        parts.append("Thanks &amp; best wishes, &quot;me&quot;")
    elif chance < 0.3:
        parts[-1] = f"<i>{parts[-1]}</i>"
    return random.choice((" ", " ", "\n", "\n\n")).join(parts)
