"""Lists in the forms in which people keep them: each is read to the same photos and labels.

The tables are written by the tools that people use: pandas, polars, DuckDB and Excel's dialects.
"""

import csv
import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from flickr_emotion.common.tables.column_map import column_map
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.columns import MEANINGS
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import ListedPhoto, PublishedList, RejectedRow
from flickr_emotion.harvest.lists.table_list import Stated
from tests.harvest.corpora import post, url_of

POSTS = [post(number) for number in range(4)]
IDS = [it.photo_id for it in POSTS]
URLS = [url_of(it) for it in POSTS]
LABELS = ["awe", "fear", "awe", "sadness"]
AGREE, DISAGREE = [4, 5, 3, 5], [1, 0, 2, 0]
PAGES = [f"https://www.flickr.com/photos/someone/{photo_id}/in/photostream/" for photo_id in IDS]
EXPECTED = list(zip(IDS, LABELS, strict=True))
BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

Write = Callable[[Path], Path]


def short(photo_id: str) -> str:
    """Return a photo's short link."""
    number, code = int(photo_id), ""
    while number:
        number, digit = divmod(number, 58)
        code = BASE58[digit] + code
    return f"https://flic.kr/p/{code}"


def text(name: str, content: str, encoding: str = "utf-8") -> Write:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding))
        return path

    return write


def lines(*columns: Sequence[object], separator: str = ",") -> str:
    return "".join(f"{separator.join(map(str, cells))}\n" for cells in zip(*columns, strict=True))


def quoted() -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(
        zip(LABELS, URLS, DISAGREE, AGREE, strict=True)
    )
    return out.getvalue()


def frame(**columns: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def zipped(folder: Path) -> Path:
    path = folder / "agg.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("agg/README", "how it was made")
        archive.writestr("__MACOSX/agg/._awe_1.csv", b"\0\5\x16\7")
        for number, row in enumerate(YOU.splitlines()):
            archive.writestr(f"agg/{number}_1.csv", row + "\n")
    return path


def gzipped(folder: Path) -> Path:
    path = folder / "list.csv.gz"
    path.write_bytes(gzip.compress(("label,url\n" + lines(LABELS, URLS)).encode()))
    return path


def beside_others(folder: Path) -> Path:
    text("list/agg/awe_1.csv", YOU)(folder)
    text("list/agg/.hidden.csv", "awe,http://example.org/a.jpg,0,5\n")(folder)
    text("list/notes/people.csv", "name,age\nAnn,30\n")(folder)
    text("list/labels.txt", "0\n1\n0\n3\n")(folder)
    text("list/model.py", "print()\n")(folder)
    return folder / "list"


def by_pandas(folder: Path) -> Path:
    frame(url=URLS, emotion=LABELS).to_csv(folder / "list.csv")
    return folder / "list.csv"


def by_pandas_parquet(folder: Path) -> Path:
    made = frame(photo_id=[int(it) for it in IDS], emotion=LABELS)
    made["emotion"] = made["emotion"].astype("category")
    made.to_parquet(folder / "list.parquet")
    return folder / "list.parquet"


def by_pandas_with_a_hole(folder: Path) -> Path:
    rows = [*map(float, IDS), float("nan")]
    frame(photo_id=rows, label=[*LABELS, "awe"]).to_parquet(folder / "list.parquet")
    return folder / "list.parquet"


def by_polars(folder: Path) -> Path:
    pl.DataFrame({"image_url": URLS, "label": LABELS}).write_ndjson(folder / "list.jsonl")
    return folder / "list.jsonl"


def by_duckdb(folder: Path) -> Path:
    values = ", ".join(f"('{url}', '{label}')" for url, label in zip(URLS, LABELS, strict=True))
    path = folder / "list.parquet"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) t(url, mood)) TO '{path}'")
    return path


def by_dummies(folder: Path) -> Path:
    made = pd.get_dummies(frame(url=URLS, mood=LABELS), columns=["mood"], prefix="label")
    made.to_csv(folder / "list.csv", index=False)
    return folder / "list.csv"


def api_dump(folder: Path) -> Path:
    path = folder / "photos.json"
    rows = [
        {"id": it.photo_id, "owner": "1@N01", "secret": it.secret, "server": it.server, "farm": 4}
        | {"label": label}
        for it, label in zip(POSTS, LABELS, strict=True)
    ]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


YOU = lines(LABELS, URLS, DISAGREE, AGREE)
CLASSES = sorted(set(LABELS))
ONE_OF_N = [[int(label == name) for label in LABELS] for name in CLASSES]
VOTES = [[5 * it for it in column] for column in ONE_OF_N]

# Lists with votes of You et al.'s form, and with labels of any other.
LABELLED: dict[str, tuple[Write, str]] = {
    "You, as published": (text("agg/awe_1.csv", YOU), ""),
    "You, quoted": (text("awe_1.csv", quoted()), ""),
    "You, blanks after commas": (
        text("awe_1.csv", lines(LABELS, URLS, DISAGREE, AGREE, separator=", ")),
        "",
    ),
    "You, with a header": (text("awe_1.csv", f"emotion,url,disagree,agree\n{YOU}"), ""),
    "You, header in another order": (
        text(
            "a.csv",
            "url;agree;disagree;label\n" + lines(URLS, AGREE, DISAGREE, LABELS, separator=";"),
        ),
        "",
    ),
    "You, .txt with CRLF and a BOM": (text("awe.txt", "\ufeff" + YOU.replace("\n", "\r\n")), ""),
    "You, tabs": (text("awe.tsv", lines(LABELS, URLS, DISAGREE, AGREE, separator="\t")), ""),
    "You, row numbers": (
        text("awe.csv", lines([0, 1, 2, 3], LABELS, URLS, DISAGREE, AGREE)),
        "",
    ),
    "You, Excel's empty cells": (text("awe.csv", YOU.replace("\n", ",,\n")), ""),
    "You, UTF-16": (text("awe.csv", YOU, "utf-16"), ""),
    "You, zipped": (zipped, ""),
    "You, beside other files": (beside_others, ""),
    "label and URL, gzip": (gzipped, ""),
    "pandas, CSV": (by_pandas, ""),
    "pandas, Parquet of ids and categories": (by_pandas_parquet, ""),
    "pandas, ids as floats": (by_pandas_with_a_hole, ""),
    "polars, JSON lines": (by_polars, ""),
    "DuckDB, Parquet": (by_duckdb, ""),
    "ids, secrets and servers in columns": (api_dump, ""),
    "pages": (text("a.csv", "page,label\n" + lines(PAGES, LABELS)), ""),
    "short links, ;": (
        text("a.csv", "sep=;\nlink;class\n" + lines([*map(short, IDS)], LABELS, separator=";")),
        "",
    ),
    "without a header": (text("a.csv", lines(URLS, LABELS)), ""),
    "blanks between URL and label": (text("a.txt", lines(URLS, LABELS, separator=" ")), ""),
    "named columns": (
        text("a.csv", "image_url,emotion,n,id\n" + lines(URLS, LABELS, AGREE, [1, 2, 3, 4])),
        "url=image_url,label=emotion,votes=n",
    ),
    "numbered columns": (text("a.csv", lines(AGREE, LABELS, URLS)), "url=3,label=2"),
    "1 of n": (text("a.csv", f"url,{','.join(CLASSES)}\n" + lines(URLS, *ONE_OF_N)), ""),
    "1 of n, pandas.get_dummies": (by_dummies, ""),
    "1 of n, classes of one's own": (
        text("a.csv", "photo_id,cosy,odd,wild\n" + lines(IDS, *ONE_OF_N)),
        "",
    ),
    "votes for each class": (
        text("a.csv", f"url,width,{','.join(CLASSES)}\n" + lines(URLS, [500] * 4, *VOTES)),
        "",
    ),
    "labels with votes for and against": (
        text(
            "a.csv",
            "url,owner,label,agree,disagree\n" + lines(URLS, "abcd", LABELS, AGREE, DISAGREE),
        ),
        "",
    ),
    "1 of n beside numbers of rows and sizes": (
        text(
            "a.csv",
            ",photo_id,width,c_cosy,c_odd,c_wild\n" + lines(range(4), IDS, [500] * 4, *ONE_OF_N),
        ),
        "",
    ),
    "MVSO without its sentiments": (
        text("english.csv", "ANP,image_url\n" + lines(LABELS, URLS)),
        "",
    ),
}

UNLABELLED: dict[str, Write] = {
    "URLs": text("a.txt", lines(URLS)),
    "pages": text("a", lines(PAGES)),
    "short links": text("a.urls", lines([*map(short, IDS)])),
    "ids": text("a.txt", lines(IDS)),
    "a list in Markdown": text("a.md.txt", "".join(f"- {it}\n" for it in PAGES)),
    "a numbered list": text("a.txt", "".join(f"{n}. {it}\n" for n, it in enumerate(URLS, 1))),
    "a JSON list of URLs": text("a.json", json.dumps(URLS)),
    "numbers that are no classes": text(
        "a.csv", "url,count_views,count_faves,is_public\n" + lines(URLS, [9] * 4, [2] * 4, [1] * 4)
    ),
    "all of them": text("a.txt", f"# mine\n{URLS[0]}\n{PAGES[1]}\n{short(IDS[2])}\n\n{IDS[3]}\n"),
    "pages without a scheme": text("a.txt", lines([it[8:] for it in PAGES])),
    "one column": text("a.csv", "photo_id\n" + lines(IDS)),
    "ids beside other columns": text("a.csv", "id,views\n" + lines(IDS, [3, 1, 2, 5])),
    "JSON lines": text("a.jsonl", "".join(json.dumps({"photo": it}) + "\n" for it in PAGES)),
}


def opened(path: Path, columns: str = "") -> PublishedList:
    return open_list(path, Stated(columns=column_map(columns, MEANINGS)))


def listed(published: PublishedList) -> list[ListedPhoto]:
    rows = [row for file in published.files for row in file.rows()]
    return [row for row in rows if isinstance(row, ListedPhoto)]


@pytest.mark.parametrize("form", LABELLED)
def test_a_list_with_labels(tmp_path: Path, form: str) -> None:
    write, columns = LABELLED[form]
    found = listed(opened(write(tmp_path), columns))
    renamed = {"cosy": "awe", "odd": "fear", "wild": "sadness"}
    renamed |= {f"c_{name}": label for name, label in renamed.items()}
    said = [(it.reference.photo_id, renamed.get(it.emotion or "", it.emotion)) for it in found]
    assert said == EXPECTED


@pytest.mark.parametrize("form", UNLABELLED)
def test_a_list_without_labels(tmp_path: Path, form: str) -> None:
    found = listed(opened(UNLABELLED[form](tmp_path)))
    assert [it.reference.photo_id for it in found] == IDS
    assert {it.emotion for it in found} == {None}


@pytest.mark.parametrize(
    "content", [", ".join(URLS), "left,right,label\n" + lines(URLS, URLS[::-1], LABELS)]
)
def test_several_photos_in_a_row_are_refused(tmp_path: Path, content: str) -> None:
    """All but the first were ignored, and the exit code was 0."""
    path = text("a.csv", content)(tmp_path)
    with pytest.raises(HarvestError, match=r"several photos in one row, in (column 1|left) and in"):
        opened(path)
    assert listed(opened(path, "url=left" if "left" in content else "url=1"))


def test_pages_and_pictures_of_the_same_photo_are_one(tmp_path: Path) -> None:
    path = text("a.csv", "page,url_m,id\n" + lines(PAGES, URLS, range(100000, 100004)))(tmp_path)
    assert [it.reference.photo_id for it in listed(opened(path))] == IDS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "url,label\nhttps://example.org/1.jpg,x\n",
            "example.org/1.jpg' is on no site of Flickr's",
        ),
        ("https://www.flickr.com/photos/bob/albums/72157600000000000\n", "names no photo"),
        ("photo_id,label\n3.71E+09,x\n", "'3.71E\\+09' is an id that a spreadsheet has rounded"),
    ],
)
def test_what_names_no_photo_is_shown(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(HarvestError, match=f"no column of it names pictures on Flickr: .*{said}"):
        opened(text("a.csv", content)(tmp_path))


def test_sentiments_that_are_read_are_not_left_alone(tmp_path: Path) -> None:
    text("m/english.csv", f"ANP,image_url\nhappy_dog,{URLS[0]}\n")(tmp_path)
    text("m/mvso_sentiment/english.csv", "happy_dog,1.5\nsad_cat,-1\n")(tmp_path)
    found = opened(tmp_path / "m")
    assert found.left_alone == ()
    assert found.notes[-1] == "m/mvso_sentiment/english.csv: sentiments of 2 pairs"


class TestVotes:
    def votes(
        self, path: Path, columns: str = ""
    ) -> list[tuple[str | None, int | None, int | None]]:
        return [(it.emotion, it.agree, it.disagree) for it in listed(opened(path, columns))]

    def test_of_each_class(self, tmp_path: Path) -> None:
        content = f"url,votes_Happy,votes_Sad\n{URLS[0]},3,2\n{URLS[1]},0,5\n{URLS[2]},0,0\n"
        assert self.votes(text("a.csv", content)(tmp_path)) == [
            ("Happy", 3, None),
            ("Sad", 2, None),
            ("Sad", 5, None),
            (None, 0, None),
        ]

    def test_one_more_than_1_far_down_makes_votes_of_all(self, tmp_path: Path) -> None:
        rows = [*([1, 0] for _ in range(300)), [4, 1]]
        content = "url,awe,fear\n" + "".join(f"{URLS[0]},{a},{b}\n" for a, b in rows)
        found = self.votes(text("a.csv", content)(tmp_path))
        assert found[0] == ("awe", 1, None)
        assert found[-2:] == [("awe", 4, None), ("fear", 1, None)]

    def test_1_of_n_are_no_votes(self, tmp_path: Path) -> None:
        content = f"url,awe,fear\n{URLS[0]},1,0\n{URLS[1]},0,1\n"
        found = self.votes(text("a.csv", content)(tmp_path))
        assert found == [("awe", None, None), ("fear", None, None)]

    def test_named_columns_of_classes(self, tmp_path: Path) -> None:
        content = f"url,joyful,gloomy,width\n{URLS[0]},3,2,500\n"
        found = self.votes(text("a.csv", content)(tmp_path), "url=url,label=joyful+gloomy")
        assert found == [("joyful", 3, None), ("gloomy", 2, None)]

    def test_numbers_of_a_picture_are_no_votes(self, tmp_path: Path) -> None:
        published = opened(text("a.csv", f"url,width,height\n{URLS[0]},500,375\n")(tmp_path))
        assert [it.emotion for it in listed(published)] == [None]
        assert published.notes == (
            f"{tmp_path.name}/a.csv: photos from url; no labels; ignored: width, height",
        )

    def test_for_a_label_as_floats(self, tmp_path: Path) -> None:
        frame(url=URLS[:2], label=["awe", "fear"], votes=[3.0, None]).to_csv(tmp_path / "a.csv")
        assert self.votes(tmp_path / "a.csv") == [("awe", 3, None), ("fear", None, None)]

    def test_with_a_decimal_comma(self, tmp_path: Path) -> None:
        """As a spreadsheet writes 5 and 12 in some countries; 5,000 may be five thousand."""
        content = f"url;label;n\n{URLS[0]};awe;5,0\n{URLS[1]};fear;12,00\n{URLS[2]};awe;5,000\n"
        (file,) = opened(text("a.csv", content)(tmp_path), "url=url,votes=n").files
        *read, third = file.rows()
        assert [(it.emotion, it.agree) for it in read if isinstance(it, ListedPhoto)] == [
            *(("awe", 5), ("fear", 12))
        ]
        assert isinstance(third, RejectedRow)
        assert third.detail == (
            "vote '5,000' is no whole number from 0 to 10000 (5, 5.0 and 5,0 are)"
        )

    def test_a_vote_that_is_none_is_a_rejected_row(self, tmp_path: Path) -> None:
        content = f"url,label,n\n{URLS[0]},awe,3\n{URLS[1]},fear,2.5\n"
        (file,) = opened(text("a.csv", content)(tmp_path), "url=url,votes=n").files
        _, row = file.rows()
        assert isinstance(row, RejectedRow)
        assert (row.row, row.reason) == (3, "malformed")
        assert "vote '2.5' is no whole number from 0 to 10000" in row.detail


class TestLabels:
    def test_numbers_as_floats_are_whole_and_labels_are_composed(self, tmp_path: Path) -> None:
        made = frame(url=URLS[:3], label=["1.0", "cafe\u0301", None])
        made.to_csv(tmp_path / "a.csv", index=False)
        found = [it.emotion for it in listed(opened(tmp_path / "a.csv"))]
        assert found == ["1", "caf\u00e9", None]

    def test_a_label_of_many_combining_marks_takes_no_time(self, tmp_path: Path) -> None:
        marks = "e" + "\u0301\u0327" * 50_000
        path = text("a.csv", f"url,label\n{URLS[0]},awe\n{URLS[1]},{marks}\n")(tmp_path)
        started = time.process_time()
        (file,) = opened(path).files
        assert [type(row) for row in file.rows()] == [ListedPhoto, RejectedRow]
        assert time.process_time() - started < 2

    def test_an_id_that_counts_rows_is_no_photo(self, tmp_path: Path) -> None:
        path = text("a.csv", f"id,page\n1,{PAGES[0]}\n2,\n")(tmp_path)
        (file,) = opened(path).files
        first, second = file.rows()
        assert isinstance(first, ListedPhoto)
        assert (first.reference.photo_id, first.owner) == (IDS[0], "someone")
        assert isinstance(second, RejectedRow)
        assert second.detail == "no photo is named"

    def test_an_empty_url_falls_back_on_the_photo_id(self, tmp_path: Path) -> None:
        path = text("a.csv", f"photo_id,url\n{IDS[0]},{URLS[0]}\n{IDS[1]},\n")(tmp_path)
        found = [it.reference for it in listed(opened(path))]
        assert [(it.photo_id, it.secret is None) for it in found] == [
            (IDS[0], False),
            (IDS[1], True),
        ]


class TestMvso:
    def write(self, folder: Path, sentiments: str) -> Path:
        text("mvso/image_url_mappings/english.csv", f"ANP,image_url\nhappy_dog,{URLS[0]}\n"
             f"sad_cat,{URLS[1]}\nhappy_dog,{URLS[2]}\n")(folder)  # fmt: skip
        text("mvso/mvso_sentiment/english.csv", sentiments)(folder)
        return folder / "mvso"

    @pytest.mark.parametrize(
        "sentiments", ["happy_dog,1.5\nsad_cat,-1.0\n", "happy_dog,4.5\nsad_cat,2.0\n"]
    )
    @pytest.mark.parametrize("given", ["", "image_url_mappings", "image_url_mappings/english.csv"])
    def test_pairs_with_their_sentiments(self, tmp_path: Path, given: str, sentiments: str) -> None:
        published = opened(self.write(tmp_path, sentiments) / given)
        assert published.kind == "sentiment"
        assert published.pair_sentiments == {"happy_dog": 1.5, "sad_cat": -1.0}
        assert [(it.pair, it.emotion) for it in listed(published)] == [
            ("happy_dog", None),
            ("sad_cat", None),
            ("happy_dog", None),
        ]

    def test_without_sentiments_the_pairs_are_labels(self, tmp_path: Path) -> None:
        published = opened(self.write(tmp_path, "no,numbers\n"))
        assert published.kind == "labels"
        assert [it.emotion for it in listed(published)] == ["happy_dog", "sad_cat", "happy_dog"]


class TestLeftAlone:
    def test_each_file_is_named_with_the_reason(self, tmp_path: Path) -> None:
        text("list/awe_1.csv", YOU)(tmp_path)
        text("list/other.csv", "url\n" + lines(PAGES))(tmp_path)
        text("list/people.csv", "name,age\nAnn,30\n")(tmp_path)
        text("list/empty.csv", "")(tmp_path)
        text("list/paper.pdf", "%PDF")(tmp_path)
        (tmp_path / "list" / "broken.zip").write_bytes(b"PK\3\4 not a zip archive")
        with zipfile.ZipFile(tmp_path / "list" / "table.zip", "w") as archive:
            archive.writestr("[Content_Types].xml", "")
        published = opened(tmp_path / "list")
        assert [file.name for file in published.files] == ["list/awe_1.csv"]
        reasons = dict(published.left_alone)
        assert "damaged zip archive" in reasons.pop("list/broken.zip")
        assert "an Excel workbook: save it as CSV" in reasons.pop("list/table.zip")
        assert reasons == {
            "list/empty.csv": "it is empty",
            "list/other.csv": "the list is You et al.'s: crawl this one by itself",
            "list/paper.pdf": "its name is not that of a table or a text",
            "list/people.csv": "no column of it names pictures on Flickr",
        }

    def test_a_member_of_an_archive_that_is_no_table_spoils_no_other(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "lists.zip", "w") as archive:
            archive.writestr("a.csv", b"\x00\x01" * 500)
            archive.writestr("b.jpg", b"\xff\xd8\xff")
            archive.writestr("c.csv", "url\n" + lines(URLS))
        published = opened(tmp_path / "lists.zip")
        assert [it.reference.photo_id for it in listed(published)] == IDS
        names = [name.rpartition("/")[2] for name, _ in published.left_alone]
        assert names == ["a.csv", "b.jpg"]

    def test_a_folder_of_which_no_row_could_be_read(self, tmp_path: Path) -> None:
        content = "awe,http://instagram.com/a.jpg,0,5\nfear,http://instagram.com/b.jpg,0,5\n"
        text("list/awe_1.csv", content)(tmp_path)
        with pytest.raises(HarvestError, match=r"none of the 2 rows .* names a photo .*not-flickr"):
            opened(tmp_path / "list")

    def test_a_column_of_long_numbers_is_no_list(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match=r"no column of it names pictures"):
            opened(text("people.csv", "population\n1234567\n7654321\n")(tmp_path))

    def test_a_file_that_is_no_list_says_why(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match=r"people.csv: no column of it names pictures"):
            opened(text("people.csv", "name,age\nAnn,30\n")(tmp_path))

    @pytest.mark.parametrize(
        ("content", "columns", "said"),
        [
            ("page,label\n" + lines(PAGES, LABELS), "url=link", "'link', which is not a column of"),
            (lines(PAGES, LABELS), "url=page", "has no header row: give the numbers"),
            (lines(PAGES, LABELS), "url=3", "from 1 to 2"),
        ],
    )
    def test_named_columns_that_are_not_there(
        self, tmp_path: Path, content: str, columns: str, said: str
    ) -> None:
        with pytest.raises(HarvestError, match=said):
            opened(text("a.csv", content)(tmp_path), columns)


class TestVso:
    ONTOLOGY = "\thappy_dog [sentiment: 1.5] [#imgs: 5]\n"

    @pytest.mark.parametrize(
        ("row", "owner"),
        [
            (f'image_url: {URLS[0]}    flickr_username: "ann" realname: "Ann"', "ann"),
            (f'image_url: {URLS[0]}    flickr_username: "ann" realname: "Ann"   ', "ann"),
            (f'image_url: {URLS[0]}\tflickr_username: "ann"\trealname: ""', "ann"),
            (f'image_url: {URLS[0]}    flickr_username: "ann" realname: ', "ann"),
            (f'image_url: {URLS[0]}    flickr_username: "a "b" c"', 'a "b" c'),
            (f"  image_url:{URLS[0]}", None),
            (f"image_url: {PAGES[0]}", "someone"),
        ],
    )
    def test_rows_as_people_keep_them(self, tmp_path: Path, row: str, owner: str | None) -> None:
        text("vso/3244ANPs.txt", self.ONTOLOGY)(tmp_path)
        text("vso/happy_dog.txt", f"{row}\n")(tmp_path)
        (found,) = listed(opened(tmp_path / "vso"))
        assert (found.reference.photo_id, found.pair, found.owner) == (IDS[0], "happy_dog", owner)

    def test_zipped_with_its_ontology(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "vso.zip", "w") as archive:
            archive.writestr("vso/3244ANPs.txt", self.ONTOLOGY)
            archive.writestr("vso/URL1553/happy_dog.txt", f"image_url: {URLS[0]}\n")
        published = opened(tmp_path / "vso.zip")
        assert [it.pair for it in listed(published)] == ["happy_dog"]
        assert published.pair_sentiments == {"happy_dog": 1.5}
