"""Language detection with langdetect, which is common in the field.

langdetect is random unless its seed is fixed, and it is slow. langdetect-rs gives the same answers
(a test compares them on real texts) about 40 times faster on one core. Where it cannot be
installed, langdetect itself is used.
"""

from collections.abc import Sequence
from pathlib import Path

import langdetect
from langdetect.detector_factory import PROFILES_DIRECTORY

from flickr_emotion.datasets.errors import DatasetError

try:
    from langdetect_rs import DetectorFactory, detect_batch
except ImportError:
    from langdetect import DetectorFactory

    def detect_batch(texts: Sequence[str]) -> list[str | None]:
        """Replace langdetect-rs; the answers are the same."""
        return [detect_plainly(text) for text in texts]


_SEED = 0
_MOST_REMEMBERED = 1 << 15  # texts, about 10 MB
_detected: dict[str, str | None] = {}
DetectorFactory.seed = _SEED
langdetect.DetectorFactory.seed = _SEED


def detect_languages(texts: Sequence[str]) -> list[str | None]:
    """Return the ISO 639-1 code of each text's language, None where none is detected.

    Of equal texts, as the photos of a series have, one is detected.
    """
    new = [text for text in dict.fromkeys(texts) if text not in _detected]
    if len(_detected) + len(new) > _MOST_REMEMBERED:
        _detected.clear()
        new = list(dict.fromkeys(texts))
    _detected.update(zip(new, detect_batch(new), strict=True))
    return [_detected[text] for text in texts]


def known_languages() -> list[str]:
    """Return the codes of the languages that can be detected."""
    return sorted(path.name for path in Path(PROFILES_DIRECTORY).iterdir())


def check_language(code: str) -> None:
    """Raise ``DatasetError`` for a language that langdetect does not know."""
    if code not in (known := known_languages()):
        raise DatasetError(f"--language {code}: give one of {', '.join(known)}")


def detect_plainly(text: str) -> str | None:
    """Return the language of one text with langdetect alone: the reference for tests."""
    try:
        language: str = langdetect.detect(text)
    except langdetect.LangDetectException:
        return None
    return language
