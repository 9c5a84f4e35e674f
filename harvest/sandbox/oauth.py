"""API keys and OAuth 1.0a signatures, checked as Flickr checks them.

flickrapi sends no `api_key`: its key is in the Authorization header, with a signature over the
whole request (RFC 5849, section 3.4). A client that signs wrongly, or repeats a nonce because a
lower layer retries, should fail here before it is used with Flickr.
"""

import base64
import hashlib
import hmac
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from flickr_emotion.harvest.sandbox.wire import Request, Response

_REQUIRED = (
    "oauth_consumer_key",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_timestamp",
)
_HEADER_PAIR = re.compile(r'(\w+)="([^"]*)"')
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]+")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class KeyProblem:
    """Why a key is refused: the words in parentheses in the message of code 100."""

    reason: str


class Gate:
    """Checks keys and signatures of calls.

    `keys` maps key to secret. With None, every well-formed key is accepted and only the form of a
    signature is checked, since the sandbox does not know the secret.
    """

    def __init__(self, keys: Mapping[str, str] | None) -> None:
        self._keys = keys
        self._expired: set[str] = set()
        self._nonces: set[int] = set()
        self._lock = threading.Lock()

    def expire(self, key: str) -> None:
        """Refuse `key` from now on, as Flickr does with an expired key."""
        self._expired.add(key)

    def check(self, request: Request, params: Pairs) -> KeyProblem | Response | None:
        """Return None if the call may go on.

        A KeyProblem is answered with a fail envelope of code 100; a Response is sent unchanged.
        """
        oauth = dict(pair for pair in params if pair[0].startswith("oauth_"))
        header = request.headers.get("authorization", "")
        if header[:6].lower() == "oauth ":
            for name, value in _HEADER_PAIR.findall(header):
                oauth[unquote(name)] = unquote(value)
            oauth.pop("realm", None)
        if not oauth:
            return self._key_problem(dict(params).get("api_key", ""))
        absent = [name for name in _REQUIRED if not oauth.get(name)]
        if absent:
            names = "%26".join(absent)
            return _refused(400, f"parameter_absent&oauth_parameters_absent={names}")
        return self._key_problem(oauth["oauth_consumer_key"]) or self._signature_problem(
            request, params, oauth
        )

    def _key_problem(self, key: str) -> KeyProblem | None:
        if not _WELL_FORMED.fullmatch(key):
            return KeyProblem("Key has invalid format")
        if key in self._expired:
            return KeyProblem("Key has expired")
        if self._keys is not None and key not in self._keys:
            return KeyProblem("Key not found")
        return None

    def _signature_problem(
        self, request: Request, params: Pairs, oauth: dict[str, str]
    ) -> Response | None:
        if oauth["oauth_signature_method"] != "HMAC-SHA1":
            return _refused(400, "signature_method_rejected")
        if not oauth["oauth_timestamp"].isdigit():
            return _refused(401, "timestamp_refused")
        if oauth.get("oauth_token"):  # There is no login here, so no token can be valid.
            return _refused(401, "token_rejected")
        key = oauth["oauth_consumer_key"]
        if self._keys is not None:
            base = _base_string(request, params, oauth)
            good = _signature(base, self._keys[key])
        else:
            base, good = "", oauth["oauth_signature"]
        if not _is_sha1(oauth["oauth_signature"]) or good != oauth["oauth_signature"]:
            base = base or _base_string(request, params, oauth)
            return _refused(401, f"signature_invalid&debug_sbs={base}")
        use = hash((key, oauth["oauth_timestamp"], oauth["oauth_nonce"]))  # 8 bytes per call.
        with self._lock:
            if use in self._nonces:
                return _refused(401, "nonce_used")
            self._nonces.add(use)
        return None


def _refused(status: int, problem: str) -> Response:
    return Response(status, f"oauth_problem={problem}".encode(), "text/plain; charset=utf-8")


def _is_sha1(signature: str) -> bool:
    try:
        return len(base64.b64decode(signature, validate=True)) == 20
    except ValueError:
        return False


def _escaped(text: str) -> str:
    return quote(text, safe="-._~")


def _base_string(request: Request, params: Pairs, oauth: dict[str, str]) -> str:
    """Return the base string of RFC 5849, section 3.4.1: method, address, sorted parameters."""
    sent = [pair for pair in params if not pair[0].startswith("oauth_")]
    sent += [pair for pair in oauth.items() if pair[0] != "oauth_signature"]
    pairs = sorted((_escaped(name), _escaped(value)) for name, value in sent)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    address = f"http://{request.headers.get('host', '').lower().removesuffix(':80')}{request.path}"
    return f"{request.method}&{_escaped(address)}&{_escaped(joined)}"


def _signature(base: str, secret: str) -> str:
    digest = hmac.new(f"{_escaped(secret)}&".encode(), base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
