"""Flickr's API through flickrapi, with our own session, limits and exceptions.

flickrapi signs and sends the calls. But it shares one session between all clients, has no time-out,
loses response headers and raises a different exception for every kind of broken answer. So it
returns only the bytes, over our bounded session, and they are interpreted here.
"""

import html
import logging
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus, unquote, urljoin, urlsplit

from flickr_emotion.harvest.flickr.answers import (
    LISTING_EXTRAS,
    Answer,
    ListingPage,
    MalformedAnswerError,
    parse_get_info,
    parse_listing,
)
from flickr_emotion.harvest.flickr.envelope import read_envelope
from flickr_emotion.harvest.flickr.failures import call_failure
from flickr_emotion.harvest.flickr.listings import PAGE, Listing
from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.servers import Servers, certificate_authorities
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    RedirectedError,
    UselessAnswerError,
    seconds_to_wait,
)

if TYPE_CHECKING:
    import flickrapi
    import requests

_Read = TypeVar("_Read")

_REDIRECTS = (301, 302, 303, 307, 308)
_SIGNATURE = re.compile(r'oauth_signature="([^"]+)"')

# flickrapi logs every answer other than 200, and the answer to a bad signature repeats the key.
logging.getLogger("flickrapi").setLevel(logging.CRITICAL + 1)


class FlickrClient:
    """Each method makes one call, without retries; the methods may be called from any thread.

    ``harvest.calls.calls`` decides what is retried and when.
    """

    def __init__(
        self,
        servers: Servers,
        *,
        key: str,
        secret: str,
        connections: int,
        spend: Callable[[str], None],
        stopped: threading.Event,
    ) -> None:
        """``spend`` is given the method of each call just before it is made.

        A few seconds after ``stopped`` is set, waiting calls raise ``StoppedError``.
        """
        self._spend = spend
        self._url = servers.api
        self._hidden = _spellings((key, secret))
        self._last = threading.local()
        self._lock = threading.Lock()
        self._opened: flickrapi.FlickrAPI | None = None

        def opened() -> "flickrapi.FlickrAPI":
            api = _flickr_api(servers, key, secret, connections=connections, stopped=stopped)
            api.flickr_oauth.session.hooks["response"].append(self._keep_headers)
            return api

        self._open = opened

    @property
    def _api(self) -> "flickrapi.FlickrAPI":
        with self._lock:
            self._opened = self._opened or self._open()
            return self._opened

    def check_key(self) -> None:
        """Call ``flickr.test.echo``, which any valid key may call and which depends on no photo.

        Raises ``RefusedError`` if the key is invalid, ``TransientError`` if that is unknown.
        """
        try:
            self._call_once("flickr.test.echo", lambda: self._api.test.echo(), lambda content: None)
        except (PhotoGoneError, PhotoPrivateError):
            return  # An unexpected answer, but it does not refuse the key.

    def get_info(self, reference: PhotoReference) -> Answer:
        """Call ``flickr.photos.getInfo`` for a post.

        Raises ``PhotoGoneError``, ``PhotoPrivateError``, ``PhotoVideoError``, ``TransientError``,
        ``RefusedError`` or ``StoppedError``, as any call may.
        """
        return self._call_once(
            "flickr.photos.getInfo",
            lambda: self._api.photos.getInfo(photo_id=reference.photo_id, secret=reference.secret),
            lambda content: parse_get_info(content, reference.photo_id),
        )

    def search(self, listing: Listing, *, not_after: int | None) -> ListingPage:
        """Call ``flickr.photos.search`` for a listing's newest posts up to a date, one page.

        ``not_after``: unix seconds; None for no bound. The page is empty if the owner is gone.
        Raises ``TransientError`` or ``RefusedError``.
        """
        try:
            return self._call_once(
                "flickr.photos.search",
                lambda: self._api.photos.search(
                    **listing.parameters(),
                    max_upload_date=not_after,
                    sort="date-posted-desc",
                    extras=LISTING_EXTRAS,
                    per_page=PAGE,
                ),
                parse_listing,
            )
        except (PhotoGoneError, PhotoPrivateError):
            return ListingPage(answers=(), videos=(), refused=0, total=0, pages=0)

    def _call_once(
        self, method: str, call: Callable[[], bytes], parse: Callable[[Any], _Read]
    ) -> _Read:
        self._spend(method)
        self._last.retry_after = self._last.oauth_problem = None
        self._last.target = self._last.signature = None
        try:
            return parse(read_envelope(call()))
        except MalformedAnswerError as error:
            failure: Exception = UselessAnswerError(str(error))
        except Exception as error:
            failure = self._meaning(error)
        # The server's text may repeat the key or the secret, and is stored and shown.
        failure.args = tuple(self._without_secrets(str(part)) for part in failure.args)
        # `from None`: a chained exception would carry the signed request.
        raise failure from None

    def _meaning(self, error: Exception) -> Exception:
        if self._last.target is not None:
            return RedirectedError(
                f"the API at {_place(self._url)} redirects to {self._last.target}; signed calls do "
                "not follow redirects"
            )
        return call_failure(error, self._last.retry_after, self._last.oauth_problem)

    def _without_secrets(self, text: str) -> str:
        hidden = self._hidden
        if self._last.signature:
            hidden = (*_spellings((self._last.signature,)), *hidden)
        return re.sub("|".join(map(re.escape, hidden)), "...", text, flags=re.IGNORECASE)

    def close(self) -> None:
        """Close the connections."""
        if self._opened:
            self._opened.flickr_oauth.session.close()

    def _keep_headers(self, response: "requests.Response", **_: Any) -> None:
        self._last.retry_after = seconds_to_wait(response.headers.get("Retry-After"))
        sent: Any = response.request.headers.get("Authorization", "")
        # The OAuth library leaves bytes here.
        signed = _SIGNATURE.search(sent.decode() if isinstance(sent, bytes) else sent)
        self._last.signature = unquote(signed[1]) if signed else None
        target = response.headers.get("Location")
        if target and response.status_code in _REDIRECTS:
            self._last.target = _place(urljoin(self._url, target))
        if response.status_code in (400, 401):
            # Only this word is kept: the text after it repeats the key.
            problem = re.search(r"oauth_problem=([a-z_]{1,40})", response.text[:1000])
            self._last.oauth_problem = problem[1] if problem else None


def _flickr_api(
    servers: Servers, key: str, secret: str, *, connections: int, stopped: threading.Event
) -> "flickrapi.FlickrAPI":
    # At the first call: pictures, which come before it, would wait for what these load.
    import flickrapi

    from flickr_emotion.harvest.flickr.bounded_http import bounded_session

    session = bounded_session(connections=connections, stopped=stopped)
    # The proxy is decided in `servers`; and ~/.netrc need not be read at each call.
    session.trust_env = False
    session.verify = certificate_authorities()
    # A signed call must not reach another server.
    session.max_redirects = 0
    if servers.proxy:
        session.proxies = {"http": servers.proxy, "https": servers.proxy}
    api = flickrapi.FlickrAPI(key, secret, format="json", store_token=False)
    api.REST_URL = servers.api
    api.flickr_oauth.session = session
    return api


def _place(url: str) -> str:
    """Return scheme, host and path of a URL; its other parts may contain a secret."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}{_port(parts.port)}{parts.path}"[:200]
    except ValueError:
        return "what is no URL"


def _port(port: int | None) -> str:
    return f":{port}" if port else ""


def _spellings(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the escaped forms in which a server may repeat a secret, the longest first."""
    forms = set()
    for secret in secrets:
        escaped = quote(secret, safe="")
        forms |= {secret, quote(secret), quote_plus(secret), escaped, quote(escaped, safe="")}
        forms.add(html.escape(secret))
    return tuple(sorted(forms, key=len, reverse=True))
