"""Keys and signatures are checked as on Flickr; flickrapi itself makes the signatures."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flickrapi.exceptions import FlickrError
from requests_oauthlib import OAuth1

from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.conftest import flickr, query


@pytest.fixture
def guarded(posts: list[Post]) -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(posts), keys={"key": "secret with spaces & ü"}) as server:
        yield server


SECRET = "secret with spaces & ü"


def code(api: Any) -> int:
    """Return the code of a failing getInfo call."""
    with pytest.raises(FlickrError) as caught:
        api.photos.getInfo(photo_id="5000000001")
    number: int = caught.value.code
    return number


def test_flickrapi_signs_what_the_sandbox_accepts(
    guarded: SandboxServer, http: requests.Session
) -> None:
    api = flickr(guarded.url, http, SECRET)
    assert api.photos.getInfo(photo_id="5000000001")["photo"]["id"] == "5000000001"
    found = api.photos.search(text="ü & /+~", tags="a b,c", extras="tags,description")
    assert found["photos"]["total"] == 0


def test_a_wrong_secret_is_a_401_with_the_base_string(
    guarded: SandboxServer, http: requests.Session
) -> None:
    signed = OAuth1("key", "another", signature_type="auth_header")
    answer = http.post(f"{guarded.url}/services/rest/", data=query("test.echo"), auth=signed)
    assert answer.status_code == 401
    assert answer.text.startswith("oauth_problem=signature_invalid&debug_sbs=POST&http%3A%2F%2F")


def test_unknown_malformed_absent_and_expired_keys_are_code_100(
    guarded: SandboxServer, http: requests.Session
) -> None:
    assert code(flickr(guarded.url, http, SECRET, key="unknown")) == 100
    assert code(flickr(guarded.url, http, SECRET, key="not a key")) == 100
    url = f"{guarded.url}/services/rest/"
    absent = {name: value for name, value in query("test.echo").items() if name != "api_key"}
    for params, reason in (
        (query("test.echo", api_key="unknown"), "Key not found"),
        (query("test.echo", api_key="ö"), "Key has invalid format"),
        (absent, "Key has invalid format"),
    ):
        answer = http.get(url, params=params).json()
        assert answer == {"stat": "fail", "code": 100, "message": f"Invalid API Key ({reason})"}
    assert http.get(url, params=query("test.echo", api_key="key")).json()["stat"] == "ok"
    guarded.expire_key("key")
    message = http.get(url, params=query("test.echo", api_key="key")).json()["message"]
    assert message == "Invalid API Key (Key has expired)"


def test_absent_parameters_and_used_nonces(guarded: SandboxServer, http: requests.Session) -> None:
    url = f"{guarded.url}/services/rest/"
    bare = {"Authorization": 'OAuth oauth_consumer_key="key"'}
    answer = http.post(url, data=query("test.echo"), headers=bare)
    assert answer.status_code == 400
    assert answer.text.startswith("oauth_problem=parameter_absent&oauth_parameters_absent=oauth_")
    again = OAuth1("key", SECRET, nonce="one", timestamp="1700000000")
    assert http.post(url, data=query("test.echo"), auth=again).json()["stat"] == "ok"
    answer = http.post(url, data=query("test.echo"), auth=again)
    assert (answer.status_code, answer.text) == (401, "oauth_problem=nonce_used")


@pytest.mark.parametrize(
    ("name", "value", "status", "problem"),
    [
        ("oauth_signature_method", "PLAINTEXT", 400, "signature_method_rejected"),
        ("oauth_timestamp", "now", 401, "timestamp_refused"),
        ("oauth_token", "stolen", 401, "token_rejected"),
        ("oauth_signature", "short", 401, "signature_invalid"),
    ],
)
def test_without_secrets_the_form_is_checked(
    server: SandboxServer, http: requests.Session, name: str, value: str, status: int, problem: str
) -> None:
    oauth = {
        "oauth_consumer_key": "any_key-1",
        "oauth_nonce": f"form {name}",
        "oauth_signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1700000000",
    }
    url = f"{server.url}/services/rest/"
    bad = query("test.echo", **oauth | {name: value})
    answer = http.get(url, params=bad)
    assert answer.status_code == status
    assert answer.text.startswith(f"oauth_problem={problem}")
    good = query("test.echo", **oauth | {"oauth_nonce": f"good {name}"})
    assert http.get(url, params=good).json()["stat"] == "ok"
