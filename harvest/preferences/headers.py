"""Which header fields of a picture's answer state a preference, and how they are recorded.

They are recorded as they came, as JSON in the ledger's column ``image_headers``: by the name of the
field in lower case, one text for each of its lines. The fields are written by strangers, so a long
one is not kept, and JSON escapes whatever is no printable ASCII.

- ``Content-Usage``: IETF AIPREF (draft-ietf-aipref-attach).
- ``X-Robots-Tag``: the robots meta tag as a header field; ``noai`` and ``noimageai`` are a
  convention of DeviantArt, which others have taken over.
- ``TDM-Reservation``, ``TDM-Policy``: W3C's community group TDMRep, for article 4 of the European
  directive 2019/790.
"""

import json
from collections.abc import Mapping, Sequence

from flickr_emotion.common.json_files import parse_json

CONTENT_USAGE = "content-usage"
ROBOTS_TAG = "x-robots-tag"
TDM_RESERVATION = "tdm-reservation"
FIELDS = (CONTENT_USAGE, ROBOTS_TAG, TDM_RESERVATION, "tdm-policy")

LONGEST_RECORD = 64_000
"""The most characters of a record: every kept character may take six in JSON."""
_LONGEST_FIELD = 2048

Stated = dict[str, list[str] | None]
"""The lines of each field that was there; None for a field that was too long to be kept."""


def record_headers(fields: Mapping[str, Sequence[str]]) -> str:
    """Return what is recorded of an answer's header fields; ``{}`` if none states a preference.

    ``fields``: the lines of each field by its name in lower case. Fields are bytes, and may be no
    UTF-8, so each byte is a character here.
    """
    stated: Stated = {}
    for name in FIELDS:
        if lines := fields.get(name):
            fits = len(lines) <= _LONGEST_FIELD and sum(map(len, lines)) <= _LONGEST_FIELD
            stated[name] = list(lines) if fits else None
    return json.dumps(stated) if stated else "{}"


def recorded_headers(record: str) -> Stated:
    """Read a record of ``record_headers``; raises ``ValueError`` if it is none."""
    stated = parse_json(record.encode())
    if not all(
        name in FIELDS
        and (lines is None or (isinstance(lines, list) and all(type(it) is str for it in lines)))
        for name, lines in stated.items()
    ):
        raise ValueError("no record of header fields")
    return stated
