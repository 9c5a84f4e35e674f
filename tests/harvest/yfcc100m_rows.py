"""Rows of YFCC100M's metadata about posts of a corpus, and files with them."""

import bz2
import gzip
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.harvest.flickr.tags import is_machine_tag
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.yfcc100m.rows import COLUMNS

LICENSES = ("by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd")  # Flickr's ids 1 to 6
Write = Callable[[Path, list[list[str]]], Path]


def row(post: Post, **changes: str) -> list[str]:
    """Return the metadata of a post in the published encoding, column by column."""
    taken = time.strftime("%Y-%m-%d %H:%M:%S.0", time.gmtime(post.date_upload - 86_400))
    plain = [quote_plus(tag) for tag in post.tags if not is_machine_tag(tag)]
    machine = [quote_plus(tag) for tag in post.tags if is_machine_tag(tag)]
    place = f"{post.server}/{post.photo_id}_{post.secret}.jpg"
    cells = {
        **{"photoid": post.photo_id, "uid": post.owner, "unickname": "some+body"},
        **{"datetaken": taken, "dateuploaded": str(post.date_upload)},
        **{"capturedevice": "Canon+PowerShot+ELPH+310+HS", "title": quote_plus(post.title)},
        **{"description": quote_plus(post.description), "usertags": ",".join(plain)},
        **{"machinetags": ",".join(machine), "longitude": "", "latitude": "", "accuracy": ""},
        "pageurl": f"http://www.flickr.com/photos/{post.owner}/{post.photo_id}/",
        "downloadurl": f"http://farm{post.farm}.staticflickr.com/{place}",
        "licensename": "Attribution License",
        "licenseurl": f"http://creativecommons.org/licenses/{LICENSES[post.license - 1]}/2.0/",
        **{"serverid": post.server, "farmid": str(post.farm), "secret": post.secret},
        **{"secretoriginal": "692d7e0a7f", "ext": "jpg", "marker": "0"},
    }
    assert tuple(cells) == COLUMNS
    return list((cells | changes).values())


def text(rows: Iterable[list[str]], columns: int = 23) -> bytes:
    """Return the tab-separated file of a release with that many columns."""
    lines = []
    for number, cells in enumerate(rows):
        before = [str(number)] if columns > 23 else []
        behind = ["4e2f7a26a1dfbf165a7e30bdabf7e72a"] if columns > 24 else []
        lines.append("\t".join([*before, cells[0], *behind, *cells[1:]]) + "\n")
    return "".join(lines).encode()


def write_text(path: Path, rows: list[list[str]]) -> Path:
    path.write_bytes(text(rows))
    return path


def write_older_text(path: Path, rows: list[list[str]]) -> Path:
    path.write_bytes(text(rows, 24))
    return path


def write_newer_bz2(path: Path, rows: list[list[str]]) -> Path:
    path.write_bytes(bz2.compress(text(rows, 25)))
    return path


def write_gz(path: Path, rows: list[list[str]]) -> Path:
    path.write_bytes(gzip.compress(text(rows)))
    return path


def write_parquet(path: Path, rows: list[list[str]]) -> Path:
    """Write text in every column, in groups of three rows."""
    table = {name: [cells[place] for cells in rows] for place, name in enumerate(COLUMNS)}
    pq.write_table(pa.table(table), path, row_group_size=3)
    return path


def write_data_frame(path: Path, rows: list[list[str]]) -> Path:
    """Write numbers as a data frame keeps them, other names, and further columns."""
    table = pa.table(
        {
            "key": ["x"] * len(rows),
            **{name: [cells[place] for cells in rows] for place, name in enumerate(COLUMNS)},
        }
    )
    for name, kind in (("photoid", pa.int64()), ("serverid", pa.int64()), ("farmid", pa.int8())):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table.column(name).cast(kind))
    place = table.schema.get_field_index("serverid")
    table = table.set_column(place, "serverid", table.column("serverid").cast(pa.float64()))
    named = {"photoid": "photo_id", "uid": "user_nsid", "usertags": "User_Tags"}
    pq.write_table(table.rename_columns([named.get(n, n) for n in table.column_names]), path)
    return path


def parquet_writer(id_type: pa.DataType) -> Write:
    """Write text in every column but the photo ids, which are numbers with a hole at the end."""

    def write(path: Path, rows: list[list[str]]) -> Path:
        table = {name: [cells[place] for cells in rows] for place, name in enumerate(COLUMNS)}
        ids = pa.array([*map(int, table["photoid"]), None]).cast(id_type, safe=False)
        rest = {name: [*values, values[0]] for name, values in table.items() if name != "photoid"}
        pq.write_table(pa.table({"photoid": ids, **rest}), path, row_group_size=3)
        return path

    return write


def sqlite_writer(id_type: str) -> Write:
    """Write SQLite with photo ids of that declared type."""

    def write(path: Path, rows: list[list[str]]) -> Path:
        columns = ", ".join([f"photoid {id_type}", *COLUMNS[1:]])
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE about (photoid, note)")
            connection.execute(f"CREATE TABLE yfcc100m_dataset ({columns})")
            connection.executemany(
                f"INSERT INTO yfcc100m_dataset VALUES ({', '.join('?' * len(COLUMNS))})",
                [[int(cells[0]), *cells[1:]] for cells in rows],
            )
        connection.close()
        return path

    return write


FORMS: dict[str, Write] = {
    "23 columns": write_text,
    "24 columns": write_older_text,
    "25 columns, bz2": write_newer_bz2,
    "gz": write_gz,
    "Parquet of text": write_parquet,
    "Parquet of a data frame": write_data_frame,
    "Parquet, ids are floats": parquet_writer(pa.float64()),
    "Parquet, ids are decimals": parquet_writer(pa.decimal128(30, 2)),
    "SQLite, ids are floats": sqlite_writer("REAL"),
    "SQLite, ids are floats with an index": sqlite_writer("REAL PRIMARY KEY"),
    "SQLite, ids are the key": sqlite_writer("INTEGER PRIMARY KEY"),
    "SQLite, ids are text": sqlite_writer("TEXT PRIMARY KEY"),
    "SQLite, no index": sqlite_writer("INTEGER"),
    "SQLite, no type": sqlite_writer("UNIQUE"),
}
