"""The names of a data set's classes, as a data set or a run that others made gives them."""

from flickr_emotion.common.names import LONGEST_NAME

MOST_CLASSES = 1000
"""More are no classes: somebody gave ids or texts. Splits take time for each class."""


def class_names(value: object) -> tuple[str, ...]:
    """Return the names of classes from what a JSON file holds.

    Raises ``ValueError`` where it is no list of different names that a data set may have.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_CLASSES:
        raise ValueError(f"'classes' is no list of 1 to {MOST_CLASSES} names")
    for name in value:
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            shown = ascii(name)[:50]
            raise ValueError(f"the class {shown} is no name of 1 to {LONGEST_NAME} characters")
    if len(set(value)) < len(value):
        raise ValueError("'classes' holds a name twice")
    return tuple(value)
