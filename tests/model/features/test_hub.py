"""Models of the hub are fetched only if that was asked for, and only what is read of them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from flickr_emotion.common.checkout import PROJECT
from tests.model.hub_models import save_siglip

NAME = "someone/tiny"
COMMIT = "1" * 40
FETCHED = {"config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A hub on loopback with one model; its URL, and what was asked of it."""
    folder = save_siglip(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            asked.append(path)
            if path.startswith(f"/api/models/{NAME}/tree"):
                entries = [
                    {"type": "file", "path": name, "size": len(content), "oid": "2" * 40}
                    for name, content in files.items()
                ]
                self.answer(json.dumps(entries).encode())
            elif path.startswith(f"/api/models/{NAME}"):
                siblings = [{"rfilename": name} for name in files]
                self.answer(json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode())
            elif (name := path.rpartition("/")[2]) in files and "/resolve/" in path:
                self.answer(files[name])
            else:
                self.answer(b"", 404)

        do_HEAD = do_GET  # noqa: N815 (http.server's name)

        def answer(self, content: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


LOAD = """
import sys
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.texts.readers import open_readers
try:
    download = sys.argv[2] == "True"
    print(load_backbone(sys.argv[1], "imagenet", download=download).features)
    print(open_readers([sys.argv[1]], download=download)[0].dimension)
except ModelError as error:
    print(error)
"""


def loaded(url: str, cache: Path, name: str, *, download: bool) -> list[str]:
    """Load both towers in a process of their own, because the hub's address is read only once."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, f"hub:{name}", str(download)],
        cwd=PROJECT,
        env=os.environ | {"HF_ENDPOINT": url, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_model_is_fetched_if_asked_for(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `pretrained` is not installed")
    url, asked = hub
    cache = tmp_path / "cache"
    (refused,) = loaded(url, cache, NAME, download=False)
    assert "is not on this machine: give `train` --download" in refused
    assert asked == []
    assert loaded(url, cache, NAME, download=True) == ["32", "32"]
    fetched = {path.rpartition("/")[2] for path in asked if "/resolve/" in path}
    assert fetched >= FETCHED
    assert not any(name.endswith(".bin") for name in fetched)
    asked.clear()
    for download in (True, False):  # now it is on this machine
        assert loaded(url, cache, NAME, download=download) == ["32", "32"]
    assert asked == []
    (missing,) = loaded(url, cache, "someone/else", download=True)
    assert missing.startswith("--image-encoder hub:someone/else cannot be fetched (")
