"""Small ICC profiles, written by hand: no tool that is installed makes any but sRGB's."""

import struct

import numpy as np

# Primaries in the profile connection space (D50), from the standards.
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_WHITE = (0.9642, 1.0, 0.8249)


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def _profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_WHITE), **tags}
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    head = struct.pack(
        ">I4sI4s4s4s", 132 + len(table) - 4 + len(body), b"", 0x02100000, kind, space, pcs
    )
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + _fixed(*_WHITE)
    return head.ljust(128, b"\0") + table + body


def _curve(shades: np.ndarray) -> bytes:
    values = (shades * 65535).round().astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + values.tobytes()


def gamma(power: float) -> np.ndarray:
    """Shades of a power."""
    return np.linspace(0, 1, 1024) ** power


def srgb_curve() -> np.ndarray:
    """The shades of sRGB."""
    at = np.linspace(0, 1, 1024)
    return np.where(at <= 0.04045, at / 12.92, ((at + 0.055) / 1.055) ** 2.4)


def rgb_profile(primaries: tuple[tuple[float, ...], ...], shades: np.ndarray) -> bytes:
    """A profile of three primaries with the same curve."""
    tags = {}
    for name, primary in zip(b"rgb", primaries, strict=True):
        tags[bytes([name]) + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*primary)
        tags[bytes([name]) + b"TRC"] = _curve(shades)
    return _profile(b"RGB ", b"XYZ ", b"mntr", tags)


def grey_profile(shades: np.ndarray) -> bytes:
    """A profile of greys."""
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": _curve(shades)})


def cmyk_profile(lightness: float) -> bytes:
    """A printer whose inks, cyan, magenta and yellow, all print the same grey; black is black."""
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += bytes(range(256)) * 4
    for inks in np.ndindex(2, 2, 2, 2):
        shade = 0 if inks[3] else (lightness if any(inks) else 100)
        table += bytes([round(shade * 2.55), 128, 128])
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": table + bytes(range(256)) * 3})
