"""The pages and their addresses. A handler reads the request, asks, and renders.

All pages work without the script: forms are forms and links are links. The script asks for the same
pages and takes the changed parts out of them.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.serve import explore_pages, try_pages
from flickr_emotion.serve.rendering import page, script, stylesheet
from flickr_emotion.serve.safety import Guard, set_headers
from flickr_emotion.serve.site import Site

_LARGEST_REQUEST = 40 * 2**20


def application(site: Site, guard: Guard) -> web.Application:
    """Return the application of a site."""
    made = web.Application(
        middlewares=[_told(site), guard.middleware()], client_max_size=_LARGEST_REQUEST
    )
    made.on_response_prepare.append(set_headers)
    made.router.add_get("/", _first(site))
    made.router.add_get("/page.css", _file(stylesheet, "text/css"))
    made.router.add_get("/page.js", _file(script, "text/javascript"))
    if site.explorer is not None:
        explore_pages.add(made, site, site.explorer)
    if site.networks is not None:
        try_pages.add(made, site, site.networks)
    if site.harvests:
        made.router.add_get("/crawl", _crawl(site))
    return made


def _told(site: Site) -> Middleware:
    """Return a middleware that shows what is wrong as a page."""

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ToolkitError as error:
            return _wrong(site, str(error), 400)
        except web.HTTPForbidden:
            raise
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return _wrong(site, error.reason, error.status)

    return told


def _wrong(site: Site, said: str, status: int) -> web.Response:
    content = page("wrong.html", {"parts": site.parts, "here": "", "said": said})
    return web.Response(text=content, content_type="text/html", status=status)


def _first(site: Site) -> Handler:
    async def first(request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(next(iter(site.parts)))

    return first


def _file(content: Callable[[], str], kind: str) -> Handler:
    async def file(request: web.Request) -> web.StreamResponse:
        return web.Response(text=content(), content_type=kind)

    return file


def _crawl(site: Site) -> Handler:
    async def crawl(request: web.Request) -> web.StreamResponse:
        looks = [(it.name, await asyncio.to_thread(it.look)) for it in site.harvests]
        values = {"parts": site.parts, "here": "/crawl", "looks": looks}
        return web.Response(text=page("crawl.html", values), content_type="text/html")

    return crawl
