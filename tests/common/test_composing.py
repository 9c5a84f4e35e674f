"""Composing characters is NFC, in linear time."""

import unicodedata
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.composing import composed

MARKS = "\u0300\u0301\u0316\u0323\u0338\u0344\u0345\u034f\u05b0\u093c\u0f71\u0f73\u1dce\u3099"


@given(st.text(st.sampled_from("ae\u00e9<\u0958\uac00" + MARKS), max_size=8), st.data())
def test_it_is_nfc(start: str, data: st.DataObject) -> None:
    long = data.draw(st.text(st.sampled_from(MARKS + "\u2026"), min_size=32, max_size=80))
    text = start + long + start + long[:40]
    assert composed(text) == unicodedata.normalize("NFC", text)


def test_a_long_run_takes_no_time() -> None:
    started = process_time()
    composed("a" + "\u0301" * 30_000 + "\u0316" * 30_000)
    assert process_time() - started < 1.5
