"""The servers of API and pictures, and the proxy for them.

By default they are Flickr's own. With ``--flickr-url URL`` the API is at URL/services/rest/ and all
pictures are below URL, whatever host the list names. This serves for the sandbox or for a mirror.
"""

import os
import ssl
import string
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from flickr_emotion.harvest.errors import HarvestError

FLICKR_API = "https://api.flickr.com/services/rest/"
FLICKR_IMAGES = "https://live.staticflickr.com"
# The hosts of old lists redirect within these domains.
_FLICKR_IMAGE_DOMAINS = (".staticflickr.com", ".static.flickr.com")


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The servers of a crawl."""

    service: str
    """``flickr`` or ``other``; a harvest only holds posts from one of them."""
    api: str
    images: str
    proxy: str | None
    """The proxy from the environment, for both; None without one."""

    def serves_images(self, url: str) -> bool:
        """Whether a redirect to ``url`` may be followed; raises ``ValueError`` if it is no URL."""
        parts = urlsplit(url)
        if self.service == "flickr":
            return parts.scheme in ("http", "https") and (parts.hostname or "").endswith(
                _FLICKR_IMAGE_DOMAINS
            )
        own = urlsplit(self.images)
        return (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port)


def servers(flickr_url: str | None) -> Servers:
    """Return the servers that ``--flickr-url`` names, or Flickr's if it is None.

    Raises ``HarvestError`` if it is not the URL of a server, or if the environment names a proxy or
    certificates that cannot be used.
    """
    _check_certificates()
    if flickr_url is None:
        return Servers(
            service="flickr", api=FLICKR_API, images=FLICKR_IMAGES, proxy=_proxy(FLICKR_API)
        )
    url = _in_ascii(flickr_url)
    if url is None:
        raise HarvestError(
            f"--flickr-url {flickr_url!r} is not the URL of a server: give one like "
            "http://127.0.0.1:8123, or omit it for Flickr"
        )
    base = url.rstrip("/")
    return Servers(service="other", api=f"{base}/services/rest/", images=base, proxy=_proxy(base))


def _in_ascii(url: str) -> str | None:
    """Return the URL of a server over HTTP as libcurl and requests take it; None if it is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        if parts.scheme not in ("http", "https") or not host or parts.port == 0:
            return None
        user, at, place = parts.netloc.rpartition("@")
        if not host.isascii():
            encoded = host.encode("idna")
            if encoded.decode("idna") != host:
                return None  # IDNA 2003 and 2008 differ: it could become another host.
            place = encoded.decode() + (f":{parts.port}" if parts.port else "")
    except ValueError:  # Also that of a host that IDNA does not allow.
        return None
    return parts._replace(
        netloc=f"{_quoted(user).replace('@', '%40')}{at}{place}",
        path=_quoted(parts.path),
        query=_quoted(parts.query),
        fragment="",
    ).geturl()


def _quoted(text: str) -> str:
    """Write what is beyond ASCII, and white space, with percent signs."""
    return quote(text, safe=string.punctuation, errors="surrogateescape")


def _proxy(url: str) -> str | None:
    # Servers on this machine never need a proxy, whatever the environment says.
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127."):
        return None
    from urllib.request import getproxies  # Slow to import, and requests is slower still.

    if not getproxies():
        return None
    from requests.utils import get_environ_proxies

    proxies = get_environ_proxies(url)
    proxy: str | None = proxies.get(urlsplit(url).scheme) or proxies.get("all")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    proxy = _in_ascii(proxy)
    if proxy is None:
        # It is not shown: it may hold a password.
        raise HarvestError(
            "the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names is not one over HTTP: give "
            "one like http://proxy.example.org:3128; SOCKS is not supported"
        )
    return proxy


def _check_certificates() -> None:
    named = os.environ.get("SSL_CERT_FILE")
    if named and ssl.get_default_verify_paths().cafile is None:
        raise HarvestError(
            f"SSL_CERT_FILE names {named!r}, which is no file: give the file with the certificates "
            "to trust, or unset the variable"
        )


def certificate_authorities() -> str:
    """Return the file or folder of certificates that API and pictures are verified with.

    They are those of Python: of ``SSL_CERT_FILE``, which a proxy that opens TLS needs, or of the
    system. Where it has none, as in small images of containers, those of ``requests`` are taken.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    # Only files that are named by a hash, such as 002c0b4f.0, are found in a folder.
    if paths.capath and any(Path(paths.capath).glob("[0-9a-f]" * 8 + ".0")):
        return paths.capath
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # as above

    return str(DEFAULT_CA_BUNDLE_PATH)
