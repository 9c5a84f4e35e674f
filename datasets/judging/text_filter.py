"""Decides which texts stay in a data set: English, 5 to 150 words (the paper, section 4.1).

A text that does not pass is dropped; its post stays with its other modalities. Detecting a language
is slow, so words are counted first, and languages that the last build detected are reused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flickr_emotion.datasets.folder.decisions import Decisions, language_key, read_decisions
from flickr_emotion.datasets.rules.language import detect_languages
from flickr_emotion.datasets.rules.text import without_urls, words
from flickr_emotion.datasets.rules.verdicts import (
    KEPT,
    NO_TEXT,
    OTHER_LANGUAGE,
    TOO_LONG,
    TOO_SHORT,
)


@dataclass(slots=True)
class JudgedText:
    """A text with the verdict on it."""

    text: str
    words: list[str]
    verdict: str
    language: str | None = None
    """ISO 639-1 code, empty if none was detected; None if detection was not needed."""
    language_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class TextFilter:
    """The limits for texts."""

    min_words: int = 5
    max_words: int = 150
    language: str = "en"
    """ISO 639-1 code, as langdetect returns it."""

    def judge(self, texts: Sequence[str], known: Decisions | None = None) -> list[JudgedText]:
        """Return the verdict on each text."""
        judged = [self._judge_length(text) for text in texts]
        candidates = [text for text in judged if text.verdict == KEPT]
        plain = [without_urls(text.text) for text in candidates]
        keys = [language_key(text) for text in plain]
        decisions = known or read_decisions(None)
        rows = decisions.find(keys)
        new = [index for index, row in enumerate(rows) if row is None]
        detected = dict(zip(new, detect_languages([plain[i] for i in new]), strict=True))
        for index, (text, key, row) in enumerate(zip(candidates, keys, rows, strict=True)):
            text.language_key = key
            text.language = (
                detected[index] or "" if row is None else decisions.languages[row].as_py()
            )
            if text.language != self.language:
                text.verdict = OTHER_LANGUAGE
        return judged

    def _judge_length(self, text: str) -> JudgedText:
        found = words(text)
        if not found:
            verdict = NO_TEXT
        elif len(found) < self.min_words:
            verdict = TOO_SHORT
        else:
            verdict = TOO_LONG if len(found) > self.max_words else KEPT
        return JudgedText(text, found, verdict)
