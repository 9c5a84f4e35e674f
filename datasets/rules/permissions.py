"""What owners allow: the rules of ``build-splits --license`` and ``--respect-preferences``.

Licences and preferences are those of the time of the crawl. A post whose licence is not known
allows nothing, so it is not kept under a rule of licences. A preference that nobody has stated
forbids nothing. Each post has one preference, by which it is counted and, with the option,
excluded: a "no" goes before a "yes", as IETF AIPREF's vocabulary asks where statements contradict
each other.
"""

import re
from collections.abc import Iterable

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.harvest.flickr.licenses import CODES, LICENSES, Terms, terms_of
from flickr_emotion.harvest.preferences.signals import Signals

NOT_LICENSED = "license"
"""The reason of a post that the rule of licences excludes."""

CONTENT_USAGE = "content-usage"
ROBOTS_TAG = "x-robots-tag"
TDM_RESERVATION = "tdm-reservation"
NO_DOWNLOAD = "no-download"
_ALLOWED, NOT_STATED, NOT_KNOWN = "training-allowed", "not-stated", "not-known"

NAMES = {
    CONTENT_USAGE: "no training of AI (Content-Usage)",
    ROBOTS_TAG: "no AI (X-Robots-Tag)",
    TDM_RESERVATION: "text and data mining reserved (TDM-Reservation)",
    NO_DOWNLOAD: "no download (Flickr's candownload)",
    _ALLOWED: "training of AI allowed (Content-Usage)",
    NOT_STATED: "nothing stated",
    NOT_KNOWN: "not known",
}
"""What each preference is called where posts are counted, in the order of the tables."""
UNWANTED = (CONTENT_USAGE, ROBOTS_TAG, TDM_RESERVATION, NO_DOWNLOAD)
"""The preferences that ``--respect-preferences`` excludes; they are the reasons too."""

_VERSIONED = re.compile(r"(.+?)-(\d\.\d)")


class LicenseRule:
    """The licences that a data set takes."""

    def __init__(self, names: Iterable[str]) -> None:
        """``names``: ids of Flickr's licences, codes, or codes with a version such as ``by-4.0``.

        Raises ``DatasetError`` for an unknown name.
        """
        self._taken = {_terms_named(name) for name in names}

    def takes(self, license: str | None) -> bool:
        """Return whether a post with this licence is kept; a code means all of its versions."""
        terms = terms_of(license) if license else None
        return terms is not None and not self._taken.isdisjoint({terms, Terms(terms.code)})


def _terms_named(name: str) -> Terms:
    for license in LICENSES:
        if name == license.id:
            return Terms(license.code, license.version)
    if name in CODES:
        return Terms(name)
    match = _VERSIONED.fullmatch(name)
    if match and match[1] in CODES and match[1].startswith("by"):
        return Terms(match[1], match[2])
    raise DatasetError(
        f"--license {name!r} is no licence: give some of {', '.join(CODES)}, one with its version "
        "such as by-4.0, or Flickr's ids from 0 to 16"
    )


def preference_of(signals: Signals) -> str:
    """Return the preference on a post: a key of ``NAMES``, of several the first."""
    if signals.training is False:
        return CONTENT_USAGE
    if signals.no_ai:
        return ROBOTS_TAG
    if signals.tdm_reserved:
        return TDM_RESERVATION
    if signals.can_download is False:
        return NO_DOWNLOAD
    if signals.training:
        return _ALLOWED
    return NOT_STATED if signals.known else NOT_KNOWN
