"""Reproducible damage to untrusted input: bytes, JSON, and lines of a list.

A damage either happens in practice (a flipped bit, a cut, a repeated block, an edit in the wrong
encoding) or is meant to make a parser fail (numbers of a thousand digits, nesting, control
characters, another type).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Json = Any

_BYTES = (b"\0", b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b"\x1b[2J", b'"', b"9" * 5000, b"[" * 3000)
_VALUES: tuple[Json, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, "", "0", "1"),
    *(" ", "\ud800", "\0", "\x1b[31m", "é", "e\u0301", "ม้า", "👍🏽", "9" * 5000, "../../x", "NaN"),
    *({}, [], [[]], {"_content": None}, {"_content": {"_content": "x"}}, ["x", None, 3]),
    *(float("nan"), float("inf"), "video", "private", "1999-13-45 99:99:99", "x" * 100_000),
)


@dataclass
class Tally:
    """The results for the inputs of one target."""

    target: str
    inputs: int = 0
    read: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the results as a row of `docs/measurements.md`."""
        figures = (self.inputs, self.read, self.refused, len(self.crashes), len(self.wrong))
        return f"| {self.target} | " + " | ".join(f"{it:,}" for it in figures) + " |"

    def check(self) -> None:
        """Fail if a reader crashed or read something wrongly."""
        assert self.inputs == self.read + self.refused + len(self.crashes)
        assert self.read, "nothing was read: the damage is too much to say anything"
        assert not self.crashes, "\n".join([f"{self.target}: crashes", *self.crashes[:10]])
        assert not self.wrong, "\n".join([f"{self.target}: wrong outcomes", *self.wrong[:10]])


def damaged_bytes(random: Random, data: bytes, most: int = 3) -> bytes:
    """Return bytes with one to ``most`` damages."""
    out = bytearray(data)
    for _ in range(random.randint(1, most)):
        place = random.randrange(len(out) + 1)
        length = random.choice((1, 1, 2, 8, 64, 512))
        match random.randrange(7):
            case 0 if out:
                out[place % len(out)] ^= 1 << random.randrange(8)
            case 1:
                out[place : place + length] = random.randbytes(min(length, len(out) - place))
            case 2:
                del out[place : place + length]
            case 3:
                out[place:place] = out[place : place + length]
            case 4:
                out[place:place] = random.choice(_BYTES)
            case 5 if random.random() < 0.3:
                del out[place:]
            case _:
                other = random.randrange(len(out) + 1)
                out[place : place + length] = out[other : other + length]
    return bytes(out)


def damaged_json(random: Random, content: Json, most: int = 3) -> Json:
    """Return a JSON value with one to ``most`` damages."""
    content = copy.deepcopy(content)
    for _ in range(random.randint(1, most)):
        places = _places(content)
        if not places:
            break
        container, key = random.choice(places)
        match random.randrange(6):
            case 0:
                del container[key]
            case 1 | 2:
                container[key] = copy.deepcopy(random.choice(_VALUES))
            case 3:
                container[key] = _retyped(random, container[key])
            case 4:
                other, its_key = random.choice(places)
                container[key] = copy.deepcopy(other[its_key])
            case 5 if isinstance(container, dict):
                container[random.choice(("Id", "_content", "raw", f"{key} "))] = container.pop(key)
            case _:
                value = container[key]
                container[key] = value * 2 if isinstance(value, str | list) else [value]
    return content


def _retyped(random: Random, value: Json) -> Json:
    ways: list[Callable[[Json], Json]] = [lambda it: [it], lambda it: {"_content": it}, str]
    if isinstance(value, str) and value.isdecimal() and len(value) < 4000:
        ways.append(int)
    if isinstance(value, dict):
        ways.append(lambda it: list(it.values()))
    if isinstance(value, str | list):
        ways.append(lambda it: it[: len(it) // 2])
    return random.choice(ways)(value)


def _places(value: Json) -> list[tuple[Any, Any]]:
    """Yield every position in a JSON value, as its container and the key or index there."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        container = left.pop()
        if isinstance(container, dict):
            keys = list(container)
        elif isinstance(container, list):
            keys = list(range(len(container)))
        else:
            continue
        found += [(container, key) for key in keys]
        left += [container[key] for key in keys]
    return found


def damaged_lines(random: Random, lines: list[bytes], most: int = 4) -> tuple[bytes, list[bytes]]:
    """Return a file in which one to ``most`` lines are damaged, and the unchanged lines.

    Lines may also be lost or doubled. Damage never reaches an unchanged neighbour, since each line
    ends where it ended before.
    """
    kept: list[bytes] = []
    out: list[bytes] = []
    chosen = set(random.sample(range(len(lines)), min(random.randint(1, most), len(lines))))
    for number, line in enumerate(lines):
        if number not in chosen:
            kept.append(line)
            out.append(line)
            continue
        match random.randrange(4):
            case 0:  # A new line.
                out += [line, random.randbytes(random.choice((1, 20, 300))).replace(b"\n", b" ")]
                kept.append(line)
            case 1:
                kept += [line, line]
                out += [line, line]
            case _:
                out.append(damaged_bytes(random, line))
    end = random.choice((b"\n", b"\n", b"\r\n"))
    return end.join(out) + random.choice((end, b"")), kept
