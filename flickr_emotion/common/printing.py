"""What others wrote, as it may be shown: on a terminal, in a log, on a card, on a page.

Names of files, labels, classes, texts and tags come from strangers. An escape sequence in one of
them would steer the terminal, a mark of direction would turn a line around, a line break would
forge a line of ours. The command line sends every line through here before it is printed; what
stands in a table or on a page goes through here cell by cell, where a line break would not be seen
as one any more.
"""

import sys


def printable(text: str) -> str:
    """Return a text on one line: white space becomes spaces, what does not print U+FFFD.

    Not printed are control characters, marks of direction and other invisible characters, half
    surrogates and characters that no Unicode version has.
    """
    if text.isprintable():  # as most are
        return text
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd"
        for character in text
    )


def printable_lines(text: str) -> str:
    """Return a text of several lines, each as ``printable`` has it."""
    return "\n".join(map(printable, text.split("\n")))


def markdown_cell(text: str) -> str:
    """Return a text as a cell of a Markdown table, which it can neither end nor add markup to."""
    shown = printable(text).replace("\\", "\\\\").replace("|", "\\|")
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")


def say(line: str) -> None:
    """Print a message for people, one line, to standard error."""
    print(printable(line), file=sys.stderr, flush=True)
