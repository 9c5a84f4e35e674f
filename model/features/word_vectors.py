"""Pretrained word vectors from word2vec and GloVe files, told apart by content.

Files are read as they are published, compressed ones (``.gz``, ``.zip``) too
(``model/features/vector_files.py``). Google's file holds three million words in 3.6 GB, a training
vocabulary some ten thousand. The file is therefore read as a stream, and only the vectors of the
vocabulary's words are kept.
"""

from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flickr_emotion.common.printing import say
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.vector_files import UNREADABLE, open_vectors
from flickr_emotion.model.posts.posts import FIRST_ID, PADDING

WORD_DIMENSION = 300
"""The dimension of word vectors, trained or read from a file (section 3.1)."""

# Published vectors have any length. With length 1 the text encoder never gets past the majority
# class at the paper's learning rate; rescaled to this mean length it does. On real posts (MVSA) a
# length of 16 gained a point at a rate of 0.001 and lost three at the paper's 0.01.
MEAN_NORM = 4.0

_BLOCK = 1 << 22
# The number that fastText's models (`.bin`) begin with, as 4 bytes.
_FASTTEXT = (793712314).to_bytes(4, "little")
_LONGEST_WORD = 1 << 14
_LONGEST_NUMBER = 64
# The most digits of a number in a header: no file holds more words.
_MOST_DIGITS = 12

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class WordVectors:
    """The vectors of the vocabulary's words found in a file, rescaled for training."""

    vectors: dict[str, Vector]
    dimension: int

    def matrix(self, vocabulary: Sequence[str], generator: torch.Generator) -> Tensor:
        """Return the embedding of a vocabulary: padding, ``<UNK>``, then its words.

        ``<UNK>`` and words without a vector get random vectors of the others' mean length.
        """
        matrix = torch.randn(FIRST_ID + len(vocabulary), self.dimension, generator=generator)
        matrix *= MEAN_NORM / self.dimension**0.5
        matrix[PADDING] = 0
        for number, word in enumerate(vocabulary, FIRST_ID):
            if word in self.vectors:
                matrix[number] = torch.from_numpy(self.vectors[word])
        return matrix


def random_vectors(dimension: int) -> WordVectors:
    """Return an empty set of vectors: every word will get a random one."""
    return WordVectors(vectors={}, dimension=dimension)


def read_word_vectors(path: Path, vocabulary: Sequence[str], dimension: int) -> WordVectors:
    """Read the vectors of a vocabulary's lower-case words.

    A word's own spelling is preferred, then ``Word``, ``WORD`` and other spellings: Google's
    vectors are cased, and names have none in lower case.
    """
    wanted = _Wanted(vocabulary)
    try:
        with open_vectors(path, dimension) as file:
            _read(file, path, dimension, wanted)
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(
            f"--word-vectors {path} cannot be read ({reason}): give a word2vec or GloVe file"
        ) from None
    if not wanted.found:
        raise ModelError(
            f"{path} has none of the vocabulary's {len(vocabulary)} words: give word vectors of "
            "the texts' language"
        )
    norm = float(np.mean([np.linalg.norm(vector) for _, vector in wanted.found.values()]))
    if not 0 < norm < np.inf:
        raise ModelError(
            f"{path} has vectors of length {norm}: give a whole word2vec or GloVe file"
        )
    say(f"{path}: vectors of {len(wanted.found):,} of the vocabulary's {len(vocabulary):,} words")
    return WordVectors(
        vectors={
            word: (vector * (MEAN_NORM / norm)).astype(np.float32)
            for word, (_, vector) in wanted.found.items()
        },
        dimension=dimension,
    )


class _Wanted:
    """The vocabulary's words, and the best spelling seen so far of each."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._vocabulary = frozenset(vocabulary)
        self.found: dict[str, tuple[int, Vector]] = {}

    def word(self, spelling: str) -> tuple[str, int] | None:
        """Return the vocabulary's word and this spelling's distance from it; None if not needed."""
        word = spelling
        if spelling in self._vocabulary:
            distance = 0
        else:
            word = spelling.lower()
            if word not in self._vocabulary:
                return None
            distance = 1 if spelling == word.capitalize() else 2 if spelling == word.upper() else 3
        # Files are sorted by frequency: of equally close spellings the first is kept.
        if word in self.found and self.found[word][0] <= distance:
            return None
        return word, distance

    def keep(self, match: tuple[str, int], vector: Vector, place: str) -> None:
        """Keep a vector after checking that its numbers are finite."""
        if not np.isfinite(vector).all():
            raise ModelError(f"{place}: the vector holds a number that is not finite: {_ADVICE}")
        word, distance = match
        self.found[word] = (distance, vector)


_ADVICE = "give a whole word2vec or GloVe file"


def _read(file: BinaryIO, path: Path, dimension: int, wanted: _Wanted) -> None:
    start = file.read(_BLOCK)
    if start.startswith(_FASTTEXT):
        raise ModelError(
            f"{path} is a model of fastText's own format: give the .vec file that is published "
            "beside it, or one that `fasttext print-word-vectors` has written"
        )
    mark = len(BOM_UTF8) if start.startswith(BOM_UTF8) else 0
    start = start[mark:]
    first, _, rest = start.partition(b"\n")
    header = first.split()
    has_header = len(header) == 2 and all(part.isdigit() for part in header)
    if has_header and max(map(len, header)) > _MOST_DIGITS:
        raise ModelError(
            f"{path}, line 1 gives more words or dimensions than a file can hold: {_ADVICE}"
        )
    found = int(header[1]) if has_header else len(first.rstrip().split(b" ")) - 1
    if not has_header and (found < 1 or _numbers(first.rstrip(), found) is None):
        raise ModelError(
            f"{path}, line 1 is neither a word2vec header nor a word and its vector: {_ADVICE}"
        )
    if found != dimension:
        raise ModelError(
            f"{path} has vectors of {found} dimensions, but the text encoder needs {dimension}: "
            f"give vectors of {dimension}"
        )
    if not has_header:
        file.seek(mark)
        _read_text(file, path, dimension, wanted, first_line=1)
        return
    file.seek(mark + len(first) + 1)
    count = int(header[0])
    if _is_binary(rest, 4 * dimension):
        words = _read_binary(file, path, count, dimension, wanted)
        _say_count(path, words, count)
        return
    if _numbers(rest.partition(b"\n")[0].rstrip(), dimension) is None:
        raise _no_entry(path, 2, dimension)
    _say_count(path, _read_text(file, path, dimension, wanted, first_line=2), count)


def _say_count(path: Path, words: int, count: int) -> None:
    """Say that a header is wrong: published files were cut or joined without changing it."""
    if words != count:
        say(f"{path} has {words:,} words, but its line 1 says {count:,}: all of them are read")


def _is_binary(records: bytes, size: int) -> bool:
    """Decide by the first word's numbers, which take ``size`` bytes if they are binary."""
    word, space, numbers = records.lstrip(b"\n").partition(b" ")
    if not space or b"\n" in word:
        return b"\n" not in word
    try:
        # Text bytes may extend into a later line's word and end within a character of it.
        text = getincrementaldecoder("utf-8")().decode(numbers[:size])
    except UnicodeDecodeError:
        return True
    return not all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def _no_entry(path: Path, line: int, dimension: int) -> ModelError:
    return ModelError(f"{path}, line {line} is not a word and {dimension} numbers: {_ADVICE}")


def _numbers(line: bytes, dimension: int) -> Vector | None:
    """Return the vector of a text line; None if it is not a word and ``dimension`` numbers."""
    # Split from the right: some of GloVe's words contain spaces.
    fields = line.rsplit(b" ", dimension)
    if len(fields) != dimension + 1:
        return None
    try:
        return np.array(fields[1:], dtype=np.float32)
    except ValueError:
        return None


def _read_text(
    file: BinaryIO, path: Path, dimension: int, wanted: _Wanted, *, first_line: int
) -> int:
    """Read the vectors of a text file and return its number of words."""
    words = 0
    longest = _LONGEST_WORD + dimension * _LONGEST_NUMBER
    lines = iter(lambda: file.readline(longest + 1), b"")
    for number, line in enumerate(lines, first_line):
        if len(line) > longest:
            raise _no_entry(path, number, dimension)
        line = line.rstrip()
        if not line:
            continue
        words += 1
        if line.count(b" ") < dimension:
            raise _no_entry(path, number, dimension)
        spelling = line.rsplit(b" ", dimension)[0].decode("utf-8", "replace")
        match = wanted.word(spelling)
        if match:
            vector = _numbers(line, dimension)
            if vector is None:
                raise _no_entry(path, number, dimension)
            wanted.keep(match, vector, f"{path}, line {number}")
    return words


def _read_binary(file: BinaryIO, path: Path, count: int, dimension: int, wanted: _Wanted) -> int:
    """Read the vectors of a binary file and return its number of words."""
    number = 0
    for number, (spelling, content) in enumerate(_records(file, path, count, 4 * dimension), 1):
        match = wanted.word(spelling.decode("utf-8", "replace"))
        if match:
            vector = np.frombuffer(content, dtype="<f4")
            wanted.keep(match, vector, f"{path}, word {number}")
    return number


def _records(file: BinaryIO, path: Path, count: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the words of a binary file with the bytes of their numbers."""
    buffer, at = b"", 0
    for number in range(1, count + 1):
        space = buffer.find(b" ", at)
        while space < 0 or len(buffer) < space + 1 + size:
            if space < 0 and len(buffer) - at > _LONGEST_WORD:
                raise ModelError(f"{path}: word {number} of {count} has no end: {_ADVICE}")
            block = file.read(_BLOCK)
            if not block and number > 1 and not buffer[at:].strip(b"\n"):
                return  # the file has fewer words than its header says
            if not block:
                raise ModelError(f"{path} ends within word {number} of {count}: {_ADVICE}")
            buffer, at = buffer[at:] + block, 0
            space = buffer.find(b" ")
        # The original tool ends each vector with a line break; others do not.
        yield buffer[at:space].lstrip(b"\n"), buffer[space + 1 : space + 1 + size]
        at = space + 1 + size
