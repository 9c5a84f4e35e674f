"""An untrusted or damaged ledger is refused in one line that names table and row."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger import check
from flickr_emotion.harvest.ledger.check import check_rows
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.stored_values import stored_shares, stored_tags
from tests.commands import refusal, run
from tests.harvest.corpora import KEY, SECRET, crawl_posts, post, write_votes

HUGE = "9" * 5000
DEEP = "[" * 100_000 + "]" * 100_000
POSTS = [post(number) for number in range(12)]
PHOTO = f"WHERE photo_id = '{POSTS[3].photo_id}'"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    crawl_posts(folder, POSTS)
    return folder


@pytest.fixture
def harvest(good: Path, tmp_path: Path) -> Path:
    return copytree(good / "harvest", tmp_path / "harvest")


def damage(harvest: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(harvest / "ledger.sqlite")
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def crawl(harvest: Path) -> list[object]:
    published = write_votes(harvest.parent / "list", POSTS)
    # There is no server here: a refusal must come before any request.
    return [
        *("crawl", published, "--out", harvest, "--flickr-url", "http://127.0.0.1:9"),
        *("--api-key", KEY, "--api-secret", SECRET),
    ]


def build(harvest: Path) -> list[object]:
    return ["build-splits", harvest, "--out", harvest.parent / "dataset"]


def status(harvest: Path) -> list[object]:
    return ["status", harvest]


Command = Callable[[Path], list[object]]

ROWS = [
    ("UPDATE photos SET photo_id = '../../../../tmp/owned'" + PHOTO, (), "photo_id"),
    ("UPDATE photos SET photo_id = ? " + PHOTO, (HUGE,), "photo_id"),
    ("UPDATE photos SET server = 'x/../y' " + PHOTO, (), "server"),
    ("UPDATE photos SET secret = '?' " + PHOTO, (), "secret"),
    ("UPDATE photos SET api_attempts = 'many' " + PHOTO, (), "api_attempts"),
    ("UPDATE photos SET image_attempts = 9223372036854775807 " + PHOTO, (), "image_attempts"),
    ("UPDATE photos SET image_attempts = -1 " + PHOTO, (), "image_attempts"),
    ("UPDATE photos SET api_next_try = 9e999 " + PHOTO, (), "api_next_try"),
    ("UPDATE photos SET image_next_try = 'soon' " + PHOTO, (), "image_next_try"),
    ("UPDATE photos SET title = x'ff00' " + PHOTO, (), "title"),
    ("UPDATE photos SET title = zeroblob(30000000) " + PHOTO, (), "title"),
    ("UPDATE photos SET description = hex(zeroblob(9000000)) " + PHOTO, (), "description"),
    ("UPDATE photos SET image_sha256 = 'no digest' " + PHOTO, (), "image_sha256"),
    ("UPDATE photos SET image_bytes = 'large' " + PHOTO, (), "image_bytes"),
    ("UPDATE listed SET agree = ? " + PHOTO, (10**18,), "agree"),
    ("UPDATE listed SET agree = ? " + PHOTO, (HUGE,), "agree"),
    ("UPDATE listed SET disagree = -5 " + PHOTO, (), "disagree"),
    ("UPDATE listed SET emotion = ? " + PHOTO, ("a" * 101,), "emotion"),
    ("INSERT INTO pairs VALUES ('happy_dog', 9e999, 1)", (), "sentiment"),
    ("INSERT INTO pairs VALUES ('happy_dog', 'much', 1)", (), "sentiment"),
    ("INSERT INTO calls (at, method) VALUES ('now', 'x')", (), "at"),
    ("INSERT INTO manifest_posts VALUES ('1', 'awe', 5, 0, 'nowhere', 'image', NULL)", (), "split"),
    (
        "INSERT INTO manifest_posts VALUES ('1', 'awe', 5, 0, 'train', 'sound', NULL)",
        (),
        "modalities",
    ),
]


@pytest.mark.parametrize(("sql", "values", "column"), ROWS)
def test_a_row_that_no_crawl_writes(
    harvest: Path, sql: str, values: tuple[object, ...], column: str
) -> None:
    damage(harvest, sql, *values)
    for command in (crawl, build):
        line = refusal(*command(harvest))
        assert f"its {column} in table " in line
        assert str(harvest / "ledger.sqlite") in line


PIECES = st.sampled_from(
    ['"', '", "', ",", " ", "[", "]", '["', '"]', "a", "\\", "\\n", "\n", "é", "1"]
)


@given(st.lists(PIECES, max_size=9).map("".join), st.booleans())
def test_tags_are_read_as_json_reads_them(inner: str, quoted: bool) -> None:
    written = f'["{inner}"]' if quoted else inner
    try:
        found = json.loads(written or "[]")
    except ValueError:
        found = None
    if isinstance(found, list) and all(isinstance(tag, str) for tag in found):
        assert stored_tags(Path("ledger"), "1", written) == found
    else:
        with pytest.raises(HarvestError, match="the tags of photo 1"):
            stored_tags(Path("ledger"), "1", written)
    assert stored_tags(Path("ledger"), "1", json.dumps([inner, "b"])) == [inner, "b"]


@pytest.mark.parametrize("tags", [DEEP, "[1]", "{}", "x", '["a", ["b"]]', f"[{HUGE}]", "NaN"])
def test_tags_that_are_none(harvest: Path, tags: str) -> None:
    damage(harvest, "UPDATE photos SET tags = ? " + PHOTO, tags)
    assert f"the tags of photo {POSTS[3].photo_id}" in refusal(*build(harvest))


FACTS = [
    ("INSERT OR REPLACE INTO meta VALUES ('quota', 'x')", (), "quota"),
    ("INSERT OR REPLACE INTO meta VALUES ('quota', ?)", (HUGE,), "quota"),
    ("INSERT OR REPLACE INTO meta VALUES ('quota', x'00')", (), "quota"),
    ("INSERT OR REPLACE INTO meta VALUES ('plan', ?)", (DEEP,), "plan"),
    ("INSERT OR REPLACE INTO meta VALUES ('plan', '{\"won\": 1e999}')", (), "plan"),
    ("INSERT OR REPLACE INTO meta VALUES ('plan', ?)", (f'{{"won": {HUGE}}}',), "plan"),
    ("INSERT OR REPLACE INTO meta VALUES ('plan', '{\"other\": 1}')", (), "plan"),
    ("INSERT OR REPLACE INTO meta VALUES ('kind', 'other\x1b[2J')", (), "kind"),
    ("INSERT OR REPLACE INTO meta VALUES ('image_size', 'k')", (), "image_size"),
    ("INSERT OR REPLACE INTO meta VALUES ('manifest', ?)", (DEEP,), "manifest"),
    ("INSERT OR REPLACE INTO meta VALUES ('manifest', '[]')", (), "manifest"),
    ("INSERT OR REPLACE INTO meta VALUES ('image rest x', 'inf')", (), "image rest"),
    ("UPDATE photos SET api_outcome = '\x1b]0;owned\x07' " + PHOTO, (), "outcome"),
    ("UPDATE photos SET image_outcome = x'00' " + PHOTO, (), "outcome"),
    ("DROP TABLE calls", (), "calls"),
    ("ALTER TABLE photos DROP COLUMN owner_name", (), "owner_name"),
    ("CREATE VIEW v AS SELECT 1", (), "view"),
    ("CREATE TRIGGER t AFTER INSERT ON calls BEGIN DELETE FROM photos; END", (), "trigger"),
]


@pytest.mark.parametrize(("sql", "values", "said"), FACTS)
@pytest.mark.parametrize("command", [status, crawl, build])
def test_the_facts_in_a_ledger(
    harvest: Path, sql: str, values: tuple[object, ...], said: str, command: Command
) -> None:
    damage(harvest, sql, *values)
    assert said in refusal(*command(harvest))


def test_a_reason_cannot_steer_the_terminal(harvest: Path) -> None:
    damage(
        harvest,
        "UPDATE photos SET api_outcome = 'failed', api_error = ? " + PHOTO,
        "x\x1b[2J\x9b1m\u202e\n12 photos, 99 API calls",
    )
    done = run(*status(harvest))
    assert done.code == 0
    assert all(line.isprintable() for line in done.out.split("\n"))
    assert not [line for line in done.out.split("\n") if line.startswith("12 photos, 99")]


def test_text_that_is_no_utf_8(harvest: Path) -> None:
    damage(
        harvest,
        f"UPDATE photos SET api_outcome = 'failed', api_error = CAST(x'ff' AS TEXT) {PHOTO}",
    )
    assert "ledger.sqlite" in refusal(*status(harvest))


def test_a_good_ledger_passes(good: Path) -> None:
    with Ledger(good / "harvest" / "ledger.sqlite") as ledger:
        check_rows(ledger)


@pytest.mark.parametrize(
    "shares", ["", "{}", "[0.5]", "[1, 0]", '["a", "b"]', "[NaN, 0.5]", "[2.0, -1.0]", "[" * 10**5]
)
def test_shares_that_no_crawl_writes(tmp_path: Path, shares: str) -> None:
    assert stored_shares(tmp_path, "7", "[0.25, 0.75]", 2) == [0.25, 0.75]
    with pytest.raises(HarvestError, match="the vote_distribution of photo 7 is"):
        stored_shares(tmp_path, "7", shares, 2)


@pytest.mark.parametrize("at", [1, 5, 12])
def test_each_part_of_the_photos_is_checked(
    harvest: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(check, "_ROWS_PER_PART", 5)
    monkeypatch.setattr(check, "usable_cores", lambda: 3)
    with Ledger(harvest / "ledger.sqlite") as ledger:
        check_rows(ledger)
        assert len(check._parts(ledger, "photos")) == 3
    damage(harvest, "UPDATE photos SET server = '../x' WHERE rowid = ?", at)
    with (
        Ledger(harvest / "ledger.sqlite") as ledger,
        pytest.raises(HarvestError, match="its server in table photos"),
    ):
        check_rows(ledger)
