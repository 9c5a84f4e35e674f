"""The envelope of a call yields an answer, a failure that it names, or an error, but no crash."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.flickr.answers import MalformedAnswerError
from flickr_emotion.harvest.flickr.envelope import read_envelope
from flickr_emotion.harvest.pace.retry import ApiFailure, UnreadableAnswerError

# Recorded answers of Flickr to calls that did not ask for JSON.
XML = b"""<?xml version="1.0" encoding="utf-8" ?>
<rsp stat="fail">
\t<err code="1" msg="Photo &quot;7&quot; not found" />
</rsp>
"""


class TestReadEnvelope:
    def test_an_answer(self) -> None:
        assert read_envelope(b'{"photo":{"id":"1"},"stat":"ok"}')["photo"] == {"id": "1"}

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            (b'{"stat":"fail","code":105,"message":"Service"}', 105, "Service"),
            (b'{"stat":"fail","code":"105","message":null}', 105, ""),
            (XML, 1, 'Photo "7" not found'),
            (b"\xef\xbb\xbf" + XML, 1, 'Photo "7" not found'),
            (b"<rsp stat='fail'><err msg='a' code='201'/></rsp>", 201, "a"),
        ],
    )
    def test_a_failure_in_any_form(self, body: bytes, code: int, message: str) -> None:
        with pytest.raises(ApiFailure) as failure:
            read_envelope(body)
        assert (failure.value.code, str(failure.value)) == (code, f"Error: {code}: {message}")

    @pytest.mark.parametrize(
        "body",
        [
            *(
                b"",
                b" \n",
                b"<html><h1>Flickr is having a massage</h1></html>",
                b"<rsp stat='ok'/>",
            ),
            *(
                b'{"stat":"ok","photo":',
                b"[" * 100_000,
                b'{"a":' * 100_000,
                b"\xff\xfe",
                b"jsonp()",
            ),
        ],
    )
    def test_what_is_no_whole_answer(self, body: bytes) -> None:
        with pytest.raises(UnreadableAnswerError):
            read_envelope(body)

    @pytest.mark.parametrize(
        "body",
        [
            *(b"[1]", b"7", b"null", b"{}", b'{"stat":"fail"}', b'{"stat":["ok"]}'),
            *(b'{"stat":"fail","code":[]}', b'{"stat":"fail","code":Infinity,"message":"x"}'),
            b'{"stat":"fail","code":' + b"9" * 5000 + b"}",
        ],
    )
    def test_what_the_api_does_not_document(self, body: bytes) -> None:
        with pytest.raises(MalformedAnswerError):
            read_envelope(body)

    def test_a_number_of_a_million_digits_is_read_quickly(self) -> None:
        body = b'{"stat":"ok","photo":' + b"1" * 1_000_000 + b"}"
        assert len(read_envelope(body)["photo"]) == 1_000_000

    @given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
    def test_anything_may_come(self, body: Any) -> None:
        with pytest.raises((ApiFailure, UnreadableAnswerError, MalformedAnswerError)):
            read_envelope(body if isinstance(body, bytes) else body.encode())
