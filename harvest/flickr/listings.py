"""Which of Flickr's listings could show which wanted photos.

A list tells under which words a photo was found when the list was made: a pair of VSO's, an
emotion of You et al.'s. Those words find it again, as text or as tags; and an owner of several
wanted photos shows them together. The parameters are those of ``flickr.photos.search``
(``docs/flickr.md``).
"""

from dataclasses import dataclass

PAGE = 500
"""Photos that Flickr lists a call, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One listing of Flickr's, asked for by ``flickr.photos.search``."""

    kind: str
    """``text``, ``tags`` or ``owner``."""
    value: str
    """Words joined by blanks, or an owner's NSID."""

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return f"{self.kind}:{self.value}"

    def parameters(self) -> dict[str, str]:
        """Return what is asked of ``flickr.photos.search``, the window in time apart."""
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
