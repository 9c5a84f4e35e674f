"""Untrusted lists, ontologies and metadata: endless lines, long numbers, control characters."""

import gzip
import json
import sqlite3
import tracemalloc
from collections import deque
from contextlib import closing
from itertools import repeat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.names import LONGEST_NAME, is_name
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists import rows, vso, you2016
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto, ListFile, RejectedRow
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.yfcc100m.files import open_metadata
from tests.commands import refusal, run
from tests.harvest.corpora import KEY, SECRET, crawl_posts, post, url_of, write_votes
from tests.harvest.yfcc100m_rows import FORMS, row

HUGE = "9" * 5000
ESCAPE = "\x1b[2J\x9b1m\u202e"
URL = url_of(post(1))


def crawl(published: Path, out: Path, *more: object) -> list[object]:
    return [
        *("crawl", published, "--out", out, "--flickr-url", "http://127.0.0.1:9"),
        *("--api-key", KEY, "--api-secret", SECRET, *more),
    ]


def votes(folder: Path, *lines: str) -> list[ListedPhoto | RejectedRow]:
    path = folder / "votes.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(you2016.read(path))


class TestVotes:
    @pytest.mark.parametrize(
        "line",
        [
            f"awe,{URL},0,{HUGE}",
            f"awe,{URL},{HUGE},5",
            f"awe,{URL},0,1e999",
            f"awe,{URL},0,nan",
            f"awe,{URL},0,-5",
            f"awe,{URL.replace('3700000001', HUGE)},0,5",
            f"{'a' * (LONGEST_NAME + 1)},{URL},0,5",
            f"awe\x1b[2J,{URL},0,5",
            f"a\u202ewe,{URL},0,5",
            f"awe,{URL}{'x' * 20_000},0,5",
        ],
    )
    def test_is_one_rejected_row(self, tmp_path: Path, line: str) -> None:
        good, bad, last = votes(tmp_path, f"awe,{URL},0,5", line, f"fear,{URL},0,5")
        assert isinstance(good, ListedPhoto)
        assert isinstance(last, ListedPhoto)
        assert isinstance(bad, RejectedRow)
        assert bad.row == 2
        assert bad.detail.isprintable()
        assert len(bad.detail) < 500

    def test_the_longest_name(self, tmp_path: Path) -> None:
        (row,) = votes(tmp_path, f"{'a' * LONGEST_NAME},{URL},0,5")
        assert isinstance(row, ListedPhoto)
        (row,) = votes(tmp_path, f"{'a' * (LONGEST_NAME + 1)},{URL},0,5")
        assert isinstance(row, RejectedRow)
        assert "give 1 to 100 characters that print" in row.detail
        # Lower case may have more characters than upper case.
        (row,) = votes(tmp_path, f"{'İ' * LONGEST_NAME},{URL},0,5")
        assert isinstance(row, RejectedRow)

    def test_a_line_without_end_takes_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "votes.csv"
        path.write_text(f"awe,{URL},0,5\nawe,{'x' * 30_000_000}\nfear,{URL},0,5\n")
        tracemalloc.start()
        rows = list(you2016.read(path))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert [type(row) for row in rows] == [ListedPhoto, RejectedRow, ListedPhoto]
        assert most < 4_000_000

    def test_more_rows_without_a_photo_than_a_list_has(self, tmp_path: Path) -> None:
        (tmp_path / "list").mkdir()
        path = tmp_path / "list" / "votes.csv"
        path.write_text(f"awe,{URL},0,5\n" + "x\n" * 100_001)
        refused = refusal(*crawl(tmp_path / "list", tmp_path / "h"))
        assert "votes.csv, row 100002: more than 100,000 rows name no photo" in refused

    def test_more_rows_than_a_list_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = votes(tmp_path, f"awe,{URL},0,5")[0]
        monkeypatch.setattr(rows, "_MOST_ROWS", 1000)
        path = tmp_path / "a.csv"
        file = ListFile(name="a", path=path, read=lambda path, member: repeat(row, 1001))
        with pytest.raises(HarvestError, match="more than 1,000 rows: split it into several"):
            deque(file.rows(), maxlen=0)

    @given(st.text(max_size=200))
    def test_a_name_prints_and_is_short(self, text: str) -> None:
        assert is_name(text) == (text.isprintable() and text.strip() != "" and len(text) <= 100)


def vso_folder(folder: Path, ontology: str, pair: str = "happy_dog") -> Path:
    folder.mkdir()
    (folder / "3244ANPs.txt").write_text(ontology, encoding="utf-8")
    row = f'image_url: {URL}    flickr_username: "a" realname: "b"\n'
    (folder / f"{pair}.txt").write_text(row * 3, encoding="utf-8")
    return folder


class TestOntology:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (f"\thappy_dog [sentiment: 1.5] [#imgs: {HUGE}]", "pictures"),
            (f"\thappy_dog [sentiment: 1.5] [#imgs: {10**10}]", "pictures"),
            (f"\thappy_dog [sentiment: {HUGE}.0] [#imgs: 5]", "sentiment"),
            ("\thappy_dog [sentiment: 2.01] [#imgs: 5]", "sentiment"),
            ("\thappy_dog [sentiment: -3.0] [#imgs: 5]", "sentiment"),
            (f"\t{'x' * 101} [sentiment: 1.0] [#imgs: 5]", "the pair"),
            ("\thappy\x1b[31m_dog [sentiment: 1.0] [#imgs: 5]", "the pair"),
        ],
    )
    def test_an_impossible_line(self, tmp_path: Path, line: str, said: str) -> None:
        folder = vso_folder(
            tmp_path / "vso", f"\tsad_cat [sentiment: -1.0] [#imgs: 1,024]\n{line}\n"
        )
        refused = refusal(*crawl(folder, tmp_path / "h"))
        assert "3244ANPs.txt, line 2" in refused
        assert said in refused
        assert not (tmp_path / "h").exists()

    def test_numbers_in_other_scripts_are_refused(self, tmp_path: Path) -> None:
        folder = vso_folder(tmp_path / "vso", "\thappy_dog [sentiment: ١.٥] [#imgs: ٣]\n")
        assert "has no line" in refusal(*crawl(folder, tmp_path / "h"))

    def test_lines_without_end_take_no_memory(self, tmp_path: Path) -> None:
        good = "\thappy_dog [sentiment: 1.5] [#imgs: 1,024]\n"
        folder = vso_folder(tmp_path / "vso", f"{'x' * 30_000_000}\n{good}")
        tracemalloc.start()
        found = vso.read_ontology(folder / "3244ANPs.txt"), vso.read_counts(folder / "3244ANPs.txt")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found == ({"happy_dog": 1.5}, {"happy_dog": 1024})
        assert most < 4_000_000

    def test_a_file_whose_name_is_not_a_pair_is_one_rejected_row(self, tmp_path: Path) -> None:
        good = "\thappy_dog [sentiment: 1.5] [#imgs: 5]\n"
        folder = vso_folder(tmp_path / "vso", good, pair=f"happy{ESCAPE}_dog")
        (folder / "happy_dog.txt").write_text(f"image_url: {URL}\n")
        first, last = open_list(folder).files
        (row,) = last.rows() if first.subject == "happy_dog" else first.rows()
        assert isinstance(row, RejectedRow)
        assert "rename the file" in row.detail
        assert row.detail.isprintable()

    def test_a_folder_of_such_files_alone_is_an_error(self, tmp_path: Path) -> None:
        good = "\thappy_dog [sentiment: 1.5] [#imgs: 5]\n"
        folder = vso_folder(tmp_path / "vso", good, pair=f"happy{ESCAPE}_dog")
        with pytest.raises(HarvestError, match=r"none of the 1 rows .*rename the file"):
            open_list(folder)


class TestMetadata:
    def said(self, folder: Path, metadata: Path) -> str:
        """Return what a crawl with this metadata reports about it."""
        said: list[str] = []
        crawl_posts(folder, [post(1), post(2)], said=said, metadata=metadata)
        (line,) = [line for line in said if line.startswith(metadata.name)]
        return line

    @pytest.mark.parametrize("form", ["23 columns", "Parquet of text", "SQLite, ids are text"])
    @pytest.mark.parametrize("column", ["dateuploaded", "serverid", "marker", "datetaken"])
    def test_long_numbers(self, tmp_path: Path, form: str, column: str) -> None:
        rows = [row(post(1), **{column: HUGE}), row(post(2))]
        line = self.said(tmp_path, FORMS[form](tmp_path / "metadata", rows))
        assert "of 2 posts found" in line
        assert not line.startswith("metadata: 0")

    @pytest.mark.parametrize("value", [b"x" * 20_000_000, 9e999, -1.5, b"\xff", 2**63 - 1])
    def test_values_of_another_kind(self, tmp_path: Path, value: object) -> None:
        path = FORMS["SQLite, ids are text"](tmp_path / "metadata", [row(post(1)), row(post(2))])
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE yfcc100m_dataset SET title = ?1, uid = ?1", (value,))
            connection.commit()
        published = write_votes(tmp_path / "list", [post(1)])
        with SandboxServer(Corpus([post(1)]), keys={KEY: SECRET}) as server:
            arguments = [*crawl(published, tmp_path / "h", "--metadata", path)]
            arguments[arguments.index("http://127.0.0.1:9")] = server.url
            done = run(*arguments)
        assert "a fault of this program" not in done.err
        assert done.code == int("too big" in done.err)

    def test_a_line_without_end_takes_no_memory(self, tmp_path: Path) -> None:
        good = "\t".join(row(post(1))).encode()
        with gzip.open(tmp_path / "metadata", "wb", 1) as file:
            file.write(good + b"\n")
            for _ in range(60):
                file.write(b"9" * 2**20)
            file.write(b"\n" + "\t".join(row(post(2))).encode() + b"\n")
        metadata = open_metadata(tmp_path / "metadata")
        tracemalloc.start()
        found = list(metadata.rows({post(1).photo_id, post(2).photo_id}, lambda _: None))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len([cells for cells in found if cells]) == 2
        assert most < 80_000_000


def test_names_of_files_do_not_steer_the_terminal(tmp_path: Path) -> None:
    published = tmp_path / f"list{ESCAPE}"
    published.mkdir()
    (published / f"votes{ESCAPE}\n.csv").write_text(f"awe,{URL},0,5\nnonsense{ESCAPE}\n")
    with SandboxServer(Corpus([post(1)]), keys={KEY: SECRET}) as server:
        for log in ((), ("--log-json",)):
            arguments = crawl(published, tmp_path / f"h{ESCAPE}{len(log)}", *log)
            arguments[arguments.index("http://127.0.0.1:9")] = server.url
            done = run(*arguments)
            assert done.code == 0, done
            assert "skipped list" in done.err
            assert all(line.isprintable() for line in (done.err + done.out).split("\n"))
            for line in done.err.splitlines() if log else ():
                assert json.loads(line).get("text", "").isprintable()
    for command in (("status", tmp_path / f"x{ESCAPE}"), ("inspect", tmp_path / f"h{ESCAPE}0")):
        assert "list" not in refusal(*command)
