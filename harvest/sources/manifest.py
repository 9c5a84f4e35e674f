"""A manifest: which posts a data set holds, so that others can fetch and build them again.

One Parquet file, a row a post: where Flickr keeps the photo, its label and split, and digests of
text, tags and picture by which a rebuilt post is compared; no content. It comes from others and is
not trusted: what breaks a rule is refused whole, with one line. This module knows the file and what
its metadata say; ``manifest_rows`` knows the rows. The format: ``docs/manifests.md``.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harvest.errors import HarvestError
from harvest.sources.manifest_rows import DICTIONARIES, BrokenRowError, RowRules

KEY = "flickr-emotion-manifest"
VERSION = 1
DIGEST = pa.binary(16)
"""The first half of a SHA-256: as good against chance, and three of them fit a row."""
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
KINDS = ("votes", "sentiment")

_MAGIC = b"PAR1"
_BATCH = 65_536
_MOST_ROWS = 100_000_000
# Unpacked, a column of a row group: the longest value of a row, and what a page costs by itself.
_MOST_BYTES_A_ROW, _MOST_BYTES_BESIDE = 150, 2**20
_LARGEST_FOOTER_PART = 16 * 2**20
_LONGEST_METADATA = 100_000
_MOST_CLASSES, _LONGEST_CLASS = 1000, 100
_MOST_OPTIONS = 50
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.,+-]{0,39}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,4})?")
# Least and largest of the options that every data set has; all others may be any number or word.
_RANGES = {
    "min_votes": (1, 10_000),
    "eval_votes": (1, 10_000),
    "min_words": (1, 1_000_000),
    "max_words": (1, 1_000_000),
    "min_count": (1, 1_000_000),
    "short_side": (16, 100_000),
    "seed": (0, 2**63 - 1),
}
_LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a manifest says of its data set as a whole."""

    kind: str
    """``votes`` or ``sentiment``."""
    service: str
    """``flickr``, or ``other`` where the posts came from elsewhere, such as the sandbox."""
    options: dict[str, Any]
    """The options of ``build-splits``, as ``dataset.json`` has them."""
    classes: tuple[str, ...]
    dataset_digest: str
    """``digest`` of ``dataset.json``."""

    def to_json(self) -> str:
        """Return the value of the file's metadata."""
        content = {"version": VERSION} | asdict(self)
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest that was opened; its rows are checked as they are read."""

    path: Path
    description: Description
    rows: int
    with_urls: bool

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as ``SCHEMA`` has them, in the order of photo ids, each batch checked.

        Raises ``HarvestError`` at the first row that breaks a rule.
        """
        rules = RowRules(
            classes=self.description.classes,
            kind=self.description.kind,
            with_urls=self.with_urls,
        )
        try:
            with pq.ParquetFile(self.path, read_dictionary=list(DICTIONARIES)) as file:
                for batch in file.iter_batches(_BATCH):
                    yield rules.checked(batch).select(SCHEMA.names).cast(SCHEMA)
        except BrokenRowError as error:
            raise _refused(self.path, str(error)) from None
        except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
            raise _refused(self.path, f"its rows cannot be read ({_one_line(error)})") from None

    def check(self) -> None:
        """Read all rows; raises ``HarvestError`` at the first that breaks a rule."""
        for _ in self.batches():
            pass


def looks_like_parquet(path: Path) -> bool:
    """Whether a file is Parquet, whatever its name."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def open_manifest(path: Path) -> Manifest:
    """Open a manifest: its columns, its size and its metadata are checked, its rows not yet.

    Raises ``HarvestError``.
    """
    if not path.is_file():
        raise HarvestError(f"{path} is not there: give the file that `manifest export` wrote")
    try:
        with pq.ParquetFile(
            path,
            thrift_string_size_limit=_LARGEST_FOOTER_PART,
            thrift_container_size_limit=_LARGEST_FOOTER_PART,
        ) as file:
            footer, schema = file.metadata, file.schema_arrow
    except (OSError, pa.ArrowException, ValueError, MemoryError) as error:
        raise _refused(path, f"it is no Parquet file ({_one_line(error)})") from None
    raw = (footer.metadata or {}).get(KEY.encode())
    if raw is None:
        raise _refused(path, f"its metadata have no {KEY}: it was not written by `manifest export`")
    try:
        description = _description(raw)
        with_urls = _with_urls(schema)
        _check_size(footer)
    except ValueError as error:
        raise _refused(path, str(error)) from None
    return Manifest(path=path, description=description, rows=footer.num_rows, with_urls=with_urls)


def _with_urls(schema: pa.Schema) -> bool:
    expected = [(field.name, field.type) for field in SCHEMA]
    found = [(field.name, field.type) for field in schema]
    if found in (expected, [*expected, (URL.name, URL.type)]):
        return len(found) > len(expected)
    types = dict([*expected, (URL.name, URL.type)])
    names = [name for name, _ in found]
    for name, there in found:
        if name not in types:
            raise ValueError(f"it has a column {name[:50]!r}, which no manifest has")
        if there != types[name]:
            raise ValueError(f"its column {name} is of type {str(there)[:50]}, not {types[name]}")
    for name, _ in expected:
        if name not in names:
            raise ValueError(f"it has no column {name}")
    raise ValueError("its columns are doubled or not in the order of a manifest's")


def _check_size(footer: pq.FileMetaData) -> None:
    if not 0 < footer.num_rows <= _MOST_ROWS:
        raise ValueError(f"it has {footer.num_rows} rows: a manifest has 1 to {_MOST_ROWS:,}")
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        most = _MOST_BYTES_A_ROW * group.num_rows + _MOST_BYTES_BESIDE
        for column in (group.column(index) for index in range(group.num_columns)):
            if not 0 <= column.total_uncompressed_size <= most:
                raise ValueError(
                    f"its column {column.path_in_schema} takes {column.total_uncompressed_size} "
                    f"bytes for {group.num_rows} rows, which no manifest does"
                )


def _description(raw: bytes) -> Description:
    if len(raw) > _LONGEST_METADATA:
        raise ValueError(f"its metadata take {len(raw)} bytes, which no manifest's do")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"its {KEY} is no JSON") from None
    version = content.get("version") if isinstance(content, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"its {KEY} names no version")
    if version > VERSION:
        raise ValueError(
            f"it is of version {version}, this program reads up to {VERSION}: update the program"
        )
    expected = {"version", *Description.__dataclass_fields__}
    if set(content) != expected:
        odd = sorted(set(content) ^ expected)[0]
        raise ValueError(f"its {KEY} has {_shown(odd)} too many or too few")
    _one_of("kind", content["kind"], KINDS)
    _one_of("service", content["service"], ("flickr", "other"))
    digest = content["dataset_digest"]
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"its dataset_digest {_shown(digest)} is no SHA-256")
    return Description(
        kind=content["kind"],
        service=content["service"],
        options=_options(content["options"]),
        classes=_classes(content["classes"]),
        dataset_digest=digest,
    )


def _one_of(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"its {what} is {_shown(value)}: expected {' or '.join(choices)}")


def _classes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_CLASSES:
        raise ValueError(f"its classes are no list of 1 to {_MOST_CLASSES} names")
    for name in value:
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise ValueError(f"its class {_shown(name)} is no printable name")
        if len(name) > _LONGEST_CLASS:
            raise ValueError(f"its class {_shown(name)} is longer than {_LONGEST_CLASS} characters")
    if len(set(value)) < len(value):
        raise ValueError("its classes are doubled")
    return tuple(value)


def _options(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > _MOST_OPTIONS:
        raise ValueError("its options are no JSON object of a data set's options")
    for name, given in value.items():
        if not _OPTION_NAME.fullmatch(name) or not _plain(given):
            raise ValueError(f"its option {_shown(name)} is {_shown(given)}, which none can be")
    for name, (least, largest) in _RANGES.items():
        given = value.get(name)
        if type(given) is not int or not least <= given <= largest:
            raise ValueError(
                f"its option {name} is {_shown(given)}: expected a whole number from {least} "
                f"to {largest}"
            )
    if value["min_words"] > value["max_words"]:
        raise ValueError("its option min_words is more than max_words")
    language = value.get("language")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise ValueError(f"its option language is {_shown(language)}: expected a code such as en")
    _one_of("option incomplete", value.get("incomplete"), ("keep", "drop"))
    return value


def _plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= _MOST_OPTIONS and all(
            isinstance(it, str) and _plain(it) for it in value
        )
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):  # true and false too
        return 0 <= value <= _LARGEST_NUMBER
    return value is None or (isinstance(value, str) and _WORD.fullmatch(value) is not None)


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _refused(path: Path, why: str) -> HarvestError:
    return HarvestError(
        f"the manifest {path} is refused: {why}; ask those who sent it for one that "
        "`manifest export` wrote"
    )
