"""Read the envelope of an API answer: its content, or the failure that it names.

The body is untrusted. It may be a page of HTML during an outage, half an answer, a failure in XML
although JSON was requested, JSON that is nested too deeply, or a number of a million digits.
"""

import html
import json
import re
from typing import Any

from flickr_emotion.harvest.flickr.answers import MalformedAnswerError
from flickr_emotion.harvest.pace.retry import ApiFailure, UnreadableAnswerError

# Flickr has no longer numbers, and Python reads very long ones slowly or refuses them.
_LONGEST_NUMBER = 25
_FAILED = re.compile(r"<rsp\b[^>]*\bstat\s*=\s*[\"']fail[\"']", re.IGNORECASE)
_ERROR = re.compile(r"<err\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(code|msg)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_XML_LOOKED_AT = 4096


def read_envelope(body: bytes) -> dict[str, Any]:
    """Return the content of an answer with ``stat="ok"``.

    Raises ``ApiFailure`` if the answer names a failure, ``UnreadableAnswerError`` if it is no
    complete answer, and ``MalformedAnswerError`` if it is complete but has an undocumented form.
    """
    start = body[:_XML_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise UnreadableAnswerError("it is empty")
    if start.startswith(b"<"):
        raise _failure_in_xml(start.decode("utf-8", errors="replace"))
    try:
        content = json.loads(body, parse_int=_whole_number, parse_constant=lambda _: None)
    except RecursionError:
        raise UnreadableAnswerError("its JSON is nested too deeply") from None
    except ValueError:
        raise UnreadableAnswerError("it is not complete JSON") from None
    if not isinstance(content, dict):
        raise MalformedAnswerError("the answer is not a JSON object")
    if content.get("stat") == "fail":
        raise _failure(content.get("code"), content.get("message"))
    if content.get("stat") != "ok":
        raise MalformedAnswerError("the answer's 'stat' is neither 'ok' nor 'fail'")
    return content


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def _failure_in_xml(text: str) -> Exception:
    error = _ERROR.search(text) if _FAILED.search(text) else None
    if error is None:
        what = "HTML" if re.search(r"<(?:!doctype html|html)\b", text, re.IGNORECASE) else "XML"
        return UnreadableAnswerError(f"it is {what}")
    found = {name.lower(): one or other for name, one, other in _ATTRIBUTE.findall(error[1])}
    return _failure(found.get("code"), html.unescape(found.get("msg", "")))


def _failure(code: Any, message: Any) -> Exception:
    if isinstance(code, bool) or not isinstance(code, int | str):
        return MalformedAnswerError("the answer is a failure without a code")
    if not re.fullmatch(r"-?\d{1,9}", str(code), re.ASCII):
        return MalformedAnswerError("the answer is a failure without a code")
    return ApiFailure(int(code), message if isinstance(message, str) else "")
