"""Makes untrusted text safe to show: on a terminal, in a log, on a card, on a page.

Names of files, labels, classes, texts and tags come from others. An escape sequence in one of them
could control the terminal, a direction mark could reverse a line, and a line break could forge a
line of output. The command line passes every line through ``printable`` before printing it. The
cells of tables and pages are passed one by one, because a line break in a cell could not be told
from one between rows afterwards.
"""

import re
import sys
import unicodedata

# These join the parts of an emoji, and letters of Persian and Indian scripts.
_JOINERS = "\u200c\u200d"
# The flags of England, Scotland and Wales: a black flag, a name in invisible letters, an end.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")


def printable(text: str) -> str:
    """Return a text in one line: white space becomes spaces, unprintable characters U+FFFD.

    Unprintable are control characters, direction marks and other invisible characters, lone
    surrogates and unassigned characters. What joins the parts of an emoji or two letters beyond
    ASCII stays.
    """
    if text.isprintable():  # most texts are
        return text
    flags = {n for flag in _FLAG.finditer(text) for n in range(*flag.span())}
    return "".join(
        character
        if character.isprintable()
        or (character in _JOINERS and _joins(text[max(place - 1, 0) : place + 2]))
        or place in flags
        else " "
        if character.isspace()
        else "\ufffd"
        for place, character in enumerate(text)
    )


def _joins(three: str) -> bool:
    """Return whether a joiner stands between two characters beyond ASCII that print."""
    return len(three) == 3 and all(it.isprintable() and not it.isascii() for it in three[::2])


def shortened(text: str, most: int) -> str:
    """Return at most about ``most`` characters of a text, without cutting an emoji or a letter."""
    if len(text) <= most:
        return text
    while most > 1 and _continues(text, most):
        most -= 1
    return text[:most].rstrip() + " ..."


def _continues(text: str, place: int) -> bool:
    """Return whether the character at a place belongs to the one before it."""
    here, before = text[place], text[place - 1]
    return (
        unicodedata.category(here).startswith("M")
        or here in _JOINERS
        or before in _JOINERS
        or "\U0001f3fb" <= here <= "\U0001f3ff"  # colours of skin
        or "\U000e0020" <= here <= "\U000e007f"
        or (_is_letter_of_flag(here) and _letters_of_flag_before(text, place) % 2 == 1)
    )


def _is_letter_of_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _letters_of_flag_before(text: str, place: int) -> int:
    count = 0
    while count < place and _is_letter_of_flag(text[place - 1 - count]):
        count += 1
    return count


def printable_lines(text: str) -> str:
    """Apply ``printable`` to each line of a text."""
    return "\n".join(map(printable, text.split("\n")))


# An underscore within a word is none of Markdown's.
_EMPHASIS = re.compile(r"[*~]|(?<![^\W_])_|_(?![^\W_])")


def markdown_cell(text: str) -> str:
    """Return a text as a cell of a Markdown table; it can neither end the cell nor add markup."""
    shown = _EMPHASIS.sub(r"\\\g<0>", printable(text).replace("\\", "\\\\").replace("|", "\\|"))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")


def say(line: str) -> None:
    """Print a message for people, one line, to standard error."""
    print(printable(line), file=sys.stderr, flush=True)
