"""Which servers stand for Flickr, and how they are reached: the API's and the pictures'.

By default Flickr's own. With ``--flickr-url URL`` the API is at URL/services/rest/ and every
picture below URL, whatever host its list names: the sandbox, or a mirror of one's own.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flickr_emotion.harvest.errors import HarvestError

FLICKR_API = "https://api.flickr.com/services/rest/"
FLICKR_IMAGES = "https://live.staticflickr.com"
# Old lists' hosts redirect within these.
_FLICKR_IMAGE_DOMAINS = (".staticflickr.com", ".static.flickr.com")


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers of a crawl."""

    service: str
    """``flickr`` or ``other``; a harvest holds posts of one of them."""
    api: str
    images: str
    proxy: str | None
    """The proxy that the environment names for both; None without one."""

    def serves_images(self, url: str) -> bool:
        """Whether a redirect to ``url`` may be followed; raises ``ValueError`` where it is none."""
        parts = urlsplit(url)
        if self.service == "flickr":
            return parts.scheme in ("http", "https") and (parts.hostname or "").endswith(
                _FLICKR_IMAGE_DOMAINS
            )
        own = urlsplit(self.images)
        return (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port)


def servers(flickr_url: str | None) -> Servers:
    """Return the servers that ``--flickr-url`` names, Flickr's for None.

    Raises ``HarvestError`` where it is no URL of a server.
    """
    if flickr_url is None:
        return Servers(
            service="flickr", api=FLICKR_API, images=FLICKR_IMAGES, proxy=_proxy(FLICKR_API)
        )
    try:
        parts = urlsplit(flickr_url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise HarvestError(
            f"--flickr-url {flickr_url!r} is no URL of a server: give one like "
            "http://127.0.0.1:8123, or leave it out for Flickr"
        )
    base = flickr_url.rstrip("/")
    return Servers(service="other", api=f"{base}/services/rest/", images=base, proxy=_proxy(base))


def _proxy(url: str) -> str | None:
    # Nothing on this machine is behind a proxy, whatever the environment says.
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        return None
    from requests.utils import get_environ_proxies  # slow to import: `--help` does not wait for it

    proxies = get_environ_proxies(url)
    return proxies.get(urlsplit(url).scheme) or proxies.get("all")
