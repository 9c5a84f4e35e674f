"""Check by decoding whether a JPEG contains its complete picture.

Half a picture with an end marker has all its markers. A decoder fills the missing part with grey,
and Pillow does not pass on libjpeg's warning. So the decoder is given the data without the end
marker: if the picture is incomplete, it asks for more data, and that raises an error. A few bytes
are added because the decoder reads ahead, so a cut of only these few bytes is not noticed. A
picture with several scans (a progressive one) is only decoded if its end is there. Instead, its
last scan is made longer: this changes the result only if data were missing.
"""

import io
import warnings

from PIL import Image

from flickr_emotion.harvest.pictures.jpeg import NotWholeError, scans

_END = b"\xff\xd9"
_READ_AHEAD = b"\xaa" * 8
_MORE = b"\x55\xaa" * 64


def check_whole(data: bytes) -> None:
    """Raise ``NotWholeError`` if a JPEG's data end before its picture does.

    The bytes must have passed ``harvest.pictures.jpeg.dimensions``. This takes about half as long
    as decoding the picture.
    """
    count, end = scans(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if count == 1:
                _decoded(_without_end(data, end), smallest=True)
                return
            picture = _decoded(data[:end] + _END)
            longer = _decoded(data[:end] + _MORE + _END)
        except Exception as error:  # Pillow's decoders raise many types on broken input.
            raise NotWholeError(f"JPEG does not hold its whole picture ({error})") from None
    if picture.tobytes() != longer.tobytes():
        raise NotWholeError("JPEG does not hold its whole picture")


def without_end(data: bytes) -> bytes | None:
    """Return a JPEG that can only be decoded if it is whole; None for one with several scans.

    A caller that decodes the result needs no other check that it is whole.
    Raises ``NotWholeError`` if there is no end.
    """
    count, end = scans(data)
    return _without_end(data, end) if count == 1 else None


def _without_end(data: bytes, end: int) -> bytes:
    return data[:end] + _READ_AHEAD


def _decoded(data: bytes, *, smallest: bool = False) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        if smallest:  # An eighth of each edge: all data are read, but fewer pixels are computed.
            picture.draft(picture.mode, (1, 1))
        picture.load()
        return picture.copy() if not smallest else picture
