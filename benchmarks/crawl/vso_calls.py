"""The API calls of a crawl of VSO's lists: listings first, against ``getInfo`` for every photo.

    python -m benchmarks.crawl.vso_calls LIST [--pairs 37 --pairs 296] [--without-get-info]

LIST is VSO's folder, or a tar archive of one. The sandbox serves it from a separate process as a
virtual corpus and counts the calls. Both crawls are the real one, in this process, without pictures
(a HEAD request each). The ``getInfo`` crawl uses a ledger from which the words and owners of the
photos were removed. With ``--pairs``, lists of that many pairs, evenly chosen, are crawled before
the whole list.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.vso import ONTOLOGY_NAME
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus

_QUOTA = 3600


def main() -> None:
    """Print a line for each crawl."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("list", type=Path)
    parser.add_argument("--pairs", type=int, action="append", default=[])
    parser.add_argument("--without-get-info", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in arguments.pairs:
            with vso_lists(arguments.list, count) as some:
                _measure(some, folder / f"harvest{count}", "listings first")
        with vso_lists(arguments.list) as lists:
            planned = _measure(lists, folder / "harvest", "listings first")
            if arguments.without_get_info:
                return
            plain = _measure(lists, folder / "plain", "getInfo only")
        print(
            f"{plain / planned:.1f} times fewer calls; {(plain - planned) / _QUOTA:.1f} hours "
            "of quota saved"
        )


@contextmanager
def vso_lists(lists: Path, pairs: int | None = None) -> Iterator[Path]:
    """Yield VSO's folder, extracted if ``lists`` is an archive, or a copy with fewer pairs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if lists.is_file():
            with tarfile.open(lists) as archive:
                archive.extractall(folder / "whole", filter="data")
            lists = folder / "whole"
        if pairs is not None:
            _choose(lists, folder / "some", pairs)
            lists = folder / "some"
        yield lists.resolve()


def _choose(lists: Path, chosen: Path, count: int) -> None:
    files = [path for path in lists.rglob("*.txt") if path.name != ONTOLOGY_NAME]
    pairs = sorted({path.stem for path in files})
    wanted = {pairs[n * len(pairs) // count] for n in range(count)}
    for path in files:
        if path.stem in wanted:
            target = chosen / path.relative_to(lists)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(next(lists.rglob(ONTOLOGY_NAME)), chosen)


def _measure(lists: Path, out: Path, how: str) -> int:
    """Crawl lists until every photo is settled; return the calls that the server counted."""
    with sandbox(lists) as url:
        if how == "getInfo only":
            _forget_words(lists, out)
        options = CrawlOptions(
            published_lists=(lists,),
            out=out,
            api_key="0123456789abcdef0123456789abcdef",
            api_secret="sandbox",
            flickr_url=url,
            images=False,
            quota=0,
        )
        started = time.perf_counter()
        crawl(options, lambda line: print(f"  {line}", file=sys.stderr), lambda snapshot: None)
        seconds = time.perf_counter() - started
        with urllib.request.urlopen(f"{url}/__stats") as answer:
            counted = json.load(answer)
    with Ledger(out / FILE_NAME) as ledger:
        _check(ledger, vso_corpus(lists))
        pairs = ledger.query("SELECT count(DISTINCT pair) AS n FROM listed")[0]["n"]
        api, _ = ledger.outcome_counts()
        by_kind = ledger.query(
            "SELECT substr(listing, 1, instr(listing, ':') - 1) AS kind, count(*) AS calls, "
            "sum(won) AS won FROM windows GROUP BY 1 ORDER BY 1"
        )
    photos, calls = sum(api.values()), int(counted["api_total"])
    print(
        f"{how}: {pairs} pairs, {photos:,} photos ({api['ok']:,} ok, {api['gone']:,} gone, "
        f"{api['private']:,} private, {api['failed']:,} failed), all that exist found; "
        f"{calls:,} calls, {calls / photos:.4f} a photo, {calls / _QUOTA:.1f} hours of quota; "
        f"{seconds:.0f} s"
    )
    for row in by_kind:
        print(f"  {row['kind']}: {row['calls']:,} calls brought {row['won']:,}")
    print(f"  getInfo: {counted['api'].get('flickr.photos.getInfo', 0):,} calls", flush=True)
    return calls


def _forget_words(lists: Path, out: Path) -> None:
    out.mkdir()
    with Ledger(out / FILE_NAME, create=True) as ledger:
        add_list(ledger, open_list(lists), lambda line: None)
        with ledger.transaction() as connection:
            connection.execute("UPDATE listed SET pair = NULL")
            connection.execute("UPDATE photos SET owner_name = NULL")


def _check(ledger: Ledger, corpus: VsoCorpus) -> None:
    """Refuse to report a crawl that has not settled every photo correctly."""
    expected = {"ok": "ok", "private": "private", "deleted": "gone", "placeholder": "gone"}
    found = {
        row["photo_id"]: row["api_outcome"]
        for row in ledger.query("SELECT photo_id, api_outcome FROM photos")
    }
    for place, number in enumerate(corpus.listed.numbers):
        status = expected[corpus.listed.status(place)]
        if found.pop(str(number)) != status:
            raise SystemExit(f"photo {number} is {status}, but the crawl recorded something else")
    if found:
        raise SystemExit(f"{len(found)} photos are not in any list")


@contextmanager
def sandbox(lists: Path, *options: str) -> Iterator[str]:
    """Serve a virtual corpus from a separate process; yields its URL."""
    command = [sys.executable, "cli.py", "sandbox", "--vso", str(lists), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if " at http" in line:
                yield line.split(" at ")[1].strip()
                break
        server.terminate()


if __name__ == "__main__":
    main()
