"""VSO's listed photos in columns, with what has become of each.

The whole of VSO is 1.3 million photos. They are the one part of the virtual corpus that is held in
memory, so they are kept in columns of numbers, and a post is written when it is asked for.
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
# Parts of a thousand. A fifth is gone: the loss that re-crawls of lists of that age report.
_FATES: tuple[tuple[Status, int], ...] = (
    ("deleted", 150),
    ("private", 30),
    ("placeholder", 20),
    ("ok", 800),
)
_EDITED = 30  # owners who took the pair's words out


class Listed:
    """The photos of VSO's lists, numbered in the order of their ids; pairs and owners by number.

    Raises:
        HarvestError: the path holds no such lists, or one that cannot be read or believed.
    """

    def __init__(self, path: Path, seed: int) -> None:
        published = open_list(path)
        if published.kind != "sentiment":
            raise HarvestError(f"{path} holds no lists of VSO's: give --vso their folder")
        self._salt = derived("fate", seed)
        self.pairs: list[str] = []
        """Names, as their files have them, in lower case."""
        self.owners: list[str] = []
        """User names."""
        self._read(published)
        if not self.numbers:
            raise HarvestError(f"{path}: no row of the lists names a photo")
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
            # Of a photo that is listed twice the first row counts, as in a crawl.
            found.setdefault(number, row.reference)
            pair = pairs.setdefault((row.pair or "").lower(), len(pairs))
            pairs_of.setdefault(number, set()).add(pair)
            if row.owner is not None and number not in owner_of:
                owner_of[number] = owners.setdefault(row.owner, len(owners))
        self.pairs, self.owners = list(pairs), list(owners)
        self.numbers = array("Q", sorted(found))
        """Photo ids, rising."""
        self._place = {number: place for place, number in enumerate(self.numbers)}
        self._secrets = [found[number].secret for number in self.numbers]
        self._servers = [intern(found[number].server or "65535") for number in self.numbers]
        self._farms = array("h", (int(found[number].farm or 66) for number in self.numbers))
        self.owner = array("i", (owner_of.get(number, NOBODY) for number in self.numbers))
        """Number of the owner of each photo; -1 where the list names none."""
        # Nearly every photo has one pair: the others' further ones are kept apart.
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
        """The place of a listed photo id among all."""
        return self._place[number]

    def pairs_of(self, place: int) -> tuple[int, ...]:
        """The pairs that list a photo."""
        return self._pairs.get(place) or (self._pair[place],)

    def of_pair(self, pair: int) -> Sequence[int]:
        """The places of a pair's photos, rising."""
        return self._by_pair[pair]

    def of_owner(self, owner: int) -> Sequence[int]:
        """The places of an owner's photos, rising."""
        return self._by_owner[owner]

    def reference(self, place: int) -> tuple[str, str, int]:
        """Server, secret and farm, as listed; the sandbox's defaults where they are not."""
        return self._servers[place], self._secrets[place] or "", self._farms[place]

    def _fate(self, place: int) -> int:
        return scrambled(self.numbers[place] ^ self._salt)

    def status(self, place: int) -> Status:
        """What has become of a photo."""
        drawn = self._fate(place) % 1000
        for status, share in _FATES:
            if drawn < share:
                return status
            drawn -= share
        raise AssertionError("the fates make up a thousand")

    def edited(self, place: int) -> bool:
        """Whether a photo's owner took the words of its pairs out of it."""
        return (self._fate(place) >> 16) % 1000 < _EDITED

    def tagged(self, place: int) -> bool:
        """Whether a photo carries the words of its pairs as tags."""
        return (self._fate(place) >> 32) % 1000 < TAGGED_SHARE * 1000


def _rows(published: PublishedList) -> Iterator[ListedPhoto]:
    for file in published.files:
        try:
            for row in file.rows():
                if isinstance(row, ListedPhoto):
                    if int(row.reference.photo_id) > HIGHEST:
                        raise HarvestError(
                            f"{file.name}: row {row.row}: no photo of Flickr's has an id as high "
                            f"as {row.reference.photo_id} yet; take the row out"
                        )
                    yield row
        except OSError as error:
            raise HarvestError(f"{file.name} cannot be read: {error}") from error


def _grouped(groups: int, members: Iterator[tuple[int, int]]) -> "list[array[int]]":
    """The members of each group, in their order."""
    found = [array("i") for _ in range(groups)]
    for group, place in members:
        found[group].append(place)
    return found
