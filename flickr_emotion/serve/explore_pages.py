"""Explore and Correct: the posts that a filter takes, one post, and what is wrong with it."""

import asyncio
from dataclasses import asdict
from typing import Any

import numpy as np
from aiohttp import web

from flickr_emotion.common.modalities import subset_in_words
from flickr_emotion.datasets.corrections.table import LONGEST_REASON, UNFIT, WRONG_LABEL
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.serve.explorer import Explorer, Found
from flickr_emotion.serve.filters import Filter, filter_of
from flickr_emotion.serve.rendering import page
from flickr_emotion.serve.site import Site

POSTS_AT_ONCE = 24
_TAKE_BACK = "nothing"
_JPEG = b"\xff\xd8\xff"
_TITLES = {"label": "Label", "split": "Split", "subset": "Modalities", "license": "Licence"}


def add(to: web.Application, site: Site, explorer: Explorer) -> None:
    """Add the pages to an application."""
    pages = _Pages(site, explorer)
    to.router.add_get("/explore", pages.explore)
    to.router.add_get(r"/post/{post:\d{1,12}}", pages.post)
    to.router.add_post(r"/post/{post:\d{1,12}}", pages.correct)
    to.router.add_get(r"/picture/{post:\d{1,12}}", pages.picture)


class _Pages:
    def __init__(self, site: Site, explorer: Explorer) -> None:
        self._site = site
        self._explorer = explorer

    async def explore(self, request: web.Request) -> web.Response:
        wanted = filter_of(request.query)
        given = request.query.get("from", "0")
        first = int(given) if given.isascii() and given.isdigit() and len(given) < 12 else 0
        content = await asyncio.to_thread(self._explored, wanted, first)
        return web.Response(text=content, content_type="text/html")

    def _explored(self, wanted: Filter, first: int) -> str:
        found = self._explorer.find(wanted)
        numbers = found.posts[first : first + POSTS_AT_ONCE].tolist()
        posts = self._contents(numbers)
        self._explorer.reader.will_show(numbers)
        more = first + POSTS_AT_ONCE < len(found.posts)
        return page(
            "explore.html",
            {
                **self._frame(),
                "wanted": wanted,
                "facets": self._facets(found, wanted),
                "count": len(found.posts),
                "all": len(self._explorer.index),
                "posts": posts,
                "address": wanted.address(),
                "more": wanted.address(**{"from": first + POSTS_AT_ONCE}) if more else None,
                "has_suspects": self._explorer.suspects is not None,
                "corrected": len(self._explorer.corrections.photo_ids()),
            },
        )

    async def post(self, request: web.Request) -> web.Response:
        number = self._number(request)
        content = await asyncio.to_thread(self._shown, number, filter_of(request.query))
        return web.Response(text=content, content_type="text/html")

    def _shown(self, number: int, wanted: Filter) -> str:
        (post,) = self._contents([number])
        self._explorer.reader.will_show([number])
        found = self._explorer.find(wanted).posts
        (place,) = np.nonzero(found == number)
        at = int(place[0]) if len(place) else None
        before = None if at is None or at == 0 else int(found[at - 1])
        after = None if at is None or at + 1 == len(found) else int(found[at + 1])
        return page(
            "post.html",
            {
                **self._frame(),
                "post": post,
                "classes": self._explorer.dataset.classes,
                "address": wanted.address(),
                "before": before,
                "after": after,
                "at": at,
                "count": len(found),
                "longest_reason": LONGEST_REASON,
                "wrong_label": WRONG_LABEL,
                "unfit": UNFIT,
                "take_back": _TAKE_BACK,
                "file": self._explorer.corrections.path.name,
            },
        )

    async def correct(self, request: web.Request) -> web.Response:
        number = self._number(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        await asyncio.to_thread(self._correct, number, form)
        query = filter_of(request.query).address()
        raise web.HTTPSeeOther(f"/post/{number}{'?' if query else ''}{query}")

    def _correct(self, number: int, form: dict[str, str]) -> None:
        (post,) = self._explorer.reader.posts([number])
        what = form.get("what", "")
        if what == _TAKE_BACK:
            self._explorer.corrections.unmark(post["photo_id"])
            return
        label = form.get("label", "") if what == WRONG_LABEL else ""
        if label and label not in self._explorer.dataset.classes:
            raise DatasetError(
                f"{label!r} is not a label of this data set: choose one of its labels"
            )
        self._explorer.corrections.mark(
            photo_id=post["photo_id"],
            what=what,
            was=post["label"],
            label=label,
            why=" ".join(form.get("why", "").split()),
        )

    async def picture(self, request: web.Request) -> web.Response:
        picture = await asyncio.to_thread(self._explorer.reader.picture, self._number(request))
        # A data set holds JPEGs. What else a stranger's holds is not sent to the browser.
        if picture is None or not picture.startswith(_JPEG):
            raise web.HTTPNotFound
        return web.Response(body=picture, content_type="image/jpeg")

    def _number(self, request: web.Request) -> int:
        number = int(request.match_info["post"])
        if number >= len(self._explorer.index):
            raise web.HTTPNotFound(reason="There is no such post.")
        return number

    def _contents(self, numbers: list[int]) -> list[dict[str, Any]]:
        """Return what templates show of posts."""
        index, suspects = self._explorer.index, self._explorer.suspects
        shown = []
        for number, post in zip(numbers, self._explorer.reader.posts(numbers), strict=True):
            photo_id = post["photo_id"]
            shown.append(
                {
                    **post,
                    "number": number,
                    "has_picture": "image" in post["modalities"].split("+"),
                    "split": index.facets["split"].name(number),
                    "licence": index.facets["license"].name(number),
                    "held": subset_in_words(post["modalities"]),
                    "correction": self._explorer.corrections.of(photo_id),
                    "suspicion": suspects.of(photo_id) if suspects else None,
                }
            )
        return shown

    def _facets(self, found: Found, wanted: Filter) -> list[dict[str, Any]]:
        chosen = asdict(wanted)
        return [
            {
                "name": name,
                "title": title,
                "chosen": chosen[name],
                "all": sum(found.counts[name].values()),
                "values": [
                    (value, subset_in_words(value) if name == "subset" else value, count)
                    for value, count in found.counts[name].items()
                    if count or value == chosen[name] or name in ("label", "split")
                ],
            }
            for name, title in _TITLES.items()
        ]

    def _frame(self) -> dict[str, Any]:
        name = self._explorer.dataset.folder.resolve().name
        return {"parts": self._site.parts, "here": "/explore", "dataset": name}
