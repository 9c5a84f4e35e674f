"""Before anything is marked: does Flickr take the key, and is it Flickr that answers?

A refused key must leave the harvest as it was, and so must a ``--flickr-url`` of a server that
knows none of the photos: its 404s would settle every one of them as gone. The key is tried by a
call that depends on no photo, so that nothing that one photo answers can keep a crawl from
starting; and pictures are asked for from all of the list, since lists are ordered, and a part of
one may belong to somebody who left.
"""

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.image_hosts.client import Probe
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import some_pictures
from flickr_emotion.harvest.pace.retry import PhotoGoneError, TransientError, UnreachableError

# Lists lose up to 40% of their photos: as many from all over one are never gone by chance.
_PICTURES = 50


def check_key(ledger: Ledger, calls: ApiCalls, probe: Probe, *, last_row: int) -> None:
    """Ask whether the key is valid, if any call is due, and look for a picture that is there.

    ``last_row``: of the photos that are asked for. Raises ``HarvestError`` where the key is
    refused, no picture is there, or a server cannot be reached; says nothing where they fail
    otherwise, which the crawl itself deals with.
    """
    try:
        _check_pictures(ledger, probe)
        if ledger.next_due("api", last_row=last_row) is not None:
            calls.check_key_once()
    except UnreachableError as error:
        raise HarvestError(f"{error}: check the network, or --flickr-url") from None
    except TransientError:
        return


def _check_pictures(ledger: Ledger, probe: Probe) -> None:
    gone = 0
    # The first ones may be of an owner who left: a --limit must not look at them alone.
    for reference in some_pictures(ledger, _PICTURES):
        failure = probe(reference)
        if isinstance(failure, UnreachableError):
            raise failure
        if not isinstance(failure, PhotoGoneError):
            return
        gone += 1
    # Of Flickr itself it is true: a list may have lost every photo.
    is_flickr = ledger.meta("service") == "flickr"
    if gone == _PICTURES and not is_flickr and not ledger.outcome_counts()[1]["ok"]:
        raise HarvestError(
            f"none of {gone} pictures from all over the list is there: is --flickr-url the server "
            "that holds this list's?"
        )
