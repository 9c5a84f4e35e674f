"""Flickr's API through flickrapi, with a session, time-outs and failures of our own.

flickrapi signs and sends. It shares one session class-wide, has no time-out, loses response headers
and raises a different thing for every kind of broken answer: all of that is settled here.
"""

import logging
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import flickrapi
import requests
from requests.adapters import HTTPAdapter

from harvest.answers import (
    LISTING_EXTRAS,
    Answer,
    ListingPage,
    MalformedAnswerError,
    parse_get_info,
    parse_listing,
)
from harvest.listings import Listing
from harvest.photo_url import PhotoReference
from harvest.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    TransientError,
    call_failure,
    seconds_to_wait,
)
from harvest.servers import Servers
from harvest.sweep import PAGE

_Read = TypeVar("_Read")

_TIMEOUT_SECONDS = 30

# It logs every answer that is not 200, and a refused signature's answer repeats the key.
logging.getLogger("flickrapi").setLevel(logging.CRITICAL + 1)


class FlickrClient:
    """The calls that a crawl makes; its methods may be called from any thread."""

    def __init__(
        self,
        servers: Servers,
        *,
        key: str,
        secret: str,
        connections: int,
        spend: Callable[[str], None],
    ) -> None:
        """``spend`` is told the method of each call just before it is made."""
        self._spend = spend
        self._hidden = (key, secret)
        self._api = flickrapi.FlickrAPI(
            key, secret, format="parsed-json", store_token=False, timeout=_TIMEOUT_SECONDS
        )
        self._api.REST_URL = servers.api
        self._session = requests.Session()
        # One decision on proxies for API and pictures; and no look into ~/.netrc at every call.
        self._session.trust_env = False
        # A signed call is for this server and no other.
        self._session.max_redirects = 0
        if servers.proxy:
            self._session.proxies = {"http": servers.proxy, "https": servers.proxy}
        adapter = HTTPAdapter(pool_maxsize=connections, pool_block=True)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.hooks["response"].append(self._keep_headers)
        self._api.flickr_oauth.session = self._session
        self._last = threading.local()

    def get_info(self, reference: PhotoReference) -> Answer:
        """Ask ``flickr.photos.getInfo`` for a post.

        Raises ``PhotoGoneError``, ``PhotoPrivateError``, ``TransientError`` or ``RefusedError``.
        """
        content = self._call(
            "flickr.photos.getInfo",
            lambda: self._api.photos.getInfo(photo_id=reference.photo_id, secret=reference.secret),
        )
        return self._read(lambda: parse_get_info(content, reference.photo_id))

    def search(self, listing: Listing, *, not_after: int | None) -> ListingPage:
        """Ask ``flickr.photos.search`` for a listing's page of the newest posts up to a date.

        ``not_after``: unix seconds; None for no bound. An owner that is gone lists nothing. Raises
        ``TransientError`` or ``RefusedError``.
        """
        try:
            content = self._call(
                "flickr.photos.search",
                lambda: self._api.photos.search(
                    **listing.parameters(),
                    max_upload_date=not_after,
                    sort="date-posted-desc",
                    extras=LISTING_EXTRAS,
                    per_page=PAGE,
                ),
            )
        except (PhotoGoneError, PhotoPrivateError):
            return ListingPage(answers=(), refused=0, total=0, pages=0)
        return self._read(lambda: parse_listing(content))

    def _call(self, method: str, call: Callable[[], Any]) -> Any:
        self._spend(method)
        self._last.retry_after = self._last.oauth_problem = None
        try:
            return call()
        except Exception as error:
            # `from None`: a chained exception would carry the signed request.
            failure = call_failure(error, self._last.retry_after, self._last.oauth_problem)
            # What a server says may repeat what it was told, and is stored and shown.
            failure.args = tuple(self._without_secrets(str(part)) for part in failure.args)
            raise failure from None

    def _without_secrets(self, text: str) -> str:
        for hidden in self._hidden:
            text = text.replace(hidden, "...")
        return text

    def _read(self, parse: Callable[[], _Read]) -> _Read:
        try:
            return parse()
        except MalformedAnswerError as error:
            raise TransientError(str(error)) from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _keep_headers(self, response: requests.Response, **_: Any) -> None:
        self._last.retry_after = seconds_to_wait(response.headers.get("Retry-After"))
        if response.status_code in (400, 401):
            # The word alone: what follows it repeats the key.
            problem = re.search(r"oauth_problem=([a-z_]{1,40})", response.text[:1000])
            self._last.oauth_problem = problem[1] if problem else None
