"""Only the browser that was given the token may use the page, and no other site."""

import socket
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from flickr_emotion.serve.server import PageServer
from tests.serve.conftest import Reader

ADDRESSES = ("/", "/explore", "/post/0", "/picture/0", "/try", "/page.css", "/page.js", "/absent")


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_shown_without_the_token(server: PageServer, address: str) -> None:
    url = f"http://127.0.0.1:{server.port}{address}"
    assert requests.get(url, timeout=9).status_code == 403
    wrong = {f"serve-{server.port}": "x" * 32}
    assert requests.get(url, cookies=wrong, timeout=9).status_code == 403
    assert requests.get(f"{url}?token=x", timeout=9).status_code == 403
    assert requests.get(f"{url}?token=%FF", timeout=9).status_code == 403


def test_the_token_leaves_the_address_for_a_cookie(server: PageServer) -> None:
    answer = requests.get(server.url + "&label=awe", allow_redirects=False, timeout=9)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?label=awe"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    (token,) = parse_qs(urlsplit(server.url).query)["token"]
    assert len(token) >= 32


def test_each_server_has_its_own_token(server: PageServer) -> None:
    with PageServer(server._site) as other:
        assert other.url.partition("=")[2] != server.url.partition("=")[2]
        cookies = {f"serve-{other.port}": server.url.partition("=")[2]}
        url = f"http://127.0.0.1:{other.port}/explore"
        assert requests.get(url, cookies=cookies, timeout=9).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_another_host_or_page_is_refused_even_with_the_token(
    reader: Reader, server: PageServer, headers: dict[str, str]
) -> None:
    sent = {name: value.format(port=server.port) for name, value in headers.items()}
    assert reader.get(f"{reader.base}/explore", headers=sent).status_code == 403
    token = server.url.partition("=")[2]
    url = f"{reader.base}/explore?token={token}"
    assert requests.get(url, headers=sent, timeout=9).status_code == 403


def test_a_change_must_say_where_it_comes_from(reader: Reader) -> None:
    form = {"what": "unfit"}
    assert reader.post(f"{reader.base}/post/0", form).status_code == 403
    assert "does not say which page" in reader.post(f"{reader.base}/post/0", form).text
    other = {"Origin": "http://evil.example"}
    assert reader.post(f"{reader.base}/post/0", form, headers=other).status_code == 403


def test_localhost_is_this_server_too(server: PageServer) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    assert requests.get(url, timeout=9).status_code == 200


@pytest.mark.parametrize("address", ["/explore", "/post/0", "/picture/0", "/absent", "/page.js"])
def test_every_answer_has_the_policy(reader: Reader, address: str) -> None:
    headers = reader.get(reader.base + address).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_a_refusal_has_the_policy_too(server: PageServer) -> None:
    headers = requests.get(f"http://127.0.0.1:{server.port}/", timeout=9).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_it_listens_on_the_loopback_interface_alone(server: PageServer) -> None:
    ours = server._runner.addresses
    assert [address[0] for address in ours] == ["127.0.0.1"]
    own = socket.gethostbyname(socket.gethostname())
    if own != "127.0.0.1" and not own.startswith("127."):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((own, server.port), timeout=2)
