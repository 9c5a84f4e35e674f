"""The Flickr listings that could show wanted photos.

A published list says which words a photo was found with: a pair in VSO, an emotion in You et al. A
search for these words, as text or as tags, finds the photo again. A listing of an owner shows
several wanted photos of that owner together. The parameters are those of ``flickr.photos.search``
(``docs/flickr.md``).
"""

from dataclasses import dataclass

PAGE = 500
"""The most photos that Flickr lists per call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One listing of ``flickr.photos.search``."""

    kind: str
    """``text``, ``tags`` or ``owner``."""
    value: str
    """Words joined by blanks, or an owner's NSID."""

    @property
    def key(self) -> str:
        """The listing's name in the ledger."""
        return f"{self.kind}:{self.value}"

    def parameters(self) -> dict[str, str]:
        """Return the parameters for ``flickr.photos.search``, without the range of dates."""
        if self.kind == "owner":
            return {"user_id": self.value}
        if self.kind == "tags":
            return {"tags": ",".join(self.value.split()), "tag_mode": "all"}
        return {"text": self.value}


def word_listings(subject: str) -> tuple[Listing, Listing]:
    """Return the listings of a pair (``sunny_sky``) or an emotion (``awe``): text and tags."""
    words = " ".join(subject.replace("_", " ").split())
    return Listing(kind="text", value=words), Listing(kind="tags", value=words)


def owner_listing(nsid: str) -> Listing:
    """Return the listing of an owner's public photos."""
    return Listing(kind="owner", value=nsid)
