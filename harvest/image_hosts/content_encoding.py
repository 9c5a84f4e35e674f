"""Undo a ``Content-Encoding`` that a host adds to a picture although none was accepted.

The bytes are untrusted, so no more is unpacked than a picture may have.
"""

import zlib

from flickr_emotion.harvest.pace.retry import TransientError

_ENDED = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")
# Window bits of zlib: a gzip or zlib header is detected automatically; some hosts send neither.
_ANY_HEADER, _NO_HEADER = 47, -15


def decoded(body: bytes, encoding: str, *, largest: int) -> bytes:
    """Return a body without its ``Content-Encoding``, of at most ``largest`` + 1 bytes.

    Raises ``TransientError`` if it cannot be undone.
    """
    # Some hosts name an encoding and use none.
    if not encoding or encoding == "identity" or body.startswith(_ENDED):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise TransientError(f"sent with Content-Encoding {encoding[:20]}, which was not asked for")
    for window in (_ANY_HEADER, _NO_HEADER):
        unpacker = zlib.decompressobj(window)
        try:
            unpacked = unpacker.decompress(body, largest + 1)
        except zlib.error:
            continue
        if len(unpacked) <= largest and not unpacker.eof:
            break
        return unpacked
    raise TransientError(f"sent with Content-Encoding {encoding}, which cannot be undone")
