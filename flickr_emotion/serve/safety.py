"""Who may use the page: whoever holds its token, in a browser on this machine, and no other site.

The page listens on the loopback interface alone. That does not keep out the other users of this
machine, nor the sites that are open in the same browser: they can send requests to 127.0.0.1, also
under a name of their own that leads there (DNS rebinding). So every request must

- name this server as its host;
- come from the page itself, if it says where it comes from (``Origin``, ``Sec-Fetch-Site``);
- hold the token: in the address that ``serve`` prints, and from then on in a cookie that scripts
  cannot read and other sites cannot send.

What changes something must say where it comes from. The page's policy lets it load nothing from
elsewhere and no script but its own, so that texts and tags of others cannot act.
"""

import hmac
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Server": "serve",
}
_READS = ("GET", "HEAD")
_QUERY = "token"


class Guard:
    """Refuses requests that do not come from the page, or do not hold its token."""

    def __init__(self) -> None:
        """Draw a token."""
        self.token = secrets.token_urlsafe(24)

    def address(self, port: int) -> str:
        """Return the address that opens the page."""
        return f"http://{HOST}:{port}/?{_QUERY}={self.token}"

    def middleware(self) -> Middleware:
        """Return the check as aiohttp wants it."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if refused := self._refused(request):
                raise web.HTTPForbidden(text=f"{refused}\n")
            cookie = _cookie(request)
            given = request.query.get(_QUERY)
            if given is not None and request.method in _READS and self._is_token(given):
                # The token leaves the address, and so the history and any picture of the screen.
                here = request.rel_url.update_query({})
                kept = [(n, v) for n, v in request.query.items() if n != _QUERY]
                moved = web.HTTPSeeOther(str(here.with_query(kept)))
                moved.set_cookie(
                    cookie, self.token, httponly=True, samesite="Strict", path="/", max_age=None
                )
                raise moved
            if not self._is_token(request.cookies.get(cookie, "")):
                raise web.HTTPForbidden(
                    text="This page needs its token: open the address that `serve` has printed.\n"
                )
            return await handler(request)

        return check

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self.token.encode())

    def _refused(self, request: web.Request) -> str | None:
        """Return why a request is refused, whatever its token."""
        port = _port(request)
        if request.host not in {f"{name}:{port}" for name in _NAMES}:
            return f"This page answers only at http://{HOST}:{port}."
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            return "This request comes from another page."
        came_from = request.headers.get("Sec-Fetch-Site")
        own = came_from in (None, "same-origin", "none")
        if request.method not in _READS:
            if origin is None and came_from != "same-origin":
                return "This request does not say which page it comes from."
        elif not own and request.headers.get("Sec-Fetch-Mode") != "navigate":
            return "This request comes from another page."
        return None


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that all answers have."""
    response.headers.update(_HEADERS)


def _port(request: web.Request) -> int:
    """Return the port that a request has reached."""
    assert request.transport is not None
    port: int = request.transport.get_extra_info("sockname")[1]
    return port


def _cookie(request: web.Request) -> str:
    """Return the name of the cookie: cookies do not tell ports apart."""
    return f"serve-{_port(request)}"
