"""Which languages can be asked for."""

import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.language import check_language, known_languages


def test_one_that_is_never_detected_is_refused_with_the_choices() -> None:
    with pytest.raises(DatasetError) as caught:
        check_language("EN")
    assert str(caught.value) == f"--language EN: give one of {', '.join(known_languages())}"


def test_all_others_may_be_asked_for() -> None:
    assert "en" in known_languages()
    assert known_languages() == sorted(known_languages())
    for code in known_languages():
        check_language(code)
