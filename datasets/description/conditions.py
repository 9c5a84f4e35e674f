"""Licences and preferences as use conditions in ODRL, the W3C's language for them.

Croissant 1.1 recommends ODRL offers under ``usageInfo``. There is one for each licence that posts
have, with what Creative Commons' own metadata says of it (permissions, duties, prohibitions), and
one for posts on whose use a "no" is stated. The posts that an offer is for are named by the value
of a column.
"""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.common.printing import printable
from flickr_emotion.datasets.description.post_counts import PREFERENCES, posts_by_license
from flickr_emotion.datasets.rules.permissions import (
    CONTENT_USAGE,
    NAMES,
    ROBOTS_TAG,
    TDM_RESERVATION,
)
from flickr_emotion.harvest.flickr.licenses import LICENSES, Terms, terms_of

PREFIXES = {
    "cc": "http://creativecommons.org/ns#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "tdm": "http://www.w3.org/ns/tdmrep#",
}
"""The vocabularies of the conditions, for the JSON-LD context."""

Json = dict[str, Any]

_FREE = ("cc0", "pd")


def licenses(counts: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    """Return the known licences that posts have, as works with a name and a page."""
    return [
        {"@type": "sc:CreativeWork", "name": printable(name), "url": terms.url}
        for name in posts_by_license(counts)
        if (terms := terms_of(name))
    ]


def use_conditions(content: Mapping[str, Any]) -> list[Json]:
    """Return an offer for each licence, and for the posts on whose use a "no" is stated.

    Posts of one's own spell their licences in any way, so no value names those of an offer: there
    is none.
    """
    if content.get("service") == "own":
        return []
    counts = content["counts"]
    ids = {license.name: license.id for license in LICENSES}
    offers = []
    for name in posts_by_license(counts):
        if name in ids and (rules := _rules(terms_of(name))):
            offers.append(_offer(name, "posts/license", ids[name], rules))
    stated = {it for of_split in counts.values() for it in of_split.get(PREFERENCES, {})}
    for preference in (CONTENT_USAGE, ROBOTS_TAG, TDM_RESERVATION):
        if preference in stated:
            rules = {"odrl:prohibition": [_rule("odrl:Prohibition", "tdm:mine")]}
            offers.append(_offer(NAMES[preference], "references/preference", preference, rules))
    return offers


def _rules(terms: Terms | None) -> Json:
    """Return what a licence allows, asks for and forbids; nothing where its name says neither."""
    works = ("cc:Reproduction", "cc:Distribution", "cc:DerivativeWorks")
    if terms is None:
        return {}
    if terms.code == "all-rights-reserved":
        return {"odrl:prohibition": [_rule("odrl:Prohibition", work) for work in works]}
    parts = terms.code.split("-")
    if terms.code in _FREE:
        return {"odrl:permission": [_rule("odrl:Permission", work) for work in works]}
    if parts[0] != "by":
        return {}
    duties = ["cc:Attribution", "cc:Notice", *(["cc:ShareAlike"] if "sa" in parts else [])]
    duty = [_rule("odrl:Duty", action) for action in duties]
    allowed = works[:2] if "nd" in parts else works
    rules: Json = {
        "odrl:permission": [_rule("odrl:Permission", it) | {"odrl:duty": duty} for it in allowed]
    }
    if "nc" in parts:
        rules["odrl:prohibition"] = [_rule("odrl:Prohibition", "cc:CommercialUse")]
    return rules


def _rule(kind: str, action: str) -> Json:
    return {"@type": kind, "odrl:action": {"@id": action}}


def _offer(name: str, column: str, value: str, rules: Json) -> Json:
    """Return an offer for the posts whose ``column`` (a field's id) has a value."""
    return {
        "@type": ["sc:CreativeWork", "odrl:Offer"],
        "name": name,
        "odrl:target": {
            "@type": "odrl:AssetCollection",
            "odrl:source": {"@id": column.partition("/")[0]},
            "odrl:refinement": {
                "@type": "odrl:Constraint",
                "odrl:leftOperand": {"@id": column},
                "odrl:operator": {"@id": "odrl:eq"},
                "odrl:rightOperand": value,
            },
        },
        **rules,
    }
