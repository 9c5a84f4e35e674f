"""``build-splits`` on a million posts: time by size, memory, and a plain implementation.

    python -m benchmarks.build.scale ../shared/data --folder DIR [--posts 250000 500000 1000000]
    python -m benchmarks.build.scale ../shared/data --folder DIR --posts 2000 4000 --pictures

Harvests are drawn from real titles, descriptions, tags and pictures. The plain implementation is
one process with pandas and langdetect on some of the same posts; its decision on every text is
compared with ours. Without pictures, posts have texts and tags; with pictures, these have 500
pixels on their long side.
"""

import argparse
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import langdetect
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import post_text, without_urls, words
from flickr_emotion.harvest.ledger.facts import keep_list_kind, keep_service_of_posts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path

EMOTIONS = (
    *("amusement", "anger", "awe", "contentment", "disgust", "excitement", "fear", "sadness"),
)
_PLAIN_POSTS = 3000


class RealPosts:
    """Posts drawn from real titles, descriptions, tags and pictures."""

    def __init__(self, data: Path, pictures: bool) -> None:
        self._random = Random(0)
        self._titles: list[str] = []
        self._tags: list[str] = []
        with tarfile.open(data / "flickr_samples.tar.xz") as samples:
            for name in ("getinfo_photos", "list_photos", "hucvl_summaryset"):
                lines = samples.extractfile(f"./{name}.jsonl")
                assert lines is not None
                for line in lines:
                    post = json.loads(line)
                    self._titles.append(post["title"] or "")
                    tags = post.get("tags") or ""
                    self._tags += tags.split() if isinstance(tags, str) else map(str, tags)
        with lzma.open(data / "language_texts.jsonl.xz", "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        table = pq.read_table(data / "mvsa.parquet", columns=["description", "image"])
        # Half of them short and English, half of 5 to 150 words in 28 languages.
        self._descriptions = (table.column("description").to_pylist(), texts)
        self._pictures = (
            [_at_500_pixels(jpeg) for jpeg in table.column("image").to_pylist()[:1000]]
            if pictures
            else []
        )

    def draw(self, count: int) -> Iterator[dict[str, Any]]:
        """Yield posts."""
        random = self._random
        for number in range(count):
            yield {
                "photo_id": str(10**9 + 7 * number),
                "title": random.choice(self._titles),
                "description": random.choice(random.choice(self._descriptions)),
                "tags": sorted({random.choice(self._tags) for _ in range(random.randrange(12))}),
                "owner": f"{random.randrange(count // 3 + 1)}@N00",
                "emotion": random.choice(EMOTIONS),
                "agree": random.choice([2, 3, 4, 5, 5, 5]),
                "picture": random.choice(self._pictures) if self._pictures else None,
            }


def _at_500_pixels(jpeg: bytes) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as picture:
        scale = 500 / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        larger = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    larger.save(out, "JPEG", quality=90)
    return out.getvalue()


def write_harvest(posts: Iterator[dict[str, Any]], folder: Path) -> None:
    """Write a harvest like one left by a crawl."""
    folder.mkdir(parents=True)
    with Ledger(folder / FILE_NAME, create=True) as ledger:
        keep_list_kind(ledger, "votes")
        keep_service_of_posts(ledger, "other")
        with ledger.transaction() as connection:
            for row, post in enumerate(posts, 1):
                picture = post["picture"]
                if picture is not None:
                    path = image_path(folder / "images", post["photo_id"])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(picture)
                connection.execute(
                    "INSERT INTO photos (photo_id, server, farm, secret, api_outcome, "
                    "api_next_try, image_outcome, image_next_try, title, description, tags, "
                    "owner, license, image_sha256) "
                    "VALUES (?, '65535', '1', '0123456789', 'ok', NULL, ?, NULL, ?, ?, ?, ?, "
                    "'0', ?)",
                    (
                        post["photo_id"],
                        "gone" if picture is None else "ok",
                        *(post["title"], post["description"], json.dumps(post["tags"])),
                        post["owner"],
                        None if picture is None else sha256(picture).hexdigest(),
                    ),
                )
                connection.execute(
                    "INSERT INTO listed (file, row, photo_id, emotion, agree, disagree) "
                    "VALUES ('list.csv', ?, ?, ?, ?, 0)",
                    (row, post["photo_id"], post["emotion"], post["agree"]),
                )


def build(harvest: Path, out: Path, every: float = 1) -> tuple[float, float]:
    """Run ``build-splits``; return seconds and the peak memory of all its processes in MB.

    The memory is measured ``every`` so many seconds.
    """
    command = [sys.executable, "cli.py", "build-splits", str(harvest), "--out", str(out)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(every)
    if process.returncode:
        raise SystemExit(f"build-splits ended with {process.returncode}")
    return time.perf_counter() - started, peak


def _cpu_of_processes() -> float:
    """Return the seconds of the processor of all processes that were started and have ended."""
    used = os.times()
    return used.children_user + used.children_system


def memory_of(pid: int) -> float:
    """Return the memory of a process and those it started in MB, shared pages counted once."""
    total = 0.0
    for process in (pid, *_children(pid)):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return total


def _children(pid: int) -> list[int]:
    try:
        direct = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return []
    return [found for child in map(int, direct) for found in (child, *_children(child))]


def plain_build(harvest: Path, count: int, out: Path) -> tuple[float, dict[str, bool]]:
    """Filter the posts among the first ``count`` photos; return seconds and which texts are kept.

    Written the usual pandas way: a column for each property, then the rows that pass.
    """
    langdetect.DetectorFactory.seed = 0
    with Ledger(harvest / FILE_NAME) as ledger:
        rows = [
            dict(row)
            for row in ledger.query(
                "SELECT * FROM photos JOIN listed USING (photo_id) LIMIT ?", (count,)
            )
        ]
    started = time.perf_counter()
    posts = pd.DataFrame(rows)
    posts = posts[posts["agree"] >= 3]
    posts["text"] = posts.apply(lambda post: post_text(post["title"], post["description"]), axis=1)
    posts["words"] = posts["text"].map(lambda text: len(words(text)))
    posts["language"] = posts["text"].map(_language)
    posts["tags"] = posts["tags"].map(lambda tags: normalise_tags(json.loads(tags)))
    kept = posts["words"].between(5, 150) & (posts["language"] == "en")
    posts[kept][["photo_id", "text", "tags", "emotion", "agree"]].to_parquet(out)
    seconds = time.perf_counter() - started
    return seconds, dict(zip(posts["photo_id"], kept, strict=True))


def _language(text: str) -> str | None:
    try:
        language: str = langdetect.detect(without_urls(text))
    except langdetect.LangDetectException:
        return None
    return language


def same_decisions(dataset: Path, kept: dict[str, bool]) -> int:
    """Compare with a data set; return the number of texts, with the same decision for all."""
    texts: dict[str, str | None] = {}
    for shard in sorted((dataset / "data").glob("*.parquet")):
        table = pq.read_table(shard, columns=["photo_id", "text"])
        columns = [table.column(name).to_pylist() for name in ("photo_id", "text")]
        texts.update(zip(*columns, strict=True))
    differing = [i for i, plain in kept.items() if i in texts and (texts[i] is not None) != plain]
    if differing:
        raise SystemExit(f"different decisions on texts: {differing[:5]}")
    return sum(photo_id in texts for photo_id in kept)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--posts", type=int, nargs="+", default=[250_000, 500_000, 1_000_000])
    parser.add_argument("--pictures", action="store_true")
    arguments = parser.parse_args()
    real = RealPosts(arguments.data, arguments.pictures)
    for count in arguments.posts:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
            harvest, dataset = Path(scratch) / "harvest", Path(scratch) / "dataset"
            write_harvest(real.draw(count), harvest)
            before = _cpu_of_processes()
            seconds, memory = build(harvest, dataset)
            cpu = _cpu_of_processes() - before
            print(
                f"{count:>9,} posts: {seconds:6.1f} s, {count / seconds:7,.0f}/s, {memory:,.0f} MB"
                f"; {cpu:.1f} s of the processor",
                flush=True,
            )
            if not arguments.pictures:
                some = min(_PLAIN_POSTS, count)
                before = time.process_time()
                plain, kept = plain_build(harvest, some, Path(scratch) / "plain.parquet")
                plain_cpu = time.process_time() - before
                alike = same_decisions(dataset, kept)
                each, each_cpu = plain / some, plain_cpu / some
                print(
                    f"          plain implementation {each * 1e3:.2f} ms a post, "
                    f"{each / (seconds / count):.0f} times as long, "
                    f"{each_cpu / (cpu / count):.0f} times by the processor; "
                    f"{alike:,} texts decided alike"
                )
            again, memory = build(harvest, dataset)
            print(f"          the same build again: {again:.1f} s, {memory:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
