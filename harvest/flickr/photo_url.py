"""Read the URLs of pictures on Flickr's image hosts into photo references.

Published lists are from 2012 to 2016, and Flickr has changed hosts and URL forms since; but their
ids, servers and secrets still work. Hosts and forms are taken from Flickr's "Photo Image URLs" page
and from the lists themselves. Other names of a photo are read by ``harvest.flickr.photo_names``.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_HOST = re.compile(
    r"(?:live|farm\d+|c\d+)\.staticflickr\.com|(?:farm\d+\.)?static\.flickr\.com"
    r"|(?P<no_server>photos\d+\.flickr\.com)",
    re.ASCII,
)
_PATH = re.compile(
    r"/(?:(?P<farm>\d{1,3})/)?(?:(?P<server>\d{1,9})/)?"
    r"0*(?P<photo_id>[1-9]\d{0,18})_(?P<secret>[0-9a-f]{6,20})(?:_(?P<suffix>[a-z0-9]{1,2}))?"
    r"(?:_d)?\.(?:jpg|jpeg|png|gif|webp)",
    re.IGNORECASE | re.ASCII,
)
# The suffix of each size, with the next smaller size as a fallback: Flickr has no file of a size
# that is larger than the photo. Still larger sizes have a secret that no list contains.
SIZES: dict[str, str | None] = {"b": "c", "c": "z", "z": "", "": None}
_PIXELS = {"b": 1024, "c": 800, "z": 640, "": 500}
_SHOWN = 200  # Characters of a bad URL in a message.
_FARM_HOST = re.compile(r"farm(\d+)\.")
# Sizes from h up, and the original, have their own secret, which is not valid for other sizes.
_OWN_SECRET = frozenset({"h", "k", "o", "3k", "4k", "5k", "6k", "f"})


def size_in_words(size: str | None) -> str:
    """Return how large the pictures of one of ``SIZES`` are; None means unknown."""
    if size is None:
        return "an unknown size"
    return f"{_PIXELS[size]} pixels" + (f" (--image-size {size})" if size else "")


class NotFlickrError(ValueError):
    """The URL does not point to a site of Flickr."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoReference:
    """What identifies one photo on Flickr, as far as it is known.

    Without server and secret the picture can only be requested after the API has answered.
    """

    photo_id: str
    server: str | None
    farm: str | None
    secret: str | None

    def image_path(self, size: str = "") -> str:
        """Return the path of the picture on an image server, in one of ``SIZES``."""
        suffix = f"_{size}" if size else ""
        return f"/{self.server}/{self.photo_id}_{self.secret}{suffix}.jpg"


def shown(text: str) -> str:
    """Return a URL or other text of a list for a message, shortened."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def secret_of(match: re.Match[str]) -> str | None:
    """Return the secret in a picture's name; None if it is valid for one size only.

    ``match`` has the groups ``secret`` and ``suffix``.
    """
    suffix = (match["suffix"] or "").lower()
    return None if not match["secret"] or suffix in _OWN_SECRET else match["secret"].lower()


def is_image_host(host: str) -> bool:
    """Whether a host name, in lower case, is or was one of Flickr's image hosts."""
    return _HOST.fullmatch(host) is not None


def parse_photo_url(url: str) -> PhotoReference:
    """Return the photo reference in a picture's URL.

    Raises ``NotFlickrError`` for other hosts and text that is not a URL, and ``ValueError`` for an
    empty URL or one on a Flickr host that names no photo.
    """
    if not url.strip():
        raise ValueError("the URL is empty")
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        raise NotFlickrError(f"{shown(url)} is no URL") from None
    host_match = _HOST.fullmatch(host)
    if parts.scheme not in ("http", "https") or not host_match:
        raise NotFlickrError(f"{shown(url)} is on no image host of Flickr's")
    match = _PATH.fullmatch(unquote(parts.path))
    if not match:
        raise ValueError(f"{shown(url)} names no photo: expected /server/id_secret.jpg")
    farm, server = match["farm"], match["server"]
    if farm and not server:
        farm, server = None, farm
    if host_match["no_server"]:
        server = None
    elif server is None:
        raise ValueError(f"{shown(url)} names no server: expected /server/id_secret.jpg")
    if farm_host := _FARM_HOST.match(host):
        farm = farm_host[1]
    return PhotoReference(
        photo_id=match["photo_id"], server=server, farm=farm, secret=secret_of(match)
    )
