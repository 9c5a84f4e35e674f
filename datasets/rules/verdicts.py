"""The verdicts on a post's text, and what they are called where they are counted."""

from collections.abc import Mapping

KEPT = "kept"
NO_TEXT = "none"
TOO_SHORT = "too-short"
TOO_LONG = "too-long"
OTHER_LANGUAGE = "other-language"
VERDICTS = (KEPT, NO_TEXT, TOO_SHORT, TOO_LONG, OTHER_LANGUAGE)

_DROPPED = {
    TOO_SHORT: "too short",
    TOO_LONG: "too long",
    OTHER_LANGUAGE: "in another language",
}


def dropped_texts(verdicts: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Return how many texts are dropped, by reason in words, and how many texts there were."""
    dropped = {said: verdicts[name] for name, said in _DROPPED.items() if verdicts.get(name)}
    return dropped, verdicts.get(KEPT, 0) + sum(dropped.values())


def texts_in_words(verdicts: Mapping[str, int]) -> str:
    """Return how many texts stay and how many are dropped, with the reasons, in one line."""
    dropped, _ = dropped_texts(verdicts)
    why = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    return (
        f"{verdicts.get(KEPT, 0)} texts kept, {sum(dropped.values())} dropped"
        f"{f' ({why})' if why else ''}, {verdicts.get(NO_TEXT, 0)} posts without"
    )
