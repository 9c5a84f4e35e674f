"""Check without decoding whether a JPEG is complete.

A broken download is most often half a picture: it starts correctly, decodes with a grey lower part,
and would get into a data set unnoticed. So the header's segments are followed to the dimensions and
to the scan data, and the scans to the end marker. ``harvest.pictures.whole_picture`` checks whether
the data between the markers are complete.
"""

import re

# Start-of-frame markers hold the dimensions; C4, C8 and CC are other tables.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_END_OF_IMAGE = b"\xff\xd9"
# In a scan a data byte FF is followed by 00, and restart markers separate its parts.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xff\x01\xd0-\xd7]")


class NotWholeError(ValueError):
    """The bytes are not a JPEG, or only a part of one."""


def dimensions(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a complete JPEG.

    Raises ``NotWholeError`` with the reason if the bytes are not a JPEG or end too early
    (ITU-T T.81, annex B).
    """
    if data[:3] != b"\xff\xd8\xff":
        raise NotWholeError("no JPEG")
    size: tuple[int, int] | None = None
    position, length = 2, len(data)
    while position + 4 <= length:
        if data[position] != 0xFF:
            raise NotWholeError("broken JPEG header")
        marker = data[position + 1]
        if marker == 0xFF:  # Padding before a marker.
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker == _START_OF_SCAN:
            break
        else:
            if marker in _START_OF_FRAME and position + 9 <= length:
                height = int.from_bytes(data[position + 5 : position + 7], "big")
                width = int.from_bytes(data[position + 7 : position + 9], "big")
                size = (width, height)
            position += 2 + (data[position + 2] << 8 | data[position + 3])
    if size is None or 0 in size or position + 4 > length:
        raise NotWholeError("JPEG ends in its header")
    if not _reaches_its_end(data, position):
        raise NotWholeError("JPEG ends early")
    return size


def scans(data: bytes) -> tuple[int, int]:
    """Return the number of scans of a JPEG with all its markers, and the position of its end.

    Raises ``NotWholeError`` if there is no end marker.
    """
    position, count = _first_scan(data), 0
    while position + 4 <= len(data):
        marker = data[position + 1]
        if marker == _END_OF_IMAGE[1]:
            return count, position
        count += marker == _START_OF_SCAN
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        found = _MARKER_IN_SCAN.search(data, position + 2 + length)
        if not found:
            break
        position = found.start()
        if data[position + 1] == _END_OF_IMAGE[1]:
            return count, position
    raise NotWholeError("JPEG ends early")


def _first_scan(data: bytes) -> int:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _START_OF_SCAN:
            return position
        if marker == 0xFF:
            position += 1
        elif marker in _STANDALONE:
            position += 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise NotWholeError("JPEG ends in its header")


def _reaches_its_end(data: bytes, position: int) -> bool:
    """Whether the end marker follows the scan that starts at ``position``."""
    # Nearly every complete picture ends with the marker, and a scan that was cut never does.
    if data.endswith(_END_OF_IMAGE):
        return True
    # Either more bytes follow the end marker or it is missing. Tables between the scans of a
    # progressive picture may contain the same two bytes, so skip them.
    while position + 4 <= len(data):
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        found = _MARKER_IN_SCAN.search(data, position + 2 + length)
        if not found:
            return False
        position = found.start()
        if data[position + 1] == _END_OF_IMAGE[1]:
            return True
    return False
