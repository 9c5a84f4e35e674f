"""Makes untrusted text safe to show: on a terminal, in a log, on a card, on a page.

Names of files, labels, classes, texts and tags come from others. An escape sequence in one of them
could control the terminal, a direction mark could reverse a line, and a line break could forge a
line of output. The command line passes every line through ``printable`` before printing it. The
cells of tables and pages are passed one by one, because a line break in a cell could not be told
from one between rows afterwards.
"""

import sys


def printable(text: str) -> str:
    """Return a text in one line: white space becomes spaces, unprintable characters U+FFFD.

    Unprintable are control characters, direction marks and other invisible characters, lone
    surrogates and unassigned characters.
    """
    if text.isprintable():  # most texts are
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd"
        for character in text
    )


def printable_lines(text: str) -> str:
    """Apply ``printable`` to each line of a text."""
    return "\n".join(map(printable, text.split("\n")))


def markdown_cell(text: str) -> str:
    """Return a text as a cell of a Markdown table; it can neither end the cell nor add markup."""
    shown = printable(text).replace("\\", "\\\\").replace("|", "\\|")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")


def say(line: str) -> None:
    """Print a message for people, one line, to standard error."""
    print(printable(line), file=sys.stderr, flush=True)
