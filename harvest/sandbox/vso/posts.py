"""The posts of a virtual corpus, created on request and the same each time."""

from collections.abc import Sequence

from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.vso.ids import Calendar
from flickr_emotion.harvest.sandbox.vso.listed import NOBODY, Listed
from flickr_emotion.harvest.sandbox.vso.streams import Entry
from flickr_emotion.harvest.sandbox.vso.text import (
    Chance,
    StampedPicture,
    Words,
    license_id,
    tags,
    text,
)

_STRANGERS = 10_000_000  # The number of owners that the fillers of pairs are spread over.


class Posts:
    """Creates posts; pairs and owners are identified by their numbers."""

    def __init__(self, listed: Listed, calendar: Calendar, seed: int) -> None:
        self._listed = listed
        self._calendar = calendar
        self._seed = derived("posts", seed)
        self.words: list[Words] = [_words(pair) for pair in listed.pairs]
        """The words of each pair."""
        self.nsids = _nsids(listed.owners, seed)
        """The NSID of each owner."""

    def listed(self, place: int) -> Post:
        """Return a photo of the lists, with any status."""
        listed, number = self._listed, self._listed.numbers[place]
        chance = Chance(self._seed, number)
        pairs = [self.words[pair] for pair in listed.pairs_of(place)]
        server, secret, farm = listed.reference(place)
        title, description, raw_tags = _content(
            chance, pairs, edited=listed.edited(place), tagged=listed.tagged(place)
        )
        owner = listed.owner[place]
        return Post(
            photo_id=str(number),
            secret=secret,
            server=server,
            farm=farm,
            title=title,
            description=description,
            tags=raw_tags,
            image=StampedPicture(chance, number),
            owner="" if owner == NOBODY else self.nsids[owner],
            owner_name="" if owner == NOBODY else listed.owners[owner],
            date_upload=self._calendar.date(number),
            license=license_id(chance),
            status=listed.status(place),
        )

    def of_pair(self, pair: int, entry: Entry, *, tagged: bool) -> Post:
        """Return a filler among the results of a search for a pair."""
        chance = Chance(self._seed, entry[1])
        content = _content(chance, [self.words[pair]], edited=False, tagged=tagged)
        # Beyond the NSIDs of the lists' owners.
        number = 100_000_000 + chance.below(_STRANGERS)
        return _filler(chance, entry, content, owner=f"{number}@N0{number % 9}")

    def of_owner(self, owner: int, entry: Entry) -> Post:
        """Return a filler among the photos of an owner."""
        chance = Chance(self._seed, entry[1])
        content = _content(chance, [], edited=False, tagged=False)
        name = self._listed.owners[owner]
        return _filler(chance, entry, content, owner=self.nsids[owner], owner_name=name)


def _words(pair: str) -> Words:
    return tuple(filter(None, pair.split("_")))


def _nsids(owners: Sequence[str], seed: int) -> list[str]:
    """Return a unique NSID for each user name, which nearly always is the same for other lists."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in sorted(owners):
        attempt = 0
        while not found.get(name):
            drawn = derived("nsid", seed, name, attempt)
            nsid = f"{10_000_000 + drawn % 90_000_000}@N0{(drawn >> 32) % 9}"
            if nsid not in taken:
                found[name] = nsid
            attempt += 1
        taken.add(found[name])
    return [found[name] for name in owners]


def _content(
    chance: Chance, pairs: Sequence[Words], *, edited: bool, tagged: bool
) -> tuple[str, str, Words]:
    """Return title, description and tags that a search for the pairs finds, unless `edited`."""
    if edited:
        title, description = text(chance, [], absent=pairs, needed=False)
        return title, description, tags(chance, [], absent=pairs)
    title, description = text(chance, pairs, absent=[], needed=not tagged)
    if tagged:
        return title, description, tags(chance, pairs, absent=[])
    return title, description, tags(chance, [], absent=pairs)


def _filler(
    chance: Chance,
    entry: Entry,
    content: tuple[str, str, Words],
    *,
    owner: str,
    owner_name: str = "",
) -> Post:
    date, number, _ = entry
    title, description, raw_tags = content
    return Post(
        photo_id=str(number),
        secret=f"{chance.below(1 << 40):010x}",
        server=str(1001 + chance.below(8000)),
        farm=1 + chance.below(9),
        title=title,
        description=description,
        tags=raw_tags,
        image=StampedPicture(chance, number),
        owner=owner,
        owner_name=owner_name,
        date_upload=date,
        license=license_id(chance),
    )
