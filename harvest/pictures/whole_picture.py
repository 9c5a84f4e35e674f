"""Whether a JPEG holds its whole picture, told by decoding it to its end.

Half a picture that somebody closed with an end marker passes every look at its markers; a decoder
fills the rest with grey, and Pillow keeps the warning of libjpeg to itself. So the decoder is given
the data without the end marker: where the picture is not all there it asks for more, and that is
an error. A few bytes are added, because it reads ahead of what it needs; a cut of so few may pass.
A picture of several scans (a progressive one) is only decoded when its end is there: the last scan
is made longer instead, which changes a picture that lacked data, and no other.
"""

import io
import warnings

from PIL import Image

from flickr_emotion.harvest.pictures.jpeg import NotWholeError, scans

_END = b"\xff\xd9"
_READ_AHEAD = b"\xaa" * 8
_MORE = b"\x55\xaa" * 64


def check_whole(data: bytes) -> None:
    """Raise ``NotWholeError`` where a JPEG's data end before its picture does.

    The bytes have passed ``harvest.pictures.jpeg.dimensions``. It costs about half of a decoding.
    """
    count, end = scans(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if count == 1:
                _decoded(data[:end] + _READ_AHEAD, smallest=True)
                return
            picture = _decoded(data[:end] + _END)
            longer = _decoded(data[:end] + _MORE + _END)
        except Exception as error:  # Pillow's decoders raise what they like on broken input
            raise NotWholeError(f"JPEG does not hold its whole picture ({error})") from None
    if picture.tobytes() != longer.tobytes():
        raise NotWholeError("JPEG does not hold its whole picture")


def _decoded(data: bytes, *, smallest: bool = False) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        if smallest:  # an eighth of its edges: what is decoded to numbers is transformed to less
            picture.draft(picture.mode, (1, 1))
        picture.load()
        return picture.copy() if not smallest else picture
