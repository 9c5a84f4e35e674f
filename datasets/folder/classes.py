"""Checks the class names in the JSON files of data sets and runs, which others may have made."""

from flickr_emotion.common.names import LONGEST_NAME

MOST_CLASSES = 1000
"""With more different labels, the column of labels most likely holds ids or texts. The split also
takes time for each class."""


def class_names(value: object) -> tuple[str, ...]:
    """Return the class names that a JSON file holds.

    Raises ``ValueError`` unless ``value`` is a list of different valid names.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_CLASSES:
        raise ValueError(f"'classes' is not a list of 1 to {MOST_CLASSES} names")
    for name in value:
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            shown = ascii(name)[:50]
            raise ValueError(f"the class {shown} is not a name of 1 to {LONGEST_NAME} characters")
    if len(set(value)) < len(value):
        raise ValueError("'classes' holds a name twice")
    return tuple(value)
