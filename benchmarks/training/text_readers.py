"""Speed of the sentence encoders of `--text-encoder` on real texts, on one thread.

    OMP_NUM_THREADS=1 python -m benchmarks.training.text_readers POSTS.parquet

The file has a column ``description``, or another one named by ``--column``. Only texts of at least
five words are read, each as the recipe reads it. CPU seconds count, so that other work on the
machine matters less; the fastest of several rounds counts.
"""

import argparse
import time
from pathlib import Path

import pyarrow.parquet as pq
import torch

from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.features.texts.readers import open_readers
from flickr_emotion.model.features.texts.text_features import POSTS_PER_READ
from flickr_emotion.model.features.texts.views import read_text
from flickr_emotion.model.recipes import LEXICON, TEXT_ENCODERS

MIN_WORDS = 5


def read_texts(path: Path, column: str, most: int) -> list[str]:
    """Return the texts of a file as the recipe reads them."""
    cells = pq.read_table(path, columns=[column])[column].to_pylist()
    texts = [clean(cell) for cell in cells if cell]
    return [read_text(t, None, "text") for t in texts if len(words(t)) >= MIN_WORDS][:most]


def texts_a_second(name: str, texts: list[str], rounds: int) -> tuple[float, int]:
    """Return a reader's texts a CPU second, and the number of a text's features."""
    (reader,) = open_readers([name])
    reader.features(texts[:POSTS_PER_READ])
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for at in range(0, len(texts), POSTS_PER_READ):
            reader.features(texts[at : at + POSTS_PER_READ])
        best = min(best, time.process_time() - began)
    return len(texts) / best, reader.dimension


def main() -> None:
    """Print one line for each reader."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("posts", type=Path)
    parser.add_argument("--column", default="description")
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reader", action="append", help="a name, or hub:NAME")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = read_texts(arguments.posts, arguments.column, arguments.count)
    mean = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts):,} texts of {mean:.1f} words")
    for name in arguments.reader or (*TEXT_ENCODERS, LEXICON):
        rate, dimension = texts_a_second(name, texts, arguments.rounds)
        print(f"{name}: {rate:,.0f} texts a CPU second, {dimension:,} features", flush=True)


if __name__ == "__main__":
    main()
