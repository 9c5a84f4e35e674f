"""Runs the page on the loopback interface, in a thread of its own.

with PageServer(site, port=0) as server:
    print(server.url)
"""

import asyncio
import threading
from http import HTTPStatus
from types import TracebackType
from typing import Self

from aiohttp import web

from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.serve.application import application
from flickr_emotion.serve.explorer import SEARCHED
from flickr_emotion.serve.safety import HOST, Guard
from flickr_emotion.serve.site import Site

_GRACE_SECONDS = 1.0


class PageServer:
    """A running page. It only binds 127.0.0.1."""

    def __init__(self, site: Site, *, port: int = 0) -> None:
        """``port`` 0 takes a free one."""
        self._site = site
        self._wanted = port
        self.port = 0
        self._guard = Guard()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="serve", daemon=True)
        self._ending = threading.Event()
        self._ahead = threading.Thread(target=self._read_ahead, name="read ahead", daemon=True)

    @property
    def url(self) -> str:
        """The address that opens the page; it holds the token."""
        return self._guard.address(self.port)

    def __enter__(self) -> Self:
        """Start serving; raises ``ToolkitError`` if the port is taken."""
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except OSError as error:
            self._stop()
            raise ToolkitError(
                f"port {self._wanted} on {HOST}: {error.strerror}; choose another --port"
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop serving, and free the port."""
        self._ending.set()
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._stop()
        if self._ahead.ident is not None:
            self._ahead.join()

    async def _start(self) -> None:
        pages = application(self._site, self._guard)
        pages.on_response_prepare.append(self._answered)
        self._runner = web.AppRunner(pages, access_log=None, shutdown_timeout=_GRACE_SECONDS)
        await self._runner.setup()
        listening = web.TCPSite(self._runner, HOST, self._wanted)
        await listening.start()
        self.port = self._runner.addresses[0][1]

    async def _answered(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Read ahead once a reader has the first page, which must not wait for it."""
        if answer.status == HTTPStatus.OK and self._ahead.ident is None:
            self._ahead.start()

    def _read_ahead(self) -> None:
        if self._site.explorer is not None:
            self._site.explorer.reader.read_ahead(SEARCHED, self._ending)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
