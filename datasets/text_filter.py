"""Which texts stay in a data set: English, 5 to 150 words (the paper, section 4.1).

A text that does not pass is absent; its post stays with its other modalities. Counting words is
cheap and detecting a language is not, so words are counted first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.language import detect_languages
from datasets.text import without_urls, words

KEPT = "kept"
NO_TEXT = "none"
TOO_SHORT = "too-short"
TOO_LONG = "too-long"
OTHER_LANGUAGE = "other-language"
VERDICTS = (KEPT, NO_TEXT, TOO_SHORT, TOO_LONG, OTHER_LANGUAGE)


@dataclass(frozen=True, kw_only=True)
class TextFilter:
    """The limits that a text must keep to."""

    min_words: int = 5
    max_words: int = 150
    language: str = "en"
    """ISO 639-1 code, as langdetect gives it."""

    def judge(self, texts: Sequence[str]) -> list[str]:
        """Return the verdict on each text."""
        verdicts = [self._judge_length(text) for text in texts]
        candidates = [index for index, verdict in enumerate(verdicts) if verdict == KEPT]
        languages = detect_languages([without_urls(texts[index]) for index in candidates])
        for index, language in zip(candidates, languages, strict=True):
            if language != self.language:
                verdicts[index] = OTHER_LANGUAGE
        return verdicts

    def _judge_length(self, text: str) -> str:
        count = len(words(text))
        if not count:
            return NO_TEXT
        if count < self.min_words:
            return TOO_SHORT
        return TOO_LONG if count > self.max_words else KEPT
