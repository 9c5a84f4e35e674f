"""An id is found in a text as a whole word, and never inside another word or number."""

import pytest

from flickr_emotion.common.takedown.names import Names

NAMES = Names(["37", "37@N00", "my-post", "a+b"])


@pytest.mark.parametrize(
    "text", ["37", "photo_37.jpg", "1,37\n", "(37)", "é37é", "x 37@N00.", "my-post", "[a+b]"]
)
def test_a_word_is_found(text: str) -> None:
    assert NAMES.are_in(text.encode())


@pytest.mark.parametrize("text", ["", "137", "370", "x37", "37x", "my-posts", "aab", "myxpost"])
def test_a_part_of_a_word_is_not(text: str) -> None:
    assert not NAMES.are_in(text.encode())


def test_no_names_are_in_nothing() -> None:
    assert not Names([]).are_in(b"37")
    assert not Names(["37"]).are_in(b"")
