"""``serve`` on 150,000 posts: how long the page takes to open and to filter, and its memory.

    python -m benchmarks.serve --folder DIR [--posts 150000]

The data set is written once into DIR: texts of 5 to 80 words of a vocabulary of 50,000, drawn by
Zipf's law, up to twelve tags, 50,000 owners, and JPEGs of about 15 KB. It is then served by the
command, in a process of its own, and asked as a browser asks. Once it has answered the first page
it reads texts and tags ahead and compares them with their checksums: the searches are asked after
that, as by a reader who types a word, and one is asked of another process at once. Seconds of the
processor stand beside those of the clock, which grow with whatever else the machine does.
"""

import argparse
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import requests
from PIL import Image

from benchmarks.build.scale import EMOTIONS
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.whole_files import json_text
from flickr_emotion.datasets.folder.file_digests import file_digests, with_digests
from flickr_emotion.datasets.folder.layout import DESCRIPTION, VOCABULARY
from flickr_emotion.datasets.folder.shards import SCHEMA, shards_in

_SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
_POSTS_AT_ONCE = 2000
_PICTURES = 4000
_WORDS = 50_000
SEARCHES = {
    "all posts": "",
    "label": "label=awe",
    "label, split, subset": "label=fear&split=test&subset=image%2Btext%2Btags",
    "a frequent word": "words=word3",
    "a rare word": "words=word31415",
    "three words": "words=word1+word5+word9",
    "a tag": "tag=tag7",
    "an owner": "owner=0000000000000123",
    "word and label again": "words=word3&label=sadness",
}


def write_data(folder: Path, posts: int) -> None:
    """Write a data set of so many posts."""
    random = Random(0)
    vocabulary = np.array([f"word{number}" for number in range(_WORDS)])
    weights = np.cumsum(1 / np.arange(1, _WORDS + 1))
    draw = np.random.default_rng(0)
    pictures = list(_pictures())
    counts: dict[str, dict[str, Any]] = {}
    (folder / "data").mkdir(parents=True)
    number = 0
    for split, share in _SHARES.items():
        labels: Counter[str] = Counter()
        subsets: Counter[str] = Counter()
        size = round(posts * share)
        with shards_in(folder / "data", split, SCHEMA) as write:
            for first in range(0, size, _POSTS_AT_ONCE):
                rows = []
                for _ in range(min(_POSTS_AT_ONCE, size - first)):
                    number += 1
                    label = random.choice(EMOTIONS)
                    places = draw.random(random.randint(5, 80)) * weights[-1]
                    words = vocabulary[np.searchsorted(weights, places)]
                    subset = random.choice(("image+text+tags", "image+tags", "image+text"))
                    labels[label] += 1
                    subsets[subset] += 1
                    rows.append(
                        {
                            "photo_id": str(10**9 + 7 * number),
                            "image": {"bytes": random.choice(pictures), "path": f"{number}.jpg"},
                            "text": " ".join(words) if "text" in subset else None,
                            "tags": [
                                f"tag{random.randrange(9999)}" for _ in range(random.randrange(12))
                            ]
                            if "tags" in subset
                            else [],
                            "label": label,
                            "votes": random.choice((3, 4, 5)),
                            "sentiment": None,
                            "owner": f"{random.randrange(50_000):016x}",
                            "license": random.choice(("0", "1", "4", "5")),
                            "modalities": subset,
                        }
                    )
                write(pa.Table.from_pylist(rows, schema=SCHEMA))
        counts[split] = {"total": size, "labels": dict(labels), "subsets": dict(subsets)}
    content = {
        "format": "flickr-emotion-dataset",
        "version": 3,
        "kind": "votes",
        "service": "other",
        "lists_digest": "",
        "classes": sorted(EMOTIONS),
        "counts": counts,
        "digest": "0" * 64,
        "options": {},
    }
    (folder / VOCABULARY).write_text(json_text({"min_count": 5, "words": {}, "tags": {}}))
    described = with_digests(folder, content, file_digests(folder, {}))
    (folder / DESCRIPTION).write_text(json_text(described))


def _pictures() -> Iterator[bytes]:
    """Yield JPEGs of about 15 KB."""
    draw = np.random.default_rng(0)
    for _ in range(_PICTURES):
        coarse = draw.integers(0, 255, (24, 32, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((341, 256), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture).astype(np.int16) + draw.integers(-9, 9, (256, 341, 3))
        file = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=60)
        yield file.getvalue()


def processor(pid: int) -> float:
    """Return the seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the largest memory of a process so far, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1000


class Reader:
    """Asks a running page, and prints what a reader waits for."""

    def __init__(self, running: "subprocess.Popen[str]", url: str) -> None:
        self._pid = running.pid
        self._session = requests.Session()
        self._session.get(url).raise_for_status()
        self._base = url.partition("/?")[0]

    def ask(self, name: str, *addresses: str) -> str:
        """Print the time of some requests; return the last answer."""
        started, before = time.perf_counter(), processor(self._pid)
        for address in addresses:
            answer = self._session.get(self._base + address)
            answer.raise_for_status()
        found = re.findall(r'role="status">([^<]+)<', answer.text)
        self.tell(name, time.perf_counter() - started, processor(self._pid) - before, *found)
        return answer.text

    def tell(self, name: str, clock: float, work: float, found: str = "") -> None:
        """Print a line."""
        print(f"{name:<34}{clock:6.2f} s, processor {work:5.2f} s  {found}", flush=True)

    def ask_pictures(self, name: str, query: str) -> None:
        """Print the time of a page's pictures, one after the other."""
        shown = self._session.get(f"{self._base}/explore?{query}").text
        pictures = re.findall(r'src="(/picture/\d+)"', shown)
        self.ask(f"{len(pictures)} pictures that lie {name}", *pictures)


@contextmanager
def opened(data: Path) -> Iterator[tuple[Reader, int]]:
    """Serve a data set and ask for the first page; yield a reader and the process."""
    command = [sys.executable, "cli.py", "serve", str(data)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[1]
        reader = Reader(running, url)
        reader.tell("opened", time.perf_counter() - started, processor(running.pid))
        yield reader, running.pid
        running.send_signal(signal.SIGINT)


def wait_until_idle(pid: int) -> None:
    """Wait until a process has had nothing to do for a second."""
    used = -1.0
    while used != (used := processor(pid)):
        time.sleep(1)


def measure(data: Path) -> None:
    """Serve a data set, and print what a reader waits for."""
    with opened(data) as (reader, _):
        reader.ask("a frequent word, at once", f"/explore?{SEARCHES['a frequent word']}")
    with opened(data) as (reader, pid):
        before = processor(pid)
        wait_until_idle(pid)
        print(f"read ahead: processor {processor(pid) - before:.2f} s")
        for name, query in SEARCHES.items():
            reader.ask(name, f"/explore?{query}")
        reader.ask_pictures("apart", "words=word31415")
        reader.ask_pictures("together", "")
        print(f"memory: {memory(pid):.0f} MB")
        reader.ask("near-duplicates, the first time", "/explore?near=1")
        print(f"memory: {memory(pid):.0f} MB")


def main() -> None:
    """Write the data set if it is not there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--posts", type=int, default=150_000)
    given = parser.parse_args()
    data = given.folder / f"posts-{given.posts}"
    if not data.exists():
        new = given.folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        write_data(new, given.posts)
        new.rename(data)
    assert set(SPLITS) == set(_SHARES)
    measure(data)


if __name__ == "__main__":
    main()
