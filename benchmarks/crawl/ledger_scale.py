"""A list of VSO's full size in the ledger: reading it, reading it again, and asking for the status.

    python -m benchmarks.crawl.ledger_scale [--rows 1394105] [--keep DIR]

The list consists of random photos in VSO's files and format (CCURL and NonCCURL together: 1,394,105
rows, 5,629 files, 5% of the photos in two). Each step is a separate process, to measure its memory
alone. The status is asked of a ledger in which every photo is settled with a title, a description
and tags, as after a crawl.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.lists.detection import open_list

_FILES = {"CCURL": 2385, "NonCCURL": 3244}


def main() -> None:
    """Print seconds and memory of each step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_394_105)
    parser.add_argument("--keep", type=Path, help="keep list and ledger in this folder")
    parser.add_argument("--step", choices=("read",), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step == "read":
        _read(arguments.keep)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name)
        write_list(folder / "list", rows=arguments.rows)
        for what in ("new ledger", "again"):
            command = [sys.executable, "-m", "benchmarks.crawl.ledger_scale"]
            done = subprocess.run(
                [*command, "--step", "read", "--keep", folder],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            print(f"{what}: {done.stdout.strip()}", flush=True)
        _settle(folder)
        size = (folder / FILE_NAME).stat().st_size / 2**20
        print(f"settled: a ledger of {size:,.0f} MB")
        for _ in range(3):
            started = time.perf_counter()
            command = [sys.executable, "cli.py", "status", str(folder)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            print(f"status, the whole command: {time.perf_counter() - started:.2f} s")


def write_list(folder: Path, *, rows: int) -> None:
    """Write a list in VSO's format, with random owners, servers and secrets."""
    rng = random.Random(0)
    names = [f"{half}/adjective{n}_noun{n}" for half, count in _FILES.items() for n in range(count)]
    ids = rng.sample(range(10**6, 8_480_000_000), int(rows * 0.95))
    ids += rng.sample(ids, rows - len(ids))
    rng.shuffle(ids)
    for number, name in enumerate(names):
        file = folder / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            f"image_url: http://farm{photo_id % 9 + 1}.staticflickr.com/{photo_id % 9000}/"
            f"{photo_id}_{rng.getrandbits(40):010x}.jpg    "
            f'flickr_username: "u{rng.randrange(446_616):x}" realname: ""\n'
            for photo_id in ids[number :: len(names)]
        ]
        file.write_text("".join(lines), encoding="utf-8")
    pairs = {name.partition("/")[2] for name in names}
    ontology = "".join(f"\t{pair} [sentiment: 1.50] [#imgs: 12,000]\n" for pair in sorted(pairs))
    (folder / "3244ANPs.txt").write_text(ontology, encoding="utf-8")


def _read(folder: Path) -> None:
    started = time.perf_counter()
    with Ledger(folder / FILE_NAME, create=True) as ledger:
        add_list(ledger, open_list(folder / "list"), lambda line: None)
        seconds = time.perf_counter() - started
        photos = ledger.left("api")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{photos:,} photos, {seconds:.1f} s, {peak:.0f} MB")


def _settle(folder: Path) -> None:
    """Settle every photo, seven of ten with a post."""
    with Ledger(folder / FILE_NAME, create=True) as ledger, ledger.transaction() as connection:
        connection.execute(
            "UPDATE photos SET api_next_try = NULL, image_next_try = NULL, "
            "api_outcome = CASE WHEN rowid % 10 < 7 THEN 'ok' ELSE 'gone' END, "
            "image_outcome = CASE WHEN rowid % 10 < 7 THEN 'ok' ELSE 'gone' END, "
            "title = 'A walk along the river in the evening', description = hex(zeroblob(150)), "
            "tags = '[\"evening\", \"river\", \"walk\"]', owner = '12345678@N00', license = '0'"
        )
        connection.executemany(
            "INSERT INTO calls (at, method) VALUES (?, 'flickr.photos.search')",
            ((float(number),) for number in range(150_000)),
        )


if __name__ == "__main__":
    main()
