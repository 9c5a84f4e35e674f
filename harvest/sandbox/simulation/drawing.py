"""Draw the simulation's pictures, with the colours, contrast, shapes and texture of an emotion.

Like a text, a picture follows a cue: an emotion, or none, in which case all choices are random. It
is drawn on first use, which takes a few milliseconds, so that the simulation starts at once.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Shape = Callable[[ImageDraw.ImageDraw, Random, tuple[int, int], Colour], None]


def _discs(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, y, r = random.randrange(size[0]), random.randrange(size[1]), random.randint(8, size[1] // 6)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _spikes(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, y, r = random.randrange(size[0]), random.randrange(size[1]), size[1] // 3
    corners = [(x + random.randint(-r, r), y + random.randint(-r, r)) for _ in range(3)]
    draw.polygon(corners, fill=colour)


def _peaks(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, top, half = (
        random.randrange(size[0]),
        random.randint(size[1] // 5, size[1] * 3 // 5),
        size[0] // 3,
    )
    draw.polygon([(x - half, size[1]), (x, top), (x + half, size[1])], fill=colour)


def _bands(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    y, thick = random.randrange(size[1]), random.randint(10, size[1] // 5)
    draw.rectangle((0, y, size[0], y + thick), fill=colour)


def _blots(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, y = random.randrange(size[0]), random.randrange(size[1])
    for _ in range(4):
        dx, dy, r = random.randint(-20, 20), random.randint(-20, 20), random.randint(4, 24)
        draw.ellipse((x + dx - r, y + dy - r, x + dx + r, y + dy + r), fill=colour)


def _streaks(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, y, length = random.randrange(size[0]), random.randrange(size[1]), size[0] // 3
    draw.line((x, y, x + length, y - length), fill=colour, width=random.randint(2, 9))


def _bars(draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour) -> None:
    x = random.randrange(size[0])
    draw.line((x, 0, x + random.randint(-12, 12), size[1]), fill=colour, width=random.randint(2, 7))


def _drops(
    draw: ImageDraw.ImageDraw, random: Random, size: tuple[int, int], colour: Colour
) -> None:
    x, y = random.randrange(size[0]), random.randrange(size[1])
    draw.line((x, y, x, y + random.randint(10, size[1] // 4)), fill=colour, width=2)


@dataclass(frozen=True)
class Style:
    """How an emotion is drawn."""

    ground: tuple[Colour, ...]
    """The two colours of the background's gradient."""
    ink: tuple[Colour, ...]
    shape: Shape
    shapes: int
    """The approximate number of shapes."""
    grain: int
    """The standard deviation of the texture, in steps of brightness."""


STYLES: Mapping[str, Style] = {
    "amusement": Style(
        ((255, 214, 64), (255, 150, 190)), ((40, 160, 230), (230, 60, 120)), _discs, 18, 6
    ),
    "anger": Style(((120, 12, 8), (30, 8, 8)), ((235, 40, 20), (10, 4, 4)), _spikes, 12, 28),
    "awe": Style(((60, 110, 200), (250, 190, 130)), ((60, 70, 110), (110, 120, 160)), _peaks, 4, 8),
    "contentment": Style(
        ((200, 225, 180), (250, 235, 200)), ((140, 180, 130), (225, 205, 160)), _bands, 6, 3
    ),
    "disgust": Style(
        ((110, 110, 40), (70, 62, 30)), ((150, 160, 50), (50, 40, 20)), _blots, 22, 24
    ),
    "excitement": Style(
        ((70, 10, 120), (250, 80, 20)), ((255, 240, 60), (60, 240, 250)), _streaks, 24, 12
    ),
    "fear": Style(((12, 14, 18), (36, 42, 46)), ((70, 78, 80), (2, 2, 4)), _bars, 12, 14),
    "sadness": Style(
        ((110, 122, 138), (70, 80, 98)), ((150, 160, 175), (60, 66, 80)), _drops, 40, 5
    ),
}


@dataclass(frozen=True, kw_only=True)
class DrawnPicture:
    """A picture that is determined by its seed and cue."""

    seed: str
    cue: str | None
    size: tuple[int, int]

    def jpeg(self) -> bytes:
        """Return the JPEG file, which is drawn at the first call and then kept."""
        return self._drawn

    @cached_property
    def _drawn(self) -> bytes:
        random = Random(self.seed)
        style = STYLES[self.cue] if self.cue else _chance_style(random)
        image = _ground(random, style, self.size)
        draw = ImageDraw.Draw(image)
        for _ in range(random.randint(style.shapes // 2, style.shapes * 3 // 2)):
            style.shape(draw, random, self.size, _near(random, random.choice(style.ink), 20))
        written = io.BytesIO()
        image.save(written, "JPEG", quality=85)
        return written.getvalue()


def _chance_style(random: Random) -> Style:
    """Return a style without information: parts of random emotions, and random colours."""
    styles = list(STYLES.values())

    def colour() -> Colour:
        return random.randrange(256), random.randrange(256), random.randrange(256)

    form, grained = random.choice(styles), random.choice(styles)
    return Style((colour(), colour()), (colour(), colour()), form.shape, form.shapes, grained.grain)


def _near(random: Random, colour: Colour, spread: int) -> Colour:
    red, green, blue = (min(max(c + random.randint(-spread, spread), 0), 255) for c in colour)
    return red, green, blue


def _ground(random: Random, style: Style, size: tuple[int, int]) -> Image.Image:
    """Return a gradient of two colours with the style's grain, enlarged from a small image."""
    noise = np.random.default_rng(random.getrandbits(64))
    top, bottom = (np.array(_near(random, colour, 24), dtype=float) for colour in style.ground)
    slope = np.linspace(0.0, 1.0, 48)[:, None, None]
    small = top * (1 - slope) + bottom * slope + np.zeros((48, 64, 3))
    small += noise.normal(0.0, style.grain, (48, 64, 1))
    image = Image.fromarray(np.clip(small, 0, 255).astype(np.uint8))
    return image.resize(size, Image.Resampling.BILINEAR)
