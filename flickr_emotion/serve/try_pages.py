"""Try: a post as a reader gives it, the answer of a run, and what spoke for it.

What is given is read, answered and forgotten: nothing of it is written.
"""

import asyncio
import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from aiohttp import web
from PIL import Image

from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.common.modalities import subset_in_words
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError, open_picture
from flickr_emotion.datasets.pictures.rgb import upright_rgb
from flickr_emotion.datasets.sources.cells.tags import tags_of
from flickr_emotion.serve.networks import Networks
from flickr_emotion.serve.rendering import page
from flickr_emotion.serve.site import Site

if TYPE_CHECKING:
    from flickr_emotion.model.prediction.occlusion import Explanation, Part

_SHOWN_PIXELS = 480
_STEPS = 4
_LONGEST_TEXT = 20_000
_LEAST = 0.15
"""The share of the largest weight below which a part is not marked."""


def add(to: web.Application, site: Site, networks: Networks) -> None:
    """Add the page to an application."""
    pages = _Pages(site, networks)
    to.router.add_get("/try", pages.form)
    to.router.add_post("/try", pages.answer)


class _Pages:
    def __init__(self, site: Site, networks: Networks) -> None:
        self._site = site
        self._networks = networks

    async def form(self, request: web.Request) -> web.Response:
        """Show the empty form, or the post of the data set that the address names."""
        given = request.query.get("post", "")
        number = self._number(given)
        if number is None or self._site.explorer is None:
            return self._page()
        (post,) = await asyncio.to_thread(self._site.explorer.reader.posts, [number])
        return self._page(
            text=post["text"] or "",
            tags=", ".join(post["tags"]),
            of_post=given,
            own_picture="image" in post["modalities"].split("+"),
        )

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        image = form.get("image")
        raw = image.file.read() if isinstance(image, web.FileField) else b""
        text, tags = (str(form.get(name, ""))[:_LONGEST_TEXT] for name in ("text", "tags"))
        of_post = str(form.get("post", ""))
        number = self._number(of_post)
        if not raw and number is not None and self._site.explorer is not None:
            held = await asyncio.to_thread(self._site.explorer.reader.picture, number)
            raw = held or b""
        run = str(form.get("run", ""))
        shown: dict[str, Any] = {"text": text, "tags": tags, "run": run}
        if number is not None:
            shown |= {"of_post": of_post, "own_picture": bool(raw)}
        try:
            found = await asyncio.to_thread(self._explained, run, raw, text, tags)
        except ToolkitError as error:
            return self._page(**shown, said=str(error))
        return self._page(**shown, answer=found)

    def _number(self, given: str) -> int | None:
        """Return the post of the data set that is named; None if there is none such."""
        explorer = self._site.explorer
        if explorer is None or not (given.isascii() and given.isdigit() and len(given) < 12):
            return None
        return int(given) if int(given) < len(explorer.index) else None

    def _explained(self, run: str, image: bytes, text: str, tags: str) -> dict[str, Any]:
        from flickr_emotion.model.prediction.occlusion import explain

        if not (image or text.strip() or tags.strip()):
            raise DatasetError("The post is empty: give a picture, a text or tags, or several.")
        found = explain(
            self._networks.predictor(run),
            image=image or None,
            text=text if text.strip() else None,
            tags=tags_of(tags) if tags.strip() else None,
        )
        return _shown(found, image)

    def _page(self, **given: Any) -> web.Response:
        values = {
            "parts": self._site.parts,
            "here": "/try",
            "runs": self._networks.names,
            "run": "",
            "text": "",
            "tags": "",
            "of_post": "",
            "own_picture": False,
            "said": None,
            "answer": None,
        }
        content = page("try.html", values | given)
        return web.Response(text=content, content_type="text/html")


def _shown(found: "Explanation", image: bytes) -> dict[str, Any]:
    """Return what the template shows of an answer."""
    answer = found.answer
    ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])
    regions = None
    if found.regions is not None and (picture := _small(image)) is not None:
        largest = max(float(np.abs(found.regions).max()), 1e-9)
        regions = {
            "picture": picture,
            "squares": [
                {"row": row, "column": column, "share": round(float(weight) / largest, 3)}
                for (row, column), weight in np.ndenumerate(found.regions)
                if abs(weight) >= _LEAST * largest
            ],
            "side": len(found.regions),
        }
    return {
        "label": answer.label,
        "subset": subset_in_words(answer.subset),
        "probabilities": ranked,
        "heads": [
            (subset_in_words(subset), opinion.label, opinion.probability, subset == answer.subset)
            for subset, opinion in answer.heads.items()
        ],
        "words": _marked(found.words),
        "tags": _marked(found.tags),
        "telling": _telling([*found.words, *found.tags]),
        "regions": regions,
    }


def _marked(parts: "Sequence[Part]") -> list[dict[str, Any]]:
    """Return parts with a class that says how much they spoke for or against the answer."""
    largest = max((abs(it.weight) for it in parts if it.weight is not None), default=0) or 1.0
    shown = []
    for it in parts:
        share = (it.weight or 0) / largest
        step = round(abs(share) * _STEPS) if abs(share) >= _LEAST else 0
        css = f"{'for' if share > 0 else 'against'}-{step}" if step else ""
        shown.append({"text": it.text, "css": css, "odds": it.odds})
    return shown


def _telling(parts: "Sequence[Part]") -> "list[Part]":
    """Return the words and tags that spoke most for the answer."""
    judged = [it for it in parts if it.weight is not None and it.weight > 0]
    return sorted(judged, key=lambda it: -(it.weight or 0))[:5]


def _small(image: bytes) -> str | None:
    """Return a picture as an address that holds it, shrunk and encoded anew."""
    try:
        with open_picture(image) as opened:
            picture = upright_rgb(opened)
    except UnreadablePictureError:
        return None
    picture.thumbnail((_SHOWN_PIXELS, _SHOWN_PIXELS), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
