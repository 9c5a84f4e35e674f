"""Find the columns of a table that stand for classes: votes for each, or a 1 for the label.

Tables have other numbers too, such as the width of a picture. So columns count as classes only if
their names are emotions or sentiments, or say so, or if exactly one of them is 1 in every row.
"""

from collections.abc import Mapping, Sequence

from flickr_emotion.harvest.lists.cells import is_vote, vote_of

_KNOWN = frozenset(
    {
        *("amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"),
        *("joy", "happiness", "surprise", "trust", "anticipation", "love", "contempt", "neutral"),
        *("positive", "negative", "happy", "sad", "angry", "afraid", "disgusted", "surprised"),
        *("boredom", "interest", "pride", "shame", "guilt", "relief", "serenity", "calmness"),
        *("ecstasy", "admiration", "terror", "amazement", "grief", "loathing", "rage", "vigilance"),
        *("acceptance", "apprehension", "distraction", "pensiveness", "annoyance", "nostalgia"),
        *("other", "none", "something_else"),
    }
)
_PREFIXES = ("votes_", "vote_", "label_", "class_", "emotion_")
_SUFFIXES = ("_votes", "_vote", "_agree")
# They are also in the names of other numbers, such as `count_views` and `is_public`.
_VAGUE_PREFIXES = ("n_", "is_", "count_")
_VAGUE_SUFFIXES = ("_count",)


def class_columns(names: Mapping[int, str], columns: Sequence[Sequence[str]]) -> dict[int, str]:
    """Return the class of each column that stands for one; ``names``: the columns not yet used."""
    numbers = {
        at: name
        for at, name in names.items()
        if any(columns[at]) and all(is_vote(cell) for cell in columns[at] if cell)
    }
    known, prefixed = {}, {}
    for at, name in numbers.items():
        plain = name.strip()
        short = _shortened(plain, _PREFIXES, _SUFFIXES)
        vague = _shortened(plain, _VAGUE_PREFIXES, _VAGUE_SUFFIXES)
        if short.lower().replace(" ", "_") in _KNOWN:
            known[at] = short
        elif vague.lower().replace(" ", "_") in _KNOWN:
            known[at] = vague
        elif short != plain:
            prefixed[at] = short
    if len(known) > 1:
        return known | prefixed
    if len(prefixed) > 1:
        return prefixed
    # Beside them there may be numbers of rows and sizes of pictures.
    switches = {at: name.strip() for at, name in numbers.items() if is_one_of_n([columns[at]])}
    if len(switches) > 1 and _one_each([columns[at] for at in switches]):
        return switches
    return {}


def is_one_of_n(columns: Sequence[Sequence[str]]) -> bool:
    """Whether columns of classes hold nothing but 0 and 1."""
    return all((vote_of(cell) or 0) <= 1 for column in columns for cell in column)


def _one_each(columns: Sequence[Sequence[str]]) -> bool:
    rows = [[vote_of(cell) or 0 for cell in row] for row in zip(*columns, strict=True)]
    return bool(rows) and all(sum(row) == 1 and max(row) == 1 for row in rows)


def _shortened(name: str, prefixes: Sequence[str], suffixes: Sequence[str]) -> str:
    """Return a column's name without what says that it stands for a class."""
    for prefix in prefixes:
        if name.lower().startswith(prefix) and len(name) > len(prefix):
            return name[len(prefix) :]
    for suffix in suffixes:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
