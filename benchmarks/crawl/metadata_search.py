"""How fast photos are found in YFCC100M's metadata: rows per second, for each file format.

    python -m benchmarks.crawl.metadata_search [ROWS] [WANTED]

The rows are synthetic, with the lengths of real ones; one in a thousand is wanted, and the wanted
set is as large as VSO's list.
"""

import bz2
import gzip
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.harvest.yfcc100m.files import open_metadata
from flickr_emotion.harvest.yfcc100m.rows import COLUMNS, parse_row

_ONE_IN = 1000


def row(number: int, random: Random) -> list[str]:
    """Return a row of about 450 bytes; the photo id grows with its number."""
    photo_id, owner = str(1_000_000_000 + 7 * number), f"{random.randrange(10**8)}@N00"
    words = [f"word{random.randrange(5000)}" for _ in range(30)]
    return [
        *(photo_id, owner, "somebody", "2012-02-16 09:56:37.0", "1331840483", "Canon+EOS+5D"),
        *(quote_plus(" ".join(words[:4])), quote_plus(" ".join(words[4:20])), ",".join(words[20:])),
        *("", "-81.804885", "24.550558", "12", f"http://www.flickr.com/photos/{owner}/{photo_id}/"),
        f"http://farm8.staticflickr.com/7205/{photo_id}_df7747990d.jpg",
        "Attribution-NonCommercial-ShareAlike License",
        "http://creativecommons.org/licenses/by-nc-sa/2.0/",
        *("7205", "8", "df7747990d", "692d7e0a7f", "jpg", "0"),
    ]


def write_forms(folder: Path, count: int) -> list[Path]:
    """Write the same rows in every format."""
    random = Random(0)
    rows = [row(number, random) for number in range(count)]
    text = folder / "plain.tsv"
    text.write_text("".join("\t".join(cells) + "\n" for cells in rows), encoding="utf-8")
    paths = [text]
    for name, opened in (("tsv.gz", gzip.open), ("tsv.bz2", bz2.open)):
        paths.append(folder / name)
        with text.open("rb") as source, opened(paths[-1], "wb") as target:
            shutil.copyfileobj(source, target)
    columns = {name: [cells[i] for cells in rows] for i, name in enumerate(COLUMNS)}
    paths.append(folder / "table.parquet")
    pq.write_table(pa.table(columns), paths[-1], row_group_size=100_000)
    for name, kind in (("indexed", "INTEGER PRIMARY KEY"), ("plain", "INTEGER")):
        paths.append(folder / f"{name}.sqlite")
        connection = sqlite3.connect(paths[-1])
        marks = ", ".join("?" * len(COLUMNS))
        connection.execute(
            f"CREATE TABLE yfcc100m_dataset ({', '.join(COLUMNS)})".replace(
                "photoid", f"photoid {kind}", 1
            )
        )
        connection.executemany(f"INSERT INTO yfcc100m_dataset VALUES ({marks})", rows)
        connection.commit()
        connection.close()
    return paths


def main(count: int = 400_000, wanted_count: int = 1_300_000) -> None:
    """Print a line for each format."""
    wanted = {str(1_000_000_000 + 7 * n) for n in range(0, count, _ONE_IN)}
    wanted |= {str(10**12 + n) for n in range(wanted_count - len(wanted))}
    with tempfile.TemporaryDirectory() as folder:
        for path in write_forms(Path(folder), count):
            started = time.perf_counter()
            rows = open_metadata(path).rows(wanted, lambda _: None)
            found = len([parse_row(cells) for cells in rows if cells is not None])
            seconds = time.perf_counter() - started
            print(f"{path.name:<15}{count / seconds:>12,.0f} rows/s  {found} found")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
