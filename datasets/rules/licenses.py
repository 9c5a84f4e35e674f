"""The rule of licences: which posts ``build-splits --license`` keeps, by what their owners allow.

Flickr's licence is that of the post at the time of the crawl. A post whose licence is not known
allows nothing, so it is not kept under this rule.
"""

import re
from collections.abc import Iterable

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.harvest.flickr.licenses import CODES, LICENSES, Terms, terms_of

EXCLUDED = "license"
"""The reason of a post that the rule excludes."""

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
