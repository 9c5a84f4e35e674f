"""The ledger's file: how it is opened, what survives a power failure, what is not a ledger."""

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import VERSION


class TestDurability:
    def test_a_commit_is_on_the_disk_before_the_next_call(self, tmp_path: Path) -> None:
        """WAL with ``synchronous=FULL`` (2): NORMAL (1) would lose commits in a power failure."""
        for _ in ("made", "opened again"):
            with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
                assert ledger.query("PRAGMA synchronous")[0][0] == 2
                assert ledger.query("PRAGMA journal_mode")[0][0] == "wal"
                assert ledger.query("PRAGMA busy_timeout")[0][0] == 30_000

    def test_a_transaction_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
            ledger.set_meta("kept", "1")
            with suppress(RuntimeError), ledger.transaction() as connection:
                connection.execute("INSERT INTO meta VALUES ('lost', '1')")
                ledger.set_meta("lost too", "1")  # one within another is a part of it
                raise RuntimeError
            assert [row["key"] for row in ledger.query("SELECT key FROM meta")] == ["kept"]


class TestOpening:
    def test_where_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match=r"is not there: give the folder that `crawl --out`"):
            Ledger(tmp_path / "ledger.sqlite")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("create", [True, False])
    def test_another_programs_file_is_no_ledger(self, tmp_path: Path, create: bool) -> None:
        path = tmp_path / "ledger.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.close()
        with pytest.raises(HarvestError, match="is not a ledger"):
            Ledger(path, create=create)
        path.write_bytes(b"no database at all " * 100)
        with pytest.raises(HarvestError, match="cannot be opened as a ledger"):
            Ledger(path, create=create)

    def test_one_of_a_newer_program(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"
        with Ledger(path, create=True) as ledger:
            ledger._connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(HarvestError, match=f"version {VERSION + 1}.* up to {VERSION}: update"):
            Ledger(path)

    def test_who_reads_it_cannot_write(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"
        with Ledger(path, create=True) as ledger:
            ledger.set_meta("kind", "votes")
        with Ledger(path) as ledger:
            assert ledger.meta("kind") == "votes"
            assert ledger.meta("nothing") is None
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                ledger.set_meta("kind", "sentiment")
