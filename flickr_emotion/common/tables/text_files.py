"""Reads text files line by line, in the encoding that they are in."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.common.tables.containers import opened
from flickr_emotion.common.tables.encodings import check_encoding, decide_encoding
from flickr_emotion.common.tables.table import TableError

LONGEST_LINE = 2**23
"""Characters of a line; an unclosed quote, and what is no text, exceed this."""


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A text file, or a text in an archive."""

    path: Path
    member: str | None
    encoding: str
    notes: tuple[str, ...]
    lenient: bool = False
    """Whether bytes that are not of the encoding become U+FFFD."""

    def lines(self, *, cut: int | None = None) -> Iterator[str]:
        """Yield the lines with their ends.

        Raises ``TableError`` for a line longer than ``LONGEST_LINE``; with ``cut``, only that many
        characters of a longer line are kept. Also for bytes that are not of the encoding.
        """
        number = 0
        errors = "replace" if self.lenient else "strict"
        with opened(self.path, self.member) as raw:
            text = io.TextIOWrapper(raw, encoding=self.encoding, errors=errors, newline="")
            try:
                while line := text.readline(cut or LONGEST_LINE + 1):
                    number += 1
                    if cut is None and len(line) > LONGEST_LINE:
                        raise TableError(
                            f"{self.path}, line {number}, is longer than {LONGEST_LINE:,} "
                            "characters: look for an unclosed quote"
                        )
                    rest = line
                    while cut and len(rest) == cut and rest[-1] not in "\r\n":
                        rest = text.readline(cut)
                    yield line
            except UnicodeError as error:
                raise TableError(
                    f"{self.path} cannot be read as {self.encoding.removesuffix('-sig')}, "
                    f"after line {number} ({getattr(error, 'reason', error)}): name another "
                    "encoding with --encoding"
                ) from None
            finally:
                text.detach()


def open_text(
    path: Path, *, member: str | None = None, encoding: str | None = None, lenient: bool = False
) -> TextFile:
    """Open a text file; ``encoding`` overrules what its bytes say.

    Raises ``TableError`` if it is not a text or the encoding is unknown, ``OSError`` if the file
    cannot be read.
    """
    note = None
    if encoding is not None:
        chosen = check_encoding(encoding)
    else:
        chosen, note = decide_encoding(path, lambda: opened(path, member), lenient=lenient)
    return TextFile(
        path=path,
        member=member,
        encoding=chosen,
        notes=(note,) if note else (),
        lenient=lenient,
    )
