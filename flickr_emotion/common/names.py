"""How labels, pairs and classes may be named: short, and in characters that print.

A name from a list becomes a class of a data set, a row of its card, a column of a prediction and a
word of a search; none of these is the place for a page of text or for a control character.
"""

LONGEST_NAME = 100
"""Characters of a label, a pair or a class."""


def is_name(text: str) -> bool:
    """Whether a label, a pair or a class may be called so."""
    return len(text) <= LONGEST_NAME and text.isprintable() and bool(text.strip())


def no_name(what: str, text: str) -> str:
    """Return what is wrong with a name and what to do, on one line that prints."""
    shown = ascii(text[:50]) + ("..." if len(text) > 50 else "")
    return f"{what} {shown} is no name: give 1 to {LONGEST_NAME} characters that print"
