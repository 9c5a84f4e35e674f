"""Posts whose label looks wrong, on disk, on the terminal and on the page."""

from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.datasets.inspect.suspects import (
    SHOWN_ON_PAGE,
    Judged,
    check_places,
    describe_suspects,
    write_suspects,
)
from tests.datasets.inspect.test_inspection import ATTACK, Page
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset


def judged(number: int, *, suspect: bool = True, **changed: object) -> Judged:
    fields = {
        "photo_id": str(number),
        "split": "train",
        "label": "awe",
        "suggested": "anger",
        "score": 0.125,
        "votes": 4,
        "suspect": suspect,
        "row": number,
    }
    return Judged(**(fields | changed))  # type: ignore[arg-type]


class TestTable:
    @pytest.mark.parametrize("name", ["suspects.parquet", "suspects.csv"])
    def test_every_judged_post_is_in_it(self, tmp_path: Path, name: str) -> None:
        write_suspects([judged(3), judged(1, suspect=False, votes=None)], tmp_path / name)
        read = pq.read_table if name.endswith("parquet") else pa_csv.read_csv
        rows = read(tmp_path / name).to_pylist()
        assert [str(row["photo_id"]) for row in rows] == ["3", "1"]
        assert [row["votes"] for row in rows] == [4, None]
        assert [row["suspect"] for row in rows] == [True, False]
        assert list(rows[0]) == [
            *("photo_id", "split", "label", "suggested", "score", "votes", "suspect"),
        ]

    def test_places_that_cannot_be_written_are_found_before_work(self, tmp_path: Path) -> None:
        check_places(tmp_path / "s.csv", tmp_path / "page.html")
        for suspects, html, said in (
            (tmp_path / "s.txt", None, r"--suspects .* ends in \.parquet or \.csv"),
            (tmp_path / "absent" / "s.csv", None, "--suspects .* cannot be written"),
            (tmp_path / "s.csv", tmp_path, "--html .* cannot be written"),
        ):
            with pytest.raises(DatasetError, match=said):
                check_places(suspects, html)

    def test_a_label_cannot_control_the_terminal(self) -> None:
        shown = describe_suspects([judged(1, label="\x1b[2J\nawe"), judged(2, suspect=False)])
        assert shown.splitlines()[0] == "1 of 2 labels look wrong"
        assert len(shown.splitlines()) == 2
        assert "\x1b" not in shown


class TestPage:
    def test_suspects_of_every_split_are_shown_with_their_pictures(self, tmp_path: Path) -> None:
        posts = [separable_post(number, ("anger", "awe")[number % 2]) for number in range(6)]
        folder = write_dataset(
            tmp_path / "d", {"train": posts[:3], "validation": posts[3:5], "test": posts[5:]}
        )
        suspects = [
            judged(1001, row=1),
            judged(1004, row=1, split="validation", label="anger", votes=None),
            judged(1005, row=0, split="test", suspect=False),
        ]
        write_page(inspect_dataset(folder), tmp_path / "page.html", suspects)
        before, _, after = (tmp_path / "page.html").read_text().partition("Labels that look wrong")
        assert "2 of 3 labels; the first 2 are shown" in after
        assert after.count("data:image/jpeg;base64,") == 2
        assert "awe, 4 votes: rather anger (score 0.125)" in after
        assert "anger: rather anger (score 0.125)" in after
        assert "Post 1004, which has image, text and tags" in after
        assert before.count("</html>") == 0
        assert after.rstrip().endswith("</html>")

    def test_untrusted_content_is_escaped(self, tmp_path: Path) -> None:
        posts = [StoredPost(photo_id=f"1{ATTACK}", label=ATTACK, text=ATTACK, tags=[ATTACK])] * 2
        folder = write_dataset(tmp_path / "d", {"train": posts, "validation": [], "test": []})
        write_page(
            inspect_dataset(folder),
            tmp_path / "page.html",
            [judged(0, label=ATTACK, suggested=ATTACK, photo_id=ATTACK)],
        )
        content = (tmp_path / "page.html").read_text()
        assert "<script" not in content
        assert f"{ATTACK}, 4 votes: rather {ATTACK}" in "".join(Page(content).texts)

    def test_only_the_first_are_shown(self, tmp_path: Path) -> None:
        posts = [StoredPost(photo_id=str(n), label="awe", tags=["x"]) for n in range(60)]
        folder = write_dataset(tmp_path / "d", {"train": posts, "validation": [], "test": []})
        suspects = [judged(n) for n in range(60)]
        write_page(inspect_dataset(folder), tmp_path / "page.html", suspects)
        content = (tmp_path / "page.html").read_text()
        assert f"60 of 60 labels; the first {SHOWN_ON_PAGE} are shown" in content
        assert content.count("rather anger") == SHOWN_ON_PAGE
