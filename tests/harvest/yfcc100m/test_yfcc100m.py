"""All formats of YFCC100M's metadata are read into posts like Flickr's."""

import bz2
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.answers import Answer, MalformedAnswerError, parse_get_info
from flickr_emotion.harvest.pace.retry import PhotoVideoError
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.shapes import photo
from flickr_emotion.harvest.yfcc100m.files import open_metadata
from flickr_emotion.harvest.yfcc100m.rows import COLUMNS, NEEDED, parse_row
from tests.harvest.corpora import post
from tests.harvest.yfcc100m_rows import FORMS, Write, parquet_writer, row, text, write_parquet

POSTS = [post(number, license=1 + number % 6) for number in range(10)]
WANTED = {POSTS[number].photo_id for number in (0, 2, 9)} | {"1"}


def named(cells: list[str]) -> dict[str, Any]:
    values = dict(zip(COLUMNS, cells, strict=True))
    return {column: values[column] for column in NEEDED}


def answer_of(listed: Post) -> Answer:
    """What the API says of a post, without what the metadata lack."""
    content = json.loads(json.dumps({"photo": photo(listed)}))
    answer = parse_get_info(content, listed.photo_id)
    return replace(answer, safety_level=None, usage=None)


def found(path: Path, wanted: set[str] = WANTED) -> dict[str, Answer]:
    answers = [
        parse_row(cells)
        for cells in open_metadata(path).rows(wanted, lambda _: None)
        if cells is not None
    ]
    assert None not in answers
    return {answer.reference.photo_id: answer for answer in answers if answer}


def malformed(path: Path) -> int:
    return sum(cells is None for cells in open_metadata(path).rows(WANTED, lambda _: None))


class TestRow:
    @given(
        st.builds(
            post,
            st.integers(0, 10**9),
            title=st.text(max_size=20),
            description=st.text(max_size=40),
            tags=st.lists(
                st.text(max_size=10) | st.sampled_from(["New York", "a,b", "geo:lat=5.1", "50%+1"]),
                max_size=5,
            ).map(tuple),
            license=st.integers(1, 6),
        )
    )
    @settings(max_examples=200, deadline=None)
    def test_it_gives_the_same_post_as_the_api(self, drawn: Post) -> None:
        assert parse_row(named(row(drawn))) == answer_of(drawn)

    def test_a_published_row(self) -> None:
        cells = {
            **{"photoid": "6985418911", "uid": "39089491@N00", "datetaken": "null"},
            **{"dateuploaded": "1331840483", "title": "IMG_0520", "marker": "0"},
            "description": "My+%3Cb%3Evacation%3C%2Fb%3E%0A100%25",
            "usertags": "canon,canon+powershot+hs+310,caf%C3%A9",
            **{"licenseurl": "http://creativecommons.org/licenses/by-nc-sa/2.0/"},
            **{"serverid": "7205", "farmid": "8", "secret": "df7747990d"},
        }
        answer = parse_row(cells)
        assert answer
        assert answer.description == "My <b>vacation</b>\n100%"
        assert answer.tags == ("café", "canon", "canonpowershoths310")
        assert (answer.owner, answer.license) == ("39089491@N00", "1")
        assert (answer.date_upload, answer.date_taken) == (1331840483, None)
        assert answer.reference.image_path() == "/7205/6985418911_df7747990d.jpg"

    def test_a_copy_whose_texts_were_decoded(self) -> None:
        answer = parse_row(named(row(POSTS[0], title="1 + 1 = 100%25", description="café+")))
        assert answer
        assert (answer.title, answer.description) == ("1 + 1 = 100%25", "café+")

    def test_a_video_is_not_a_photo(self) -> None:
        with pytest.raises(PhotoVideoError):
            parse_row(named(row(POSTS[0], marker="1")))

    @pytest.mark.parametrize(
        "changes",
        [{"marker": "jpg"}, {"photoid": "x"}, {"secret": "../x"}, {"serverid": ""}],
    )
    def test_a_row_that_breaks_the_format_is_refused(self, changes: dict[str, str]) -> None:
        with pytest.raises(MalformedAnswerError):
            parse_row(named(row(POSTS[0], **changes)))

    @pytest.mark.parametrize(
        ("url", "licence"),
        [
            ("https://creativecommons.org/publicdomain/zero/1.0/", "9"),
            ("http://creativecommons.org/licenses/by/2.0", "4"),
            ("http%3A%2F%2Fcreativecommons.org%2Flicenses%2Fby-nd%2F2.0%2F", "6"),
            ("http://flickr.com/commons/usage/", "7"),
            ("http://www.usa.gov/copyright.shtml", "8"),
            ("http://creativecommons.org/licenses/by/9.0/", None),
            ("", None),
        ],
    )
    def test_licences(self, url: str, licence: str | None) -> None:
        answer = parse_row(named(row(POSTS[0], licenseurl=url)))
        assert answer
        assert answer.license == licence


class TestForms:
    @pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
    def test_the_wanted_posts_are_found(self, tmp_path: Path, write: Write) -> None:
        path = write(tmp_path / "metadata", [row(listed) for listed in POSTS])
        assert found(path) == {
            listed.photo_id: answer_of(listed) for listed in POSTS if listed.photo_id in WANTED
        }

    @pytest.mark.parametrize("name", [name for name in FORMS if "ids are" in name])
    def test_ids_of_eleven_digits(self, tmp_path: Path, name: str) -> None:
        """Arrow writes 52000000001.0 as 5.2000000001e+10."""
        newer = [replace(it, photo_id=f"52{it.photo_id[-9:]}") for it in POSTS]
        path = FORMS[name](tmp_path / "metadata", [row(listed) for listed in newer])
        wanted = {listed.photo_id for listed in newer}
        rows = [it for it in open_metadata(path).rows(wanted, lambda _: None) if it is not None]
        assert {parse_row(it).reference.photo_id for it in rows} == wanted

    def test_ids_that_32_bits_have_rounded_are_refused(self, tmp_path: Path) -> None:
        rows = [row(listed) for listed in POSTS]
        with pytest.raises(HarvestError, match="its photo ids are float, which rounds them"):
            open_metadata(parquet_writer(pa.float32())(tmp_path / "metadata", rows))

    def test_rows_are_counted_as_they_are_looked_at(self, tmp_path: Path) -> None:
        rows = [row(listed) for listed in POSTS]
        for name in ("23 columns", "Parquet of text"):
            seen: list[int] = []
            path = FORMS[name](tmp_path / name, rows)
            assert len(list(open_metadata(path).rows(WANTED, seen.append))) == 3
            assert sum(seen) == len(POSTS)

    def test_damaged_lines_are_counted_and_the_others_stay(self, tmp_path: Path) -> None:
        rows = text([row(listed) for listed in POSTS]).splitlines(keepends=True)
        rows[2] = rows[2].partition(b"\t")[0] + b"\tcut off\n"  # Wanted.
        rows[3] = rows[3].partition(b"\t")[0] + b"\tcut off\n"  # Not wanted, so not read.
        rows[4:4] = [b"\n", b"what\n", b"\xff\xfe\tx\n", b"x" * 20_000_000 + b"\n"]
        path = tmp_path / "metadata.tsv"
        path.write_bytes(b"".join(rows).rstrip(b"\n"))
        assert malformed(path) == 4
        assert set(found(path)) == {POSTS[0].photo_id, POSTS[9].photo_id}

    def test_lines_that_a_block_cuts(self, tmp_path: Path) -> None:
        long = [replace(listed, description=f"{listed.photo_id} é " * 50_000) for listed in POSTS]
        path = tmp_path / "metadata.tsv"
        path.write_bytes(text([row(listed) for listed in long]))
        assert path.stat().st_size > 2 * 2**22
        assert found(path) == {p.photo_id: answer_of(p) for p in long if p.photo_id in WANTED}

    def test_null_ids_in_a_table_are_malformed(self, tmp_path: Path) -> None:
        rows: list[list[Any]] = [row(listed) for listed in POSTS]
        rows[5][0] = None
        assert malformed(write_parquet(tmp_path / "metadata", rows)) == 1

    def test_a_truncated_file_yields_its_rows_and_an_error(self, tmp_path: Path) -> None:
        whole = gzip.compress(text([row(listed) for listed in POSTS for _ in range(5_000)]))
        path = tmp_path / "metadata.gz"
        path.write_bytes(whole[: len(whole) // 2])
        rows = open_metadata(path).rows({POSTS[0].photo_id}, lambda _: None)
        assert next(rows)
        with pytest.raises(HarvestError, match=r"metadata\.gz cannot be read"):
            list(rows)

    @pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
    def test_a_line_without_end_is_given_up(
        self, tmp_path: Path, pack: Callable[[bytes], bytes]
    ) -> None:
        rows = text([row(listed) for listed in POSTS])
        path = tmp_path / "metadata"
        path.write_bytes(pack(rows + bytes(80 * 2**20) + b"\n" + rows))
        read = open_metadata(path).rows({POSTS[0].photo_id}, lambda _: None)
        assert next(read)
        with pytest.raises(HarvestError, match="has no end") as refused:
            list(read)
        assert "\n" not in str(refused.value)

    def test_an_impossible_cell_is_refused(self, tmp_path: Path) -> None:
        rows = [row(listed) for listed in POSTS]
        rows[0][6] = "x" * 20_000_000
        path = FORMS["SQLite, ids are text"](tmp_path / "metadata", rows)
        with pytest.raises(HarvestError, match="cannot be read"):
            list(open_metadata(path).rows(WANTED, lambda _: None))

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"awe,http://farm4.staticflickr.com/3456/3712345678_abcdef0123.jpg,0,5\n",
            b"\xff\xd8\xff\xe0" + bytes(1000),
            b"PAR1" + bytes(100),
            b"SQLite format 3\0" + bytes(100),
            b"BZh9" + bytes(100),
            gzip.compress(b"something else\n" * 100, mtime=0),
            gzip.compress(text([row(POSTS[0])]), mtime=0)[:60],
            b"\t".join([b"photo"] * 23) + b"\n",
        ],
    )
    def test_another_file_is_refused_in_one_line(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "something"
        path.write_bytes(content)
        with pytest.raises(HarvestError, match=r"something .*(expected|give)") as refused:
            open_metadata(path)
        assert "\n" not in str(refused.value)

    def test_a_table_of_something_else_is_refused(self, tmp_path: Path) -> None:
        rows = [row(listed) for listed in POSTS]
        for name in ("Parquet of text", "SQLite, ids are text"):
            path = FORMS[name](tmp_path / name, rows)
            data = path.read_bytes().replace(b"usertags", b"otherone")
            path.write_bytes(data)
            with pytest.raises(HarvestError, match="no column usertags"):
                open_metadata(path)

    def test_no_file_is_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path / "nothing", tmp_path):
            with pytest.raises(HarvestError, match="cannot be read"):
                open_metadata(path)
