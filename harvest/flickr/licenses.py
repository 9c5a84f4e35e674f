"""The licences of Flickr: their ids, names, codes and pages, and which of them a text means.

The ids are Flickr's (`flickr.photos.licenses.getInfo`); those of Creative Commons 4.0 came in June
2025. Posts of one's own, and YFCC100M's rows, name a licence by its page or its words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_CC = "https://creativecommons.org"


@dataclass(frozen=True, kw_only=True)
class License:
    """One of Flickr's licences."""

    id: str
    code: str
    """What ``--license`` calls it, in whatever version: ``by-nc-sa``."""
    name: str
    """As Flickr writes it."""
    url: str
    version: str = ""


def _creative_commons(version: str, codes: dict[str, int]) -> Iterable[License]:
    for code, number in codes.items():
        yield License(
            id=str(number),
            code=code,
            name=f"CC {code.upper()} {version}",
            url=f"{_CC}/licenses/{code}/{version}/",
            version=version,
        )


LICENSES = (
    License(
        id="0",
        code="all-rights-reserved",
        name="All Rights Reserved",
        url="https://www.flickrhelp.com/hc/en-us/articles/"
        "10710266545556-Using-Flickr-images-shared-by-other-members",
    ),
    *_creative_commons(
        "2.0", {"by": 4, "by-nd": 6, "by-nc-nd": 3, "by-nc": 2, "by-nc-sa": 1, "by-sa": 5}
    ),
    License(
        id="7",
        code="no-known-restrictions",
        name="No known copyright restrictions",
        url="https://www.flickr.com/commons/usage/",
    ),
    License(
        id="8",
        code="us-government",
        name="United States Government Work",
        url="https://www.usa.gov/government-copyright",
    ),
    License(
        id="9",
        code="cc0",
        name="Public Domain Dedication (CC0)",
        url=f"{_CC}/publicdomain/zero/1.0/",
    ),
    License(
        id="10",
        code="pd",
        name="Public Domain Mark",
        url=f"{_CC}/publicdomain/mark/1.0/",
    ),
    *_creative_commons(
        "4.0", {"by": 11, "by-sa": 12, "by-nd": 13, "by-nc": 14, "by-nc-sa": 15, "by-nc-nd": 16}
    ),
)
"""All seventeen, in the order in which Flickr answers them."""

CODES = tuple(dict.fromkeys(license.code for license in LICENSES))

NOT_KNOWN = "licence not known"

_PAGE = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/(\d\.\d)")
_PAGE_CODES = {"zero": "cc0", "mark": "pd"}
_WORDS = re.compile(r"(?:cc|creative commons)?[ -]?(by(?:-(?:nc|nd|sa))*)(?:[ -](\d\.\d))?")
_OTHER_WORDS = {
    **{"cc-0": "cc0", "cc 0": "cc0", "cc0 1.0": "cc0", "cc0-1.0": "cc0"},
    **{"pdm": "pd", "public domain": "pd", "copyright": "all-rights-reserved"},
}


@dataclass(frozen=True)
class Terms:
    """What a text says of a licence; the version is empty where it says none."""

    code: str
    version: str = ""

    @property
    def asks_for_attribution(self) -> bool:
        """Whether whoever passes the work on must name its author."""
        return self.code.startswith("by")

    @property
    def url(self) -> str:
        """The licence's page; of Creative Commons without a version, the newest."""
        for license in LICENSES:
            if license.code == self.code and not license.version:
                return license.url
        return f"{_CC}/licenses/{self.code}/{self.version or '4.0'}/"


# Millions of posts name few licences; what is written freely must not fill the memory.
@lru_cache(maxsize=1024)
def terms_of(text: str) -> Terms | None:
    """Return what a post's ``license`` means; None if it is no known licence.

    ``text``: Flickr's id, or a licence's name, code (``CC BY-NC 3.0``, ``cc-by``) or page.
    """
    plain = " ".join(text.split()).lower()
    for license in LICENSES:
        if plain in (license.id, license.name.lower(), license.url.lower()):
            return Terms(license.code, license.version)
    plain = _OTHER_WORDS.get(plain, plain)
    if plain in CODES:
        return Terms(plain)
    if (match := _WORDS.fullmatch(plain)) and match[1] in CODES:
        return Terms(match[1], match[2] or "")
    return _terms_of_page(plain)


@lru_cache(maxsize=1024)
def name_of(license: str | None) -> str:
    """Return the name under which posts with this ``license`` are counted."""
    if not license:
        return NOT_KNOWN
    if (terms := terms_of(license)) is None:
        return "another licence"
    for known in LICENSES:
        if (known.code, known.version) == (terms.code, terms.version):
            return known.name
    return f"CC {terms.code.upper()} {terms.version}".strip()


def license_of_page(url: str) -> str | None:
    """Return the id of the licence whose page an address is; None if Flickr has none such.

    Creative Commons in a version that Flickr does not offer has no id.
    """
    terms = _terms_of_page(url)
    for license in LICENSES:
        if terms and license.code == terms.code and license.version in ("", terms.version):
            return license.id
    return None


def _terms_of_page(url: str) -> Terms | None:
    url = unquote(url).lower()
    if match := _PAGE.search(url):
        code = _PAGE_CODES.get(match[1], match[1])
        if code not in CODES:  # such as CC's sampling licences
            return None
        return Terms(code, match[2] if code.startswith("by") else "")
    if "flickr.com/commons" in url:
        return Terms("no-known-restrictions")
    return Terms("us-government") if "usa.gov/" in url else None
