"""Which language a text is in, by langdetect, as the paper's field does it.

langdetect draws at random unless its seed is fixed, and is slow. langdetect-rs gives the same
answers (a test holds them equal on real texts) about 40 times as fast on one core; where it cannot
be installed, langdetect itself is used.
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
        """Stand in for langdetect-rs with the same answers."""
        return [detect_plainly(text) for text in texts]


_SEED = 0
DetectorFactory.seed = _SEED
langdetect.DetectorFactory.seed = _SEED


def detect_languages(texts: Sequence[str]) -> list[str | None]:
    """Return the ISO 639-1 code of each text's language, None where nothing speaks for one."""
    return list(detect_batch(list(texts)))


def known_languages() -> list[str]:
    """Return the codes of the languages that can be detected."""
    return sorted(path.name for path in Path(PROFILES_DIRECTORY).iterdir())


def check_language(code: str) -> None:
    """Raise ``DatasetError`` for a language that is never detected."""
    if code not in (known := known_languages()):
        raise DatasetError(f"--language {code}: give one of {', '.join(known)}")


def detect_plainly(text: str) -> str | None:
    """Return the same for one text by langdetect alone: the reference."""
    try:
        language: str = langdetect.detect(text)
    except langdetect.LangDetectException:
        return None
    return language
