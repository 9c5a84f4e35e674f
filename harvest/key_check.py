"""Before anything is marked: does Flickr take the key, and is it Flickr that answers?

A refused key must leave the harvest as it was, and so must a ``--flickr-url`` of a server that
knows none of the photos: its 404s would settle every one of them as gone. Neither costs a call that
the crawl would not have made: the key is tried on the first photo whose picture lives.
"""

from collections.abc import Callable, Iterator

from harvest.api_calls import ApiCalls
from harvest.clock import now
from harvest.errors import HarvestError
from harvest.ledger import DuePhoto, Ledger
from harvest.photo_url import PhotoReference
from harvest.placeholders import PlaceholderError
from harvest.retry import PhotoGoneError, PhotoPrivateError, TransientError, UnreachableError

# Lists lose up to 40% of their photos: as many in a row are never gone by chance.
_PICTURES = 50


Probe = Callable[[PhotoReference], None]
"""Asks whether a picture is there, as ``ImageClient.probe`` does."""


def check_key(ledger: Ledger, calls: ApiCalls, probe: Probe) -> None:
    """Ask for one post and record it.

    Raises ``HarvestError`` where the key is refused, no picture is there, or a server cannot be
    reached; says nothing where they fail otherwise, which the crawl itself deals with.
    """
    try:
        for photo in _living(ledger, probe):
            calls.try_photo(photo)
            return
    except UnreachableError as error:
        raise HarvestError(f"{error}: check the network, or --flickr-url") from None
    except TransientError:
        return


def _living(ledger: Ledger, probe: Probe) -> Iterator[DuePhoto]:
    """Yield due photos whose picture lives, or cannot be asked for yet."""
    gone = 0
    photos = ledger.due("api", now=now(), limit=_PICTURES)
    for photo in photos:
        if photo.picture_unknown:
            try:
                probe(photo.reference)
            except (PhotoPrivateError, PlaceholderError):
                pass  # the API will say what it is
            except PhotoGoneError:
                gone += 1
                continue
        yield photo
    if gone == _PICTURES and not ledger.outcome_counts()[1]["ok"]:
        raise HarvestError(
            f"none of {gone} pictures is there: is --flickr-url the server that holds this list's?"
        )
