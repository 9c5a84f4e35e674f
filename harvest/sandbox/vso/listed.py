"""VSO's listed photos in columns, with the status of each.

VSO has 1.3 million photos. They are the only part of the virtual corpus in memory, so they are
stored in columns of numbers, and a post is created on request.
"""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from sys import intern

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto, PublishedList
from flickr_emotion.harvest.sandbox.posts import Status, derived
from flickr_emotion.harvest.sandbox.vso.ids import HIGHEST, scrambled
from flickr_emotion.harvest.sandbox.vso.streams import TAGGED_SHARE

NOBODY = -1
"""The owner of a photo whose row names none."""
# Per mille. A fifth is gone, like the losses reported by re-crawls of lists of that age.
_FATES: tuple[tuple[Status, int], ...] = (
    ("deleted", 150),
    ("private", 30),
    ("placeholder", 20),
    ("ok", 800),
)
_EDITED = 30  # Per mille of photos whose owners removed the pair's words.


class Listed:
    """The photos of VSO's lists, numbered in the order of their ids; pairs and owners have numbers.

    Raises ``HarvestError`` if the path has no such lists, or one that is unreadable or invalid.
    """

    def __init__(self, path: Path, seed: int) -> None:
        published = open_list(path)
        if published.kind != "sentiment":
            raise HarvestError(f"{path} is not a folder of VSO's lists: give --vso their folder")
        self._salt = derived("fate", seed)
        self.pairs: list[str] = []
        """The names of their files, in lower case."""
        self.owners: list[str] = []
        """User names."""
        self._read(published)
        counts = {pair.lower(): count for pair, count in published.pair_counts.items()}
        self.counts = [counts.get(pair, 0) for pair in self.pairs]
        """How many pictures the ontology says a search for each pair found."""

    def _read(self, published: PublishedList) -> None:
        found: dict[int, PhotoReference] = {}
        owner_of: dict[int, int] = {}
        pairs_of: dict[int, set[int]] = {}
        owners: dict[str, int] = {}
        pairs: dict[str, int] = {}
        for row in _rows(published):
            number = int(row.reference.photo_id)
            # If a photo is listed twice, its first row counts, as in a crawl.
            found.setdefault(number, row.reference)
            pair = pairs.setdefault((row.pair or "").lower(), len(pairs))
            pairs_of.setdefault(number, set()).add(pair)
            if row.owner is not None and number not in owner_of:
                owner_of[number] = owners.setdefault(row.owner, len(owners))
        self.pairs, self.owners = list(pairs), list(owners)
        self.numbers = array("Q", sorted(found))
        """Photo ids, ascending."""
        self._place = {number: place for place, number in enumerate(self.numbers)}
        self._secrets = [found[number].secret for number in self.numbers]
        self._servers = [intern(found[number].server or "65535") for number in self.numbers]
        self._farms = array("h", (int(found[number].farm or 66) for number in self.numbers))
        self.owner = array("i", (owner_of.get(number, NOBODY) for number in self.numbers))
        """The number of each photo's owner; -1 if the list names none."""
        # Nearly every photo has only one pair; the pairs of the others are stored separately.
        self._pair = array("i", (min(pairs_of[number]) for number in self.numbers))
        self._pairs = {
            place: tuple(sorted(pairs_of[number]))
            for place, number in enumerate(self.numbers)
            if len(pairs_of[number]) > 1
        }
        self._by_pair = _grouped(len(self.pairs), self._memberships())
        self._by_owner = _grouped(
            len(self.owners),
            ((owner, place) for place, owner in enumerate(self.owner) if owner != NOBODY),
        )

    def _memberships(self) -> Iterator[tuple[int, int]]:
        for place in range(len(self.numbers)):
            for pair in self.pairs_of(place):
                yield pair, place

    def __contains__(self, number: object) -> bool:
        return number in self._place

    def __len__(self) -> int:
        return len(self.numbers)

    def place(self, number: int) -> int:
        """Return the position of a photo id among all listed ones."""
        return self._place[number]

    def pairs_of(self, place: int) -> tuple[int, ...]:
        """Return the pairs that list a photo."""
        return self._pairs.get(place) or (self._pair[place],)

    def of_pair(self, pair: int) -> Sequence[int]:
        """Return the positions of a pair's photos, ascending."""
        return self._by_pair[pair]

    def of_owner(self, owner: int) -> Sequence[int]:
        """Return the positions of an owner's photos, ascending."""
        return self._by_owner[owner]

    def reference(self, place: int) -> tuple[str, str, int]:
        """Return server, secret and farm from the list, or the sandbox's defaults."""
        return self._servers[place], self._secrets[place] or "", self._farms[place]

    def _fate(self, place: int) -> int:
        return scrambled(self.numbers[place] ^ self._salt)

    def status(self, place: int) -> Status:
        """Return the status of a photo."""
        drawn = self._fate(place) % 1000
        for status, share in _FATES:
            if drawn < share:
                return status
            drawn -= share
        raise AssertionError("the shares of _FATES must add up to 1000")

    def edited(self, place: int) -> bool:
        """Whether a photo's owner removed the words of its pairs from it."""
        return (self._fate(place) >> 16) % 1000 < _EDITED

    def tagged(self, place: int) -> bool:
        """Whether a photo has the words of its pairs as tags."""
        return (self._fate(place) >> 32) % 1000 < TAGGED_SHARE * 1000


def _rows(published: PublishedList) -> Iterator[ListedPhoto]:
    for file in published.files:
        try:
            for row in file.rows():
                if isinstance(row, ListedPhoto):
                    if int(row.reference.photo_id) > HIGHEST:
                        raise HarvestError(
                            f"{file.name}: row {row.row}: Flickr has no photo id as high as "
                            f"{row.reference.photo_id} yet; remove the row"
                        )
                    yield row
        except OSError as error:
            raise HarvestError(f"{file.name} cannot be read: {error}") from error


def _grouped(groups: int, members: Iterator[tuple[int, int]]) -> "list[array[int]]":
    """Return the members of each group, in order."""
    found = [array("i") for _ in range(groups)]
    for group, place in members:
        found[group].append(place)
    return found
