"""Readers of the published lists."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.lists import you2016
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto, RejectedRow
from flickr_emotion.harvest.sandbox.lists import write_vso_lists

URL = "http://farm4.staticflickr.com/3456/3712345678_abcdef0123.jpg"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


class TestYou2016:
    def test_rows_are_read_whatever_the_line_ends(self, tmp_path: Path) -> None:
        file = write(tmp_path / "awe_1.csv", f"awe,{URL},1,4\r\nfear,{URL},2,3\n\n")
        rows = list(you2016.read(file))
        assert [(row.row, row.emotion, row.disagree, row.agree) for row in rows] == [  # type: ignore[union-attr]
            (1, "awe", 1, 4),
            (2, "fear", 2, 3),
        ]

    @pytest.mark.parametrize(
        ("line", "reason", "said"),
        [
            (f"awe,{URL},one,4", "malformed", "'one' is no number"),
            (f"awe,{URL},1,-4", "malformed", "'-4' is no number"),
            (f"awe,{URL},1", "malformed", "expected emotion,url,disagree,agree"),
            ("awe,http://example.org/a.jpg,1,4", "not-flickr", "example.org"),
            ("awe,,1,4", "malformed", "empty"),
        ],
    )
    def test_a_bad_row_is_rejected_with_its_place(
        self, tmp_path: Path, line: str, reason: str, said: str
    ) -> None:
        rows = list(you2016.read(write(tmp_path / "a.csv", f"awe,{URL},1,4\n{line}\n")))
        assert len(rows) == 2
        rejected = rows[1]
        assert isinstance(rejected, RejectedRow)
        assert (rejected.row, rejected.reason) == (2, reason)
        assert said in rejected.detail

    @given(st.lists(st.text(max_size=80), max_size=5))
    def test_every_line_is_a_photo_or_rejected(self, lines: list[str]) -> None:
        for line in lines:
            row = you2016._parse(line, 1)
            assert isinstance(row, (ListedPhoto, RejectedRow))


class TestDetection:
    def test_votes_are_found_at_any_depth(self, tmp_path: Path) -> None:
        write(tmp_path / "a" / "b" / "x.csv", f"awe,{URL},1,4\n")
        write(tmp_path / "README.md", "how it was made")
        published = open_list(tmp_path)
        assert published.kind == "votes"
        assert [file.name for file in published.files] == [f"{tmp_path.name}/a/b/x.csv"]

    def test_a_damaged_first_line_hides_no_list(self, tmp_path: Path) -> None:
        write(tmp_path / "x.csv", f"awe,{URL},?,4\nawe,{URL},1,4\n")
        published = open_list(tmp_path)
        rows = list(published.files[0].rows())
        assert [type(row) for row in rows] == [RejectedRow, ListedPhoto]

    def test_vso_with_its_ontology(self, tmp_path: Path) -> None:
        write_vso_lists(
            tmp_path,
            {"brave_9/11": [(URL, "someone")], "happy_dog": [(URL, 'a "quoted" name')]},
            {"brave_9/11": (0.5, 10), "happy_dog": (1.25, 2000)},
        )
        published = open_list(tmp_path)
        assert published.kind == "sentiment"
        assert published.pair_sentiments == {"brave_9-11": 0.5, "happy_dog": 1.25}
        assert published.pair_counts == {"brave_9-11": 10, "happy_dog": 2000}
        rows = [row for file in published.files for row in file.rows()]
        assert [row.pair for row in rows if isinstance(row, ListedPhoto)] == [
            "brave_9-11",
            "happy_dog",
        ]
        assert [row.owner for row in rows if isinstance(row, ListedPhoto)] == [
            "someone",
            'a "quoted" name',
        ]

    def test_the_files_of_a_pair_follow_each_other(self, tmp_path: Path) -> None:
        pairs = {"cute_dog": (0.5, 10), "old_house": (1.25, 20)}
        for folder in ("b", "a"):
            write_vso_lists(tmp_path / folder, {pair: [(URL, "someone")] for pair in pairs}, pairs)
        (tmp_path / "b" / "3244ANPs.txt").rename(tmp_path / "3244ANPs.txt")
        (tmp_path / "a" / "3244ANPs.txt").unlink()
        names = [file.name for file in open_list(tmp_path).files]
        assert [name.rpartition("/")[2] for name in names] == [
            *("cute_dog.txt", "cute_dog.txt", "old_house.txt", "old_house.txt"),
        ]
        assert names == sorted(names, key=lambda name: (name.rpartition("/")[2], name))

    def test_vso_without_its_ontology_is_an_error(self, tmp_path: Path) -> None:
        write_vso_lists(tmp_path, {"happy_dog": [(URL, "someone")]}, {"happy_dog": (1.25, 2000)})
        (tmp_path / "3244ANPs.txt").unlink()
        with pytest.raises(HarvestError, match=r"without 3244ANPs\.txt"):
            open_list(tmp_path)

    @pytest.mark.parametrize("content", [None, "not,a,list\n", ""])
    def test_a_missing_list_is_an_error_that_says_what_was_expected(
        self, tmp_path: Path, content: str | None
    ) -> None:
        if content is not None:
            write(tmp_path / "x.csv", content)
        with pytest.raises(HarvestError, match="is not a published list"):
            open_list(tmp_path)

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="is not there"):
            open_list(tmp_path / "absent")


class TestIntoTheLedger:
    def test_files_of_two_pairs_may_hold_the_same_rows(self, tmp_path: Path) -> None:
        write_vso_lists(
            tmp_path / "list",
            {"happy_dog": [(URL, "a")], "cute_dog": [(URL, "a")]},
            {"happy_dog": (1.25, 2000), "cute_dog": (0.5, 2000)},
        )
        copied = tmp_path / "list" / "FullVSOURL" / "CCURL"
        copied.mkdir(parents=True)
        original = tmp_path / "list" / "URL1553" / "happy_dog.txt"
        (copied / "happy_dog.txt").write_bytes(original.read_bytes())
        said: list[str] = []
        with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
            add_list(ledger, open_list(tmp_path / "list"), said.append)
            rows = ledger.query("SELECT pair FROM listed ORDER BY pair")
        assert [row["pair"] for row in rows] == ["cute_dog", "happy_dog"]
        assert len(said) == 1


class TestRealVso:
    def test_every_row_of_the_real_sample_is_a_photo(
        self, shared_data: Path, tmp_path: Path
    ) -> None:
        import tarfile

        with tarfile.open(shared_data / "vso_lists.tar.xz") as archive:
            archive.extractall(tmp_path, filter="data")
        published = open_list(tmp_path)
        rows = [row for file in published.files for row in file.rows()]
        assert len(published.files) >= 296
        assert len(rows) == 158_289
        assert all(isinstance(row, ListedPhoto) for row in rows)
        assert len(published.pair_sentiments) == 3244
        assert all(-2 <= value <= 2 for value in published.pair_sentiments.values())
