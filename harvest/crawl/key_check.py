"""Check before a crawl records anything that the key is valid and that the server is the right one.

A refused key must leave the harvest unchanged, and so must a ``--flickr-url`` of a server that has
none of the photos: its 404s would settle all of them as gone. The key is checked by a call that
depends on no photo, so that no single photo can keep a crawl from starting. The pictures are taken
from all over the list, since lists are ordered and a part of one may belong to an owner who left.
"""

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.image_hosts.client import Probe
from flickr_emotion.harvest.ledger.facts import service_of_posts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import some_pictures
from flickr_emotion.harvest.pace.retry import PhotoGoneError, TransientError, UnreachableError

# Lists lose up to 40% of their photos, so this many from all over a list are never all gone.
_PICTURES = 50


def check_key(ledger: Ledger, calls: ApiCalls, probe: Probe, *, last_row: int) -> None:
    """Look for one existing picture, and check the key if any call is due.

    ``last_row``: only photos up to this row of the ledger are requested. Raises ``HarvestError`` if
    the key is refused, no picture exists, or a server cannot be reached. Other failures are left to
    the crawl itself.
    """
    try:
        _check_pictures(ledger, probe)
        if ledger.next_due("api", last_row=last_row) is not None:
            calls.check_key_once()
    except UnreachableError as error:
        raise HarvestError(error.line()) from None
    except TransientError:
        return


def _check_pictures(ledger: Ledger, probe: Probe) -> None:
    gone = 0
    # The first photos may belong to an owner who left, so take some from all over the list even
    # with a --limit.
    for reference in some_pictures(ledger, _PICTURES):
        failure = probe(reference)
        if isinstance(failure, UnreachableError):
            raise failure
        if not isinstance(failure, PhotoGoneError):
            return
        gone += 1
    # For Flickr itself the 404s are true: a list may have lost every photo.
    is_flickr = service_of_posts(ledger) == "flickr"
    if gone == _PICTURES and not is_flickr and not ledger.outcome_counts()[1]["ok"]:
        raise HarvestError(
            f"none of {gone} pictures from all over the list exists on this server: check "
            "--flickr-url"
        )
