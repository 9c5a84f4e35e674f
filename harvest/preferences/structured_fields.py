"""Reads a structured field dictionary (RFC 9651, section 3.2), the form of ``Content-Usage``.

    train-ai=n, search=y;until=@1767225600, "no key"

Servers write the field, so it is untrusted. A field that breaks the grammar anywhere is refused as
a whole, as the RFC asks. Parameters are checked, but nobody here uses them, so they are dropped.
"""

import base64
import re
from typing import Any


class Token(str):
    """A token such as ``n``; a quoted string is a plain ``str``."""

    __slots__ = ()


class FieldError(ValueError):
    """The field breaks the grammar."""


_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9:/!#$%&'*+\-.^_`|~]*")
_NUMBER = re.compile(r"-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_BOOLEAN = re.compile(r"\?([01])")
_DATE = re.compile(r"@(-?\d{1,15})(?![\d.])")
_DISPLAY = re.compile(r'%"((?:[ !#$&-~]|%[0-9a-f]{2})*)"')
_ESCAPED = re.compile(r'\\(["\\])')
_PERCENT = re.compile(r"%([0-9a-f]{2})")


def parse_dictionary(text: str) -> dict[str, Any]:
    """Return the members by key, each a ``Token``, text, number, bytes, bool, or list of them.

    A key that occurs several times has its last value. Raises ``FieldError``.
    """
    reader = _Reader(text.strip(" "))
    members: dict[str, Any] = {}
    while reader.left():
        key = reader.take(_KEY)[0]
        members.pop(key, None)
        members[key] = reader.member() if reader.skip("=") else reader.parameters(true=True)
        reader.blanks(" \t")
        if not reader.left():
            break
        if not reader.skip(","):
            raise FieldError(f"no comma after {key!r}")
        reader.blanks(" \t")
        if not reader.left():
            raise FieldError("a comma at the end")
    return members


class _Reader:
    """Reads the parts of a field from its start."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def left(self) -> bool:
        return self._at < len(self._text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise FieldError(f"not a valid field at character {self._at}")
        self._at = match.end()
        return match

    def skip(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def blanks(self, blanks: str = " ") -> None:
        while self.left() and self._text[self._at] in blanks:
            self._at += 1

    def member(self) -> Any:
        if not self.skip("("):
            value = self.item()
        else:
            value = []
            self.blanks()
            while not self.skip(")"):
                value.append(self.item())
                self.parameters()
                if not self._text.startswith((" ", ")"), self._at):
                    raise FieldError("no blank between the items of a list")
                self.blanks()
        self.parameters()
        return value

    def item(self) -> Any:
        start = self._text[self._at : self._at + 1]
        if start == '"':
            return _ESCAPED.sub(r"\1", self.take(_STRING)[1])
        if start == ":":
            # Section 4.2.7 lets a parser accept a text without its padding.
            written = self.take(_BYTES)[1].rstrip("=")
            try:
                return base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
            except ValueError:
                raise FieldError("bytes that are no base64") from None
        if start == "?":
            return self.take(_BOOLEAN)[1] == "1"
        if start == "@":
            return int(self.take(_DATE)[1])
        if start == "%":
            return _display_text(self.take(_DISPLAY)[1])
        if start.isascii() and (start.isalpha() or start == "*"):
            return Token(self.take(_TOKEN)[0])
        number = self.take(_NUMBER)[0]
        return float(number) if "." in number else int(number)

    def parameters(self, *, true: bool = False) -> bool:
        """Read the parameters behind a value; return ``true``, a value that is only its key."""
        while self.skip(";"):
            self.blanks()
            self.take(_KEY)
            if self.skip("="):
                self.item()
        return true


def _display_text(written: str) -> str:
    try:
        encoded = _PERCENT.sub(lambda found: chr(int(found[1], 16)), written).encode("latin-1")
        return encoded.decode("utf-8")
    except UnicodeDecodeError:
        raise FieldError("a display string that is not UTF-8") from None
