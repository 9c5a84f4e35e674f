"""Thousands of damaged answers, lists and manifests: no reader crashes or reads one wrongly.

A crash is any exception except the reader's documented one. Undamaged parts show whether an input
was read wrongly: they must be read as before, none may be dropped without being counted, and
nothing may be taken for another photo's. Every input follows from its number. `make test-slow`
prints the figures for
`docs/measurements.md`; `make test` reads a few of each.
"""

import json
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.answers import (
    LISTING_EXTRAS,
    Answer,
    ListingPage,
    MalformedAnswerError,
    parse_get_info,
    parse_listing,
)
from flickr_emotion.harvest.flickr.envelope import read_envelope
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.lists import vso
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto
from flickr_emotion.harvest.pace.retry import (
    ApiFailure,
    PhotoPrivateError,
    PhotoVideoError,
    UnreadableAnswerError,
)
from flickr_emotion.harvest.sandbox.lists import write_votes_lists, write_vso_lists
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.shapes import listed, photo
from tests.harvest.corpora import post, url_of
from tests.harvest.fuzzed_manifests import content_of
from tests.harvest.mutations import Json, Tally, damaged_bytes, damaged_json, damaged_lines
from tests.harvest.written_manifests import Row, described, row, write_manifest

MANIFEST = PROJECT / "manifests" / "simulation.parquet"
_REFUSALS = (
    *(MalformedAnswerError, ApiFailure, UnreadableAnswerError),
    *(PhotoPrivateError, PhotoVideoError),
)
POSTS = [
    post(number, tags=("river", "New York", "ns:pred=x", f"house{number}")) for number in range(8)
]
IN_MEMORY = Path(":memory:")
FEW, MANY = 200, 20_000


def recorded(shared_data: Path | None) -> list[Json]:
    """Contents of recorded answers, if they are next to the project."""
    found: list[Json] = []
    if shared_data is None:
        return found
    with tarfile.open(shared_data / "flickr_samples.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            content = json.load(file) if file else None
            if isinstance(content, dict) and isinstance(content.get("parsed"), dict):
                found.append(content["parsed"] | {"stat": "ok"})
    return found


@pytest.fixture(scope="module")
def answers() -> list[Json]:
    """Answers to damage: the recorded ones, if available, and the sandbox's."""
    folder = PROJECT.parent / "shared" / "data"
    return [
        *recorded(folder if folder.is_dir() else None),
        *({"photo": photo(it), "stat": "ok"} for it in POSTS),
        {"photos": {"page": 1, "pages": 1, "photo": [_entry(it) for it in POSTS]}, "stat": "ok"},
    ]


def _entry(it: Post) -> Json:
    return listed(it, LISTING_EXTRAS.split(","))


def fuzz(target: str, count: int, read: Callable[[Random], str | None]) -> Tally:
    """Read ``count`` inputs.

    ``read`` makes one with the given random generator, reads it and returns what is wrong, "" if
    nothing is, and None if it was refused.
    """
    tally = Tally(target)
    for number in range(count):
        tally.inputs += 1
        try:
            wrong = read(Random(f"{target} {number}"))
        except Exception as error:
            tally.crashes.append(f"input {number}: {type(error).__name__}: {error}"[:300])
            continue
        tally.read += wrong is not None
        tally.refused += wrong is None
        if wrong:
            tally.wrong.append(f"input {number}: {wrong}"[:600])
    return tally


def as_sent(random: Random, content: Json) -> bytes:
    """Return the bytes of a damaged answer: either its JSON or its bytes are damaged."""
    if random.random() < 0.3:
        return damaged_bytes(random, json.dumps(content).encode())
    return json.dumps(damaged_json(random, content)).encode()


def storable(answer: Answer) -> bool:
    """Whether all of it can be stored: no lone surrogates, no number beyond 64 bits."""
    texts = (answer.title, answer.description, *answer.tags, answer.owner or "")
    for text in texts:
        text.encode()
    return answer.date_upload is None or 0 <= answer.date_upload < 2**63


class TestAnswers:
    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
    def test_of_get_info(
        self, answers: list[Json], count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        originals = [it for it in answers if isinstance(it.get("photo"), dict) and _reads(it)]

        def read(random: Random) -> str | None:
            original = random.choice(originals)
            body = as_sent(random, original)
            other = random.choice(originals) if random.random() < 0.2 else original
            asked = str(other["photo"]["id"])
            try:
                answer = parse_get_info(content := read_envelope(body), asked)
            except _REFUSALS:
                return None
            return _wrong_answer(answer, content, asked, original) or ""

        told(capsys, count, fuzz("answers of getInfo", count, read))

    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
    def test_of_listings(
        self, answers: list[Json], count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        originals = [it for it in answers if _entries(it) and parse_listing(it).answers]
        assert originals

        def read(random: Random) -> str | None:
            original = random.choice(originals)
            body = as_sent(random, original)
            try:
                page = parse_listing(content := read_envelope(body))
            except _REFUSALS:
                return None
            return _wrong_page(page, content, original)

        told(capsys, count, fuzz("listings", count, read))


def _reads(content: Json) -> bool:
    try:
        parse_get_info(content, str(content["photo"].get("id")))
    except _REFUSALS:
        return False
    return True


def _wrong_answer(answer: Answer, content: Json, asked: str, original: Json) -> str:
    got, true = content["photo"], original["photo"]
    if answer.reference.photo_id != asked or str(got.get("id")) != asked:
        return f"asked for {asked}, took {got.get('id')!r}"
    visibility = got.get("visibility")
    if isinstance(visibility, dict) and str(visibility.get("ispublic")) in ("0", "False"):
        return "a private post is taken for a public one"
    if got.get("media") == "video":
        return "a video is taken for a photo"
    if not storable(answer):
        return "it cannot be stored"
    before = parse_get_info(original, str(true["id"]))
    parts = {
        "title": ("title",),
        "description": ("description",),
        "tags": ("tags",),
        "owner": ("owner",),
        "license": ("license",),
        "date_upload": ("dateuploaded",),
        "date_taken": ("dates",),
    }
    for name, keys in parts.items():
        untouched = all(_same(got.get(key), true.get(key)) for key in keys)
        if untouched and getattr(answer, name) != getattr(before, name):
            return f"{name} was not touched, and is {getattr(answer, name)!r}"
    return ""


def _same(one: Json, other: Json) -> bool:
    return json.dumps(one) == json.dumps(other)


def _entries(content: Json) -> list[Json]:
    for key in ("photoset", "photos"):
        if isinstance(content, dict) and key in content:
            envelope = content[key]
            entries = envelope.get("photo") if isinstance(envelope, dict) else None
            return entries if isinstance(entries, list) else []
    return []


def _wrong_page(page: ListingPage, content: Json, original: Json) -> str:
    entries = _entries(content)
    shown = page.answers
    counted = len(shown) + len(page.videos) + page.refused
    if counted != len(entries):
        return f"of {len(entries)} entries {counted} are accounted for"
    there = Counter(str(it.get("id")) for it in entries if isinstance(it, dict))
    if Counter(it.reference.photo_id for it in shown) - there:
        return "a photo that does not stand there"
    if not all(map(storable, shown)):
        return "it cannot be stored"
    before = {it.reference.photo_id: it for it in parse_listing(original).answers}
    known = Counter(json.dumps(it) for it in _entries(original))
    untouched = [it for it in entries if known[json.dumps(it)]]
    expected = Counter(before[it["id"]] for it in untouched if it["id"] in before)
    # The listing as a whole may name an owner.
    if expected - Counter(shown):
        return "an entry that was not touched is lost or another"
    return ""


class TestLists:
    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY // 4, marks=pytest.mark.slow)])
    def test_of_votes(self, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [("awe", url_of(it), 1, 4) for it in POSTS]
        write_votes_lists(tmp_path / "right", rows)
        lines = (tmp_path / "right" / "agg" / "awe_1.csv").read_bytes().splitlines()
        lines += [f"awe,{url_of(it)},0,5".encode() for it in POSTS]
        path = tmp_path / "list" / "awe.csv"

        def read(random: Random) -> str | None:
            data, kept = damaged_lines(random, lines)
            return _wrong_list(path, data, [line.decode() for line in kept])

        told(capsys, count, fuzz("You et al.'s lists", count, read))

    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY // 4, marks=pytest.mark.slow)])
    def test_of_pairs(self, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
        write_vso_lists(
            tmp_path / "list",
            {"happy_dog": [(url_of(it), f"owner {it.photo_id}") for it in POSTS]},
            {"happy_dog": (1.25, 2000), "cute_dog": (0.5, 10)},
        )
        path = tmp_path / "list" / "URL1553" / "happy_dog.txt"
        lines = path.read_bytes().splitlines()

        def read(random: Random) -> str | None:
            data, kept = damaged_lines(random, lines)
            return _wrong_list(path, data, [line.decode() for line in kept])

        told(capsys, count, fuzz("VSO's lists", count, read))

    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY // 4, marks=pytest.mark.slow)])
    def test_of_the_ontology(
        self, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pairs = {f"{word}_dog": (number / 4 - 1, 10**number) for number, word in enumerate("abcde")}
        write_vso_lists(tmp_path / "list", {"a_dog": [(url_of(it), "x") for it in POSTS]}, pairs)
        path = tmp_path / "list" / vso.ONTOLOGY_NAME
        lines = path.read_bytes().splitlines()

        def read(random: Random) -> str | None:
            data, kept = damaged_lines(random, lines)
            path.write_bytes(data)
            try:
                published = open_list(tmp_path / "list")
                with Ledger(IN_MEMORY, create=True) as ledger:
                    add_list(ledger, published, lambda line: None)
            except HarvestError:
                return None
            if not all(-2 <= it <= 2 for it in published.pair_sentiments.values()):
                return f"a sentiment out of range: {published.pair_sentiments}"
            for line in kept:
                name = re.match(rb"\t(\S+) \[sentiment", line)
                pair = name[1].decode() if name else None
                # A damaged line may name the same pair; then either line may count.
                others = data.count(f"\t{pair} ".encode()) > 1
                if pair and not others and published.pair_sentiments.get(pair) != pairs[pair][0]:
                    return f"the line of {pair} was not touched, and it is lost or another"
            return ""

        told(capsys, count, fuzz("VSO's ontology", count, read))


def _wrong_list(path: Path, data: bytes, kept: list[str]) -> str | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        published = open_list(path.parent if path.suffix == ".csv" else path.parent.parent)
        rows = [it for file in published.files for it in file.rows()]
        with Ledger(IN_MEMORY, create=True) as ledger:
            add_list(ledger, published, lambda line: None)
            (stored,) = ledger.query(
                "SELECT (SELECT count(*) FROM listed) + (SELECT count(*) FROM rejected) AS n"
            )
    except HarvestError:
        return None
    text = data.decode("utf-8-sig", errors="replace")
    lines = [line for line in re.split("\r\n|\r|\n", text) if line.strip()]
    if not len(rows) == len(lines) == stored["n"]:
        return f"{len(lines)} lines, {len(rows)} rows, {stored['n']} in the ledger"
    photos = Counter(it.reference.photo_id for it in rows if isinstance(it, ListedPhoto))
    wanted = Counter(re.findall(r"/(\d+)_", "\n".join(kept)))
    if wanted - photos:
        return f"rows that were not touched are lost: {wanted - photos}"
    return ""


class TestManifests:
    @pytest.mark.parametrize("count", [FEW // 4, pytest.param(MANY // 4, marks=pytest.mark.slow)])
    def test_of_bytes(self, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
        tally = Tally("manifests, bytes", inputs=count)
        number = 0
        while number < count:
            command = [sys.executable, "-m", "tests.harvest.fuzzed_manifests", MANIFEST, tmp_path]
            done = subprocess.run(
                [*map(str, command), str(number), str(count)],
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=False,
            )
            for line in done.stdout.splitlines():
                what, why = json.loads(line)
                tally.read += what in ("read", "wrong")
                tally.refused += what == "refused"
                if why:
                    found = tally.crashes if what == "crash" else tally.wrong
                    found.append(f"input {number}: {why}")
                number += 1
            if done.returncode:
                last = done.stderr.strip().splitlines()[-1:]
                tally.crashes.append(f"input {number}: the process ended: {last}")
                number += 1
        told(capsys, count, tally)

    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY // 4, marks=pytest.mark.slow)])
    def test_of_values(
        self, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "m.parquet"

        def read(random: Random) -> str | None:
            rows: list[Row] = [row(number) for number in range(6)]
            metadata = described()
            if random.random() < 0.6:
                rows = _damaged_rows(random, rows)
            else:
                metadata = damaged_json(random, metadata)
            try:
                write_manifest(path, rows, metadata=_as_text(metadata))
            except (ValueError, TypeError, OverflowError, UnicodeError, AttributeError):
                return None  # No Parquet file can contain it.
            try:
                found = content_of(path)
            except HarvestError:
                return None
            if found[1].to_pylist() != rows:
                return "rows are read with other values than were written"
            return "" if content_of(path) == found else "read twice, and not the same"

        told(capsys, count, fuzz("manifests, values", count, read))


def _as_text(metadata: Json) -> str:
    return json.dumps(metadata).replace("\\ud800", "?")


def _damaged_rows(random: Random, rows: list[Row]) -> list[Row]:
    odd = (
        *(None, "", " ", "0", "01", "-1", "x", "9" * 20, "9" * 5000, "AWE", "awe ", "\x1b[31m"),
        *("train", "test", "image", "text+image", "image+text+tags", "ab12cd34ef", "e\u0301"),
    )
    numbers = (None, 0, -1, 5, 10_001, 2**31, 1.5, -2.0, 2.1, float("nan"), float("inf"))
    for _ in range(random.randint(1, 3)):
        it = random.choice(rows)
        name = random.choice(list(it))
        if name == "votes":
            it[name] = random.choice([it for it in numbers if not isinstance(it, float)])
        elif name == "sentiment":
            it[name] = random.choice(numbers)
        elif name.endswith("sha256"):
            it[name] = random.choice((None, b"z" * 16, b"z" * 15, b""))
        else:
            it[name] = random.choice(odd)
    if random.random() < 0.2:
        random.shuffle(rows)
    return rows


def told(capsys: pytest.CaptureFixture[str], count: int, tally: Tally) -> None:
    """Print the figures of a long run, and check them."""
    if count > FEW:
        with capsys.disabled():
            print(f"\n{tally}")
    tally.check()
