"""The rule for names of labels, pairs and classes: short, and only printable characters.

A name from a list becomes a class of a data set, a row of its card, a column of predictions and a
search term, so it must not be a page of text or contain control characters.
"""

LONGEST_NAME = 100
"""Largest number of characters in the name of a label, a pair or a class."""


def is_name(text: str) -> bool:
    """Return whether a text may be the name of a label, a pair or a class."""
    return len(text) <= LONGEST_NAME and text.isprintable() and bool(text.strip())


def no_name(what: str, text: str) -> str:
    """Return an error message for a text that is not a valid name, in one printable line."""
    shown = ascii(text[:50]) + ("..." if len(text) > 50 else "")
    return f"{what} {shown} is not a valid name: give 1 to {LONGEST_NAME} characters that print"
