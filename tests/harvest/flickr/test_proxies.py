"""A crawl behind a proxy of the environment: every request goes through it, also those over TLS.

The server's name, flickr.test, exists for the proxy only.
"""

import base64
import http.client
import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.servers import certificate_authorities, servers
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import options, post, write_votes

POSTS = [post(number) for number in range(4)]
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Proxy(ThreadingHTTPServer):
    """Sends everything to one server, and notes what it was asked for."""

    daemon_threads = True

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.tls = urlsplit(url).netloc, tls
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, str, str | None]] = []
        """Method, URL without its query, and credentials of each request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _note(self) -> None:
        credentials = self.headers.get("Proxy-Authorization")
        self.server.asked.append((self.command, self.path.partition("?")[0], credentials))

    def do_CONNECT(self) -> None:
        """Open the client's TLS, as proxies of companies do; the connection goes on with it."""
        self._note()
        self.send_response(200)
        self.end_headers()
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        socketserver.StreamRequestHandler.setup(self)
        self.close_connection = False  # Python's client says CONNECT in HTTP/1.0.

    def do_GET(self) -> None:
        self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = http.client.HTTPConnection(self.server.target)
        headers = {name: it for name, it in self.headers.items() if "roxy" not in name}
        parts = urlsplit(self.path)
        target.request(self.command, f"{parts.path}?{parts.query}", body or None, headers)
        with target.getresponse() as answer:
            content = answer.read()
        target.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def finish(self) -> None:
        super().finish()
        if isinstance(self.request, ssl.SSLSocket):
            self.request.close()

    do_POST = do_HEAD = do_GET  # noqa: N815 - names of the protocol


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with certificate and key of flickr.test."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    file: Path = tmp_path_factory.mktemp("tls") / "flickr.test.pem"
    made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
    named = (
        "-addext",
        "subjectAltName=DNS:flickr.test,DNS:localhost",
        "-keyout",
        file,
        "-out",
        f"{file}.crt",
    )
    subprocess.run(["openssl", *made.split(), *named], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    tls = None
    if "authority" in request.fixturenames:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(request.getfixturevalue("authority"))
    # No keys: a signature says https, which the server behind the proxy does not see.
    with SandboxServer(Corpus(POSTS)) as server, Proxy(server.url, tls) as it:
        thread = threading.Thread(target=it.serve_forever, args=(0.02,))
        thread.start()
        yield it
        it.shutdown()
        thread.join()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


def crawled(folder: Path, proxy: Proxy, url: str) -> set[str]:
    """Crawl all posts; return the URLs of the pictures that the proxy was asked for."""
    published = write_votes(folder / "list", POSTS)
    made = options(published, folder / "h", proxy, flickr_url=url)  # type: ignore[arg-type]
    assert crawl(made, lambda line: None).lost == 0
    return {url for method, url, _ in proxy.asked if method == "GET"}


# With passwords, and without a scheme, as curl takes it too.
@pytest.mark.parametrize(
    ("variable", "form", "pair"),
    [
        ("HTTP_PROXY", "http://me:p%40ss@{}", "me:p@ss"),
        ("HTTP_PROXY", "http://mé:p@ss wörd密@{}", "mé:p@ss wörd密"),
        ("all_proxy", "{}", None),
    ],
)
def test_all_goes_through_it(
    tmp_path: Path,
    proxy: Proxy,
    environment: pytest.MonkeyPatch,
    variable: str,
    form: str,
    pair: str | None,
) -> None:
    environment.setenv(variable, form.format(f"127.0.0.1:{proxy.server_port}"))
    assert len(crawled(tmp_path, proxy, "http://flickr.test")) == len(POSTS)
    assert any(url == "http://flickr.test/services/rest/" for _, url, _ in proxy.asked)
    expected = pair and f"Basic {base64.b64encode(pair.encode()).decode()}"
    assert {credentials for *_, credentials in proxy.asked} == {expected}


@pytest.mark.parametrize(
    ("url", "over_tls"), [("https://flickr.test", False), ("http://flickr.test", True)]
)
# requests verifies a proxy only where the server has TLS too, as Flickr has.
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_tls_is_verified_with_the_authority_of_ssl_cert_file(
    tmp_path: Path,
    authority: Path,
    proxy: Proxy,
    environment: pytest.MonkeyPatch,
    url: str,
    over_tls: bool,
) -> None:
    """TLS to the server, which the proxy opens, and TLS to the proxy itself."""
    if over_tls:
        assert proxy.tls is not None
        proxy.socket = proxy.tls.wrap_socket(proxy.socket, server_side=True)
    address = f"{'https' if over_tls else 'http'}://localhost:{proxy.server_port}"
    environment.setenv("ALL_PROXY", address)
    environment.setenv("SSL_CERT_FILE", str(authority))
    assert len(crawled(tmp_path, proxy, url)) == len(POSTS)
    assert (("CONNECT", "flickr.test:443", None) in proxy.asked) is url.startswith("https")
    assert any(path.endswith("/services/rest/") for _, path, _ in proxy.asked)


@pytest.mark.parametrize(
    "value",
    ["socks5://me:secret@127.0.0.1:9", "http://", "http://x:y:z", "http://secret@straße.example"],
)
def test_what_is_no_proxy_over_http_is_refused(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("ALL_PROXY", value)
    with pytest.raises(HarvestError, match="SOCKS is not supported") as refused:
        servers("http://flickr.test")
    assert "secret" not in str(refused.value)
    assert servers("http://127.0.0.1:8123").proxy is None


def test_exceptions_and_this_machine_need_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "https://proxy.test:3128")
    assert servers(None).proxy == "https://proxy.test:3128"
    assert servers("http://flickr.test").proxy is None
    environment.setenv("NO_PROXY", ".flickr.com")
    assert servers(None).proxy is None


def test_servers_are_named_in_ascii(environment: pytest.MonkeyPatch) -> None:
    """libcurl and requests take no other URL."""
    environment.setenv("HTTP_PROXY", "http://é:%C3%A9\udcff@bücher.example:3128")
    made = servers("http://Bücher.example:81/Spiegel/ü%20 ")
    assert made.images == "http://xn--bcher-kva.example:81/Spiegel/%C3%BC%20%20"
    assert made.proxy == "http://%C3%A9:%C3%A9%FF@xn--bcher-kva.example:3128"
    for host in ("straße.example", "ü..example", "ü" * 64, "\udcff.example"):
        with pytest.raises(HarvestError, match="is not the URL of a server"):
            servers(f"http://{host}")


def test_certificates_that_do_not_exist_are_refused(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (tmp_path, tmp_path / "nowhere.pem"):
        environment.setenv("SSL_CERT_FILE", str(name))
        with pytest.raises(HarvestError, match=f"SSL_CERT_FILE names '{name}', which is no file"):
            servers("http://127.0.0.1:8123")
    environment.setenv("SSL_CERT_FILE", "")
    servers("http://127.0.0.1:8123")


def test_authorities_are_those_of_python(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of requests stand in only where Python has none."""
    own, full, other = tmp_path / "some.pem", tmp_path / "full", tmp_path / "other"
    own.touch()
    for folder, name in ((full, "002c0b4f.0"), (other, "README")):
        folder.mkdir()
        (folder / name).touch()
    environment.setenv("SSL_CERT_FILE", str(own))
    assert certificate_authorities() == str(own)
    nowhere = str(tmp_path / "nowhere")
    for folder, found in ((full, str(full)), (other, DEFAULT_CA_BUNDLE_PATH)):
        paths = ssl.DefaultVerifyPaths("", str(folder), "", nowhere, "", nowhere)
        environment.setattr(ssl, "get_default_verify_paths", lambda paths=paths: paths)
        assert certificate_authorities() == found
