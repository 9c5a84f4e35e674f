"""A manifest: the posts of a data set, so that others can fetch and rebuild them.

It is one Parquet file with one row per post: the photo's reference on Flickr, its label and split,
and digests of text, tags and picture to compare a rebuilt post with. It has no content. It is
untrusted: a manifest that breaks a rule is refused as a whole, with one line. This module reads the
file, ``description`` its metadata and ``rows`` its rows. ``docs/manifests.md`` has the format.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.common.takedown.tombstones import LARGEST, Tombstones, parse_tombstones
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.description import KEY, Description, parse_description
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY, RowsDigest
from flickr_emotion.harvest.manifests.distribution_column import distribution_field
from flickr_emotion.harvest.manifests.rows import BrokenRowError, RowRules

DIGEST = pa.binary(16)
"""The first half of a SHA-256: enough to exclude chance, and small for three in each row."""
SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        pa.field("label", pa.string(), nullable=False),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        pa.field("pair", pa.string()),
        pa.field("split", pa.string(), nullable=False),
        pa.field("modalities", pa.string(), nullable=False),
        pa.field("text_sha256", DIGEST),
        pa.field("tags_sha256", DIGEST),
        pa.field("image_sha256", DIGEST),
    ]
)
URL = pa.field("url", pa.string())
"""The column that ``--with-urls`` adds."""

TOMBSTONES_KEY = "flickr-emotion-tombstones"

_BATCH = 65_536
_CLASSES = 16
"""With more classes, batches have fewer rows, because each class is a number a row."""
_FIRST_WITH_DIGEST = 2
_MOST_ROWS = 100_000_000
_MOST_ROWS_PER_GROUP = 2**20
# Uncompressed: the longest values that a row can have, and the overhead of pages.
_MOST_BYTES_PER_ROW, _MOST_OTHER_BYTES = 1000, 2**20
_BYTES_PER_CLASS = 10
_LARGEST_FOOTER_PART = LARGEST


def schema_of(description: Description) -> pa.Schema:
    """Return the columns of a manifest, but ``url``."""
    if not description.has_distributions:
        return SCHEMA
    return SCHEMA.append(distribution_field(description.classes))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An open manifest; its rows are checked when they are read."""

    path: Path
    description: Description
    rows: int
    with_urls: bool
    digest: tuple[bytes, str] | None
    """The raw metadata that the digest also covers (``digested``), and the digest; None in
    version 1."""
    tombstones: Tombstones
    """Those of posts that were withdrawn from the data set."""

    @property
    def schema(self) -> pa.Schema:
        """The columns that every row has."""
        return schema_of(self.description)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield checked batches of rows with the columns of ``schema``, in the order of photo ids.

        Raises ``HarvestError`` at the first row that breaks a rule, and at the end if the manifest
        is damaged.
        """
        schema = self.schema
        rows_at_once = _BATCH
        if self.description.has_distributions:
            rows_at_once = max(1, _BATCH * _CLASSES // (_CLASSES + len(self.description.classes)))
        digest = RowsDigest(schema.names)
        rules = RowRules(
            classes=self.description.classes,
            kind=self.description.kind,
            with_urls=self.with_urls,
        )
        try:
            with pq.ParquetFile(
                self.path, read_dictionary=self._strings, page_checksum_verification=True
            ) as file:
                # Read the groups one by one, or the dictionaries of all would be kept in memory.
                for group in range(file.num_row_groups):
                    for batch in file.iter_batches(rows_at_once, row_groups=[group]):
                        rows = rules.checked(batch).select(schema.names).cast(schema)
                        digest.add(rows)
                        yield rows
            if rules.rows != self.rows:
                raise BrokenRowError(f"it has {rules.rows} rows, but its footer says {self.rows}")
            if self.digest and digest.of(self.digest[0]) != self.digest[1]:
                raise BrokenRowError("it is damaged (its content does not match its digest)")
        except BrokenRowError as error:
            raise _refused(self.path, str(error)) from None
        except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
            raise _refused(self.path, f"its rows cannot be read ({_one_line(error)})") from None

    @property
    def _strings(self) -> list[str]:
        """The columns to read as dictionaries, so that values are measured before expansion.

        A few bytes can encode a million rows with one long value. Arrow refuses to read
        ``DELTA_BYTE_ARRAY``, where values build upon each other, as a dictionary.
        """
        fields = [*SCHEMA, URL] if self.with_urls else SCHEMA
        return [field.name for field in fields if field.type == pa.string()]

    def check(self) -> None:
        """Read all rows; raises ``HarvestError`` at the first that breaks a rule."""
        for _ in self.batches():
            pass


def _opened(path: Path) -> pq.ParquetFile:
    """Open a Parquet file from others; a footer with very large parts is refused."""
    return pq.ParquetFile(
        path,
        thrift_string_size_limit=_LARGEST_FOOTER_PART,
        thrift_container_size_limit=_LARGEST_FOOTER_PART,
    )


def is_manifest(path: Path) -> bool:
    """Whether a Parquet file is a manifest, and not another table; also if it is damaged.

    A file with all columns of one is a manifest that another program has written anew.
    """
    try:
        with _opened(path) as file:
            known = KEY.encode() in (file.metadata.metadata or {})
            return known or set(SCHEMA.names) <= set(file.schema_arrow.names)
    except (OSError, pa.ArrowException, ValueError, MemoryError):
        return True


def open_manifest(path: Path) -> Manifest:
    """Open a manifest and check its columns, size and metadata, but not its rows.

    Raises ``HarvestError``.
    """
    if not path.is_file():
        raise HarvestError(f"{path} is not there: give the file that `manifest export` wrote")
    try:
        with _opened(path) as file:
            footer, schema = file.metadata, file.schema_arrow
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        raise _refused(path, f"it is not a Parquet file ({_one_line(error)})") from None
    raw = (footer.metadata or {}).get(KEY.encode())
    if raw is None:
        raise _refused(path, f"its metadata lack {KEY}: `manifest export` did not write it")
    try:
        description = parse_description(raw)
        with_urls = _with_urls(schema, schema_of(description))
        _check_size(footer, description)
    except ValueError as error:
        raise _refused(path, str(error)) from None
    tombstones = (footer.metadata or {}).get(TOMBSTONES_KEY.encode())
    if (tombstones is None) == description.has_tombstones:
        wrong = "lack" if description.has_tombstones else "have an unknown"
        raise _refused(path, f"its metadata {wrong} {TOMBSTONES_KEY}")
    digest = (footer.metadata or {}).get(DIGEST_KEY.encode())
    if digest is None and description.version >= _FIRST_WITH_DIGEST:
        raise _refused(path, f"its metadata lack {DIGEST_KEY}")
    return Manifest(
        path=path,
        description=description,
        rows=footer.num_rows,
        with_urls=with_urls,
        digest=digest and (digested(raw, tombstones), digest.decode("utf-8", "replace")),
        tombstones=_tombstones(path, tombstones),
    )


def digested(description: bytes, tombstones: bytes | None) -> bytes:
    """Return the metadata that the digest of a manifest covers, beside the rows."""
    return description if tombstones is None else description + b"\n" + tombstones


def _tombstones(path: Path, raw: bytes | None) -> Tombstones:
    try:
        return Tombstones() if raw is None else parse_tombstones(raw)
    except ValueError as error:
        raise _refused(path, str(error)) from None


def _with_urls(schema: pa.Schema, wanted: pa.Schema) -> bool:
    expected = [(field.name, field.type) for field in wanted]
    found = [(field.name, field.type) for field in schema]
    if found in (expected, [*expected, (URL.name, URL.type)]):
        return len(found) > len(expected)
    types = dict([*expected, (URL.name, URL.type)])
    names = [name for name, _ in found]
    for name, there in found:
        if name not in types:
            raise ValueError(f"it has a column {name[:50]!r}, which no manifest has")
        if there != types[name]:
            raise ValueError(
                f"its column {name} is of type {str(there)[:50]}, expected {types[name]}"
            )
    for name, _ in expected:
        if name not in names:
            raise ValueError(f"it has no column {name}")
    raise ValueError("its columns have duplicates or are in the wrong order")


def _check_size(footer: pq.FileMetaData, description: Description) -> None:
    if not 0 < footer.num_rows <= _MOST_ROWS:
        raise ValueError(f"it has {footer.num_rows} rows: a manifest has 1 to {_MOST_ROWS:,}")
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        if not 0 <= group.num_rows <= _MOST_ROWS_PER_GROUP:
            raise ValueError(
                f"it has a row group of {group.num_rows} rows: {_MOST_ROWS_PER_GROUP:,} at most"
            )
        # Check the group as a whole: asking for a damaged column's size would crash the process.
        per_row = _MOST_BYTES_PER_ROW
        if description.has_distributions:
            per_row += _BYTES_PER_CLASS * len(description.classes)
        most = per_row * group.num_rows + _MOST_OTHER_BYTES
        if not 0 <= group.total_byte_size <= most:
            raise ValueError(
                f"it has a row group of {group.total_byte_size} bytes for {group.num_rows} rows: "
                f"{most} at most"
            )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _refused(path: Path, why: str) -> HarvestError:
    return HarvestError(
        f"the manifest {path} is refused: {why}; ask its sender for a file that `manifest export` "
        "wrote"
    )
