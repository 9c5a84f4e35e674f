"""The REST endpoint: parameters, keys, faults, and the envelope around a method's answer."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flickr_emotion.harvest.sandbox.faults import CODES, Faults
from flickr_emotion.harvest.sandbox.methods import Fail, Methods
from flickr_emotion.harvest.sandbox.oauth import Gate, KeyProblem, Pairs
from flickr_emotion.harvest.sandbox.stats import Stats
from flickr_emotion.harvest.sandbox.wire import Request, Response

PATHS = ("/services/rest/", "/services/rest")
OTHER_ENVELOPES = {"/services/soap/": 114, "/services/xmlrpc/": 115}
TOO_MANY = (
    b"<html><body><h1>429 Too Many Requests</h1>\n"
    b"You have sent too many requests in a given amount of time.\n</body></html>\n"
)
RETRY_AFTER = 1  # Seconds in the header of a 429 that has one.
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Flickr</title></head>"
    b"<body><h1>Flickr is having a massage</h1></body></html>\n"
)
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]*")
_CREDENTIALS = ("api_key", "api_sig", "auth_token")


def parameters(request: Request) -> Pairs:
    """Return the query and form fields, in the order sent."""
    text = request.query
    if request.method == "POST":
        text += "&" + request.body.decode("utf-8", "replace")
    return parse_qsl(text, keep_blank_values=True)


def envelope(answer: dict[str, Any], params: dict[str, str]) -> Response:
    """Return JSON with Flickr's escapes (\\uXXXX and \\/), or JSONP unless the call declines it."""
    # In JSON a slash only occurs inside strings, so all of them can be replaced at once.
    text = json.dumps(answer, separators=(",", ":")).replace("/", "\\/")
    if params.get("format") != "json" or params.get("nojsoncallback") == "1":
        return Response(200, text.encode(), "application/json")
    callback = params.get("jsoncallback", "")
    if not _CALLBACK.fullmatch(callback):
        callback = "jsonFlickrApi"
    return Response(200, f"{callback}({text})".encode(), "text/javascript; charset=utf-8")


def fail(code: int, message: str, params: dict[str, str]) -> Response:
    """Return Flickr's error envelope, which has HTTP status 200."""
    return envelope({"stat": "fail", "code": code, "message": message}, params)


@dataclass(frozen=True, slots=True)
class _Call:
    """One request to the API, with its parameters."""

    request: Request
    pairs: Pairs
    params: dict[str, str]
    method: str


class Rest:
    """Answers requests to the API."""

    def __init__(self, methods: Methods, gate: Gate, stats: Stats) -> None:
        self._methods = methods
        self._gate = gate
        self._stats = stats

    def answer(self, request: Request, faults: Faults) -> Response:
        """Count a call, and answer it with a fault or with its result."""
        pairs = parameters(request)
        params = dict(pairs)
        call = _Call(request, pairs, params, params.get("method", ""))
        self._stats.count_api(call.method)
        fault = faults.api(_fault_key(call))
        if fault is None:
            return self._answer(call, arrives=True)
        self._stats.count_fault(fault)
        return self._faulted(fault, call)

    def _answer(self, call: _Call, *, arrives: bool) -> Response:
        """Return the correct answer; `arrives`: whether no fault will damage it."""
        params = call.params
        problem = self._gate.check(call.request, call.pairs)
        if isinstance(problem, Response):
            return problem
        if isinstance(problem, KeyProblem):
            return fail(100, f"Invalid API Key ({problem.reason})", params)
        form = params.get("format", "rest")
        if form != "json":
            return fail(111, f'Format "{form}" not found', params)
        if params.get("auth_token"):
            return fail(98, CODES[98], params)
        try:
            answer = self._methods.call(call.method, params)
        except Fail as error:
            return fail(error.code, error.message, params)
        if arrives and call.method == "flickr.photos.getInfo":
            self._stats.count_info_ok(params["photo_id"])
        return envelope({**answer, "stat": "ok"}, params)

    def _faulted(self, fault: str, call: _Call) -> Response:
        if fault.startswith("code-"):
            code = int(fault.removeprefix("code-"))
            return fail(code, CODES[code], call.params)
        if fault == "html":
            return Response(200, _PAGE)
        if fault == "empty":
            return Response(200, b"", "application/json")
        if fault not in ("cut-json", "reset"):
            return http_fault(fault)
        whole = self._answer(call, arrives=False)
        if fault == "reset":
            whole.delivery = "reset"
        else:
            whole.body = whole.body[: len(whole.body) // 2]
        return whole


def http_fault(fault: str) -> Response:
    """Return a fault that API and image servers share: a status, or no answer."""
    if fault == "hang":
        return Response(200, delivery="hang")
    if fault.startswith("429"):
        after = f"Retry-After: {RETRY_AFTER}\r\n" if fault == "429-retry-after" else ""
        return Response(429, TOO_MANY, "text/html", after)
    return Response(int(fault), f"<html><body><h1>{fault}</h1></body></html>\n".encode())


def _fault_key(call: _Call) -> str:
    """Return the subject of a call without its credentials, the same for each attempt."""
    if "photo_id" in call.params:
        return f"{call.method} {call.params['photo_id']}"
    asked = sorted(
        pair
        for pair in call.pairs
        if pair[0] not in _CREDENTIALS and not pair[0].startswith("oauth_")
    )
    return f"{call.method} {asked}"
