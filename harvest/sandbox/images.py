"""The image servers: `/{server}/{id}_{secret}[_{suffix}].jpg` in the size of the suffix."""

import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from struct import pack
from typing import Final

from PIL import Image

from flickr_emotion.harvest.sandbox.corpus import Source
from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.wire import Response

PLACEHOLDER_PATH: Final = "/images/photo_unavailable.png"
PLACEHOLDER_BYTES: Final = 2051
_EDGES: Final = {
    "s": ("Square", 75), "q": ("Large Square", 150), "t": ("Thumbnail", 100), "m": ("Small", 240),
    "n": ("Small 320", 320), "w": ("Small 400", 400), "": ("Medium", 500),
    "z": ("Medium 640", 640), "c": ("Medium 800", 800), "b": ("Large", 1024),
    "h": ("Large 1600", 1600), "k": ("Large 2048", 2048),
}  # fmt: skip
_SQUARE: Final = ("s", "q")
_OWN_SECRET: Final = ("h", "k", "o")
_PATH = re.compile(r"/(\d+)/(\d+)_([0-9a-zA-Z]+)(?:_([a-z]))?\.jpg")


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size of a picture: its suffix, its label in getSizes, and its pixels."""

    suffix: str
    label: str
    width: int
    height: int


def named_secret(post: Post, suffix: str) -> str:
    """Return the secret in the file name of a size; h, k and the original have separate ones."""
    if suffix not in _OWN_SECRET:
        return post.secret
    return f"{derived('secret', suffix, post.photo_id, post.secret):016x}"[:10]


def _fitted(post: Post, suffix: str) -> tuple[int, int]:
    width, height = post.size
    edge = _EDGES[suffix][1]
    if suffix in _SQUARE:
        edge = min(edge, width, height)
        return edge, edge
    scale = min(edge / max(width, height), 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def sizes(post: Post) -> list[Size]:
    """Return the sizes that Flickr keeps: all below the original, the medium size, the original."""
    kept = [
        Size(suffix=suffix, label=label, width=width, height=height)
        for suffix, (label, edge) in _EDGES.items()
        if suffix == "" or edge < max(post.size)
        for width, height in (_fitted(post, suffix),)
    ]
    width, height = post.size
    return [*kept, Size(suffix="o", label="Original", width=width, height=height)]


class ImageServer:
    """Answers requests for the pictures of a corpus."""

    def __init__(self, corpus: Source) -> None:
        self._corpus = corpus
        self._scaled = lru_cache(maxsize=256)(_scaled)

    def answer(self, path: str) -> tuple[Response, str | None]:
        """Return the answer, with the photo's id if it contains the photo's picture."""
        if path == PLACEHOLDER_PATH:
            return Response(200, placeholder(), "image/png"), None
        asked = _PATH.fullmatch(path)
        if asked is None:
            return Response(404, b""), None
        server, photo_id, secret, suffix = asked.groups(default="")
        post = self._corpus.get(photo_id)
        if suffix not in _EDGES and suffix != "o":
            return Response(404, b""), None
        if post is None or (server, secret) != (post.server, named_secret(post, suffix)):
            return Response(404, b"Not Found\n"), None
        if post.status == "deleted":
            return Response(410, b"Gone\n"), None
        if post.status == "private":
            return Response(403, b"Forbidden\n"), None
        if post.status == "placeholder":
            return Response(302, headers=f"Location: {PLACEHOLDER_PATH}\r\n"), None
        # Flickr has no file for sizes larger than the photo.
        if suffix and suffix not in {size.suffix for size in sizes(post)}:
            return Response(404, b"Not Found\n"), None
        fits = suffix == "o" or (suffix not in _SQUARE and max(post.size) <= _EDGES[suffix][1])
        body = post.jpeg() if fits else self._scaled(post, suffix)
        tag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        headers = (
            "Cache-Control: public, max-age=31536000\r\n"
            f'ETag: "{tag}"\r\n'
            f"Last-Modified: {formatdate(post.date_upload, usegmt=True)}\r\n"
            + "".join(f"{field}\r\n" for field in post.headers)
        )
        return Response(200, body, "image/jpeg", headers), photo_id


def troubled(kind: str) -> Response:
    """Return the answer of a host in trouble; `kind` is one of TROUBLE_KINDS."""
    said = kind.removeprefix("image-")
    if said == "placeholder":
        return Response(302, headers=f"Location: {PLACEHOLDER_PATH}\r\n")
    if said == "page":
        return Response(200, b"<!DOCTYPE html><title>Flickr is having a massage</title>")
    return Response(int(said), b"")


def _scaled(post: Post, suffix: str) -> bytes:
    """Return the picture scaled down to a size; the two smallest are cropped to squares first."""
    width, height = _fitted(post, suffix)
    with Image.open(io.BytesIO(post.jpeg())) as picture:
        picture.draft("RGB", (width, height))
        image = picture.convert("RGB")
    if suffix in _SQUARE:
        edge = min(image.size)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        image = image.crop((left, top, left + edge, top + edge))
    written = io.BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(written, "JPEG", quality=85)
    return written.getvalue()


@lru_cache(maxsize=1)
def placeholder() -> bytes:
    """Return a stand-in for `photo_unavailable.png`: a PNG of the same 2,051 bytes in size."""
    written = io.BytesIO()
    Image.new("P", (500, 374), 0).save(written, "PNG")
    image = written.getvalue()
    end = len(image) - 12  # Before the last chunk, IEND.
    comment = b"Comment\0".ljust(PLACEHOLDER_BYTES - len(image) - 12, b" ")
    chunk = pack(">I", len(comment)) + b"tEXt" + comment
    chunk += pack(">I", zlib.crc32(b"tEXt" + comment))
    return image[:end] + chunk + image[end:]
