"""Which columns are read as what, and what is said of the others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.folders import PictureFolders
from flickr_emotion.datasets.sources.own_rows import contents_of
from flickr_emotion.datasets.sources.post_tables import PostFile, PostTables, open_posts
from tests.commands import run


def table(folder: Path, header: str, *rows: str, name: str = "posts.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def chosen(posts: PostTables) -> dict[str, str]:
    return posts.chosen.columns


class TestColumns:
    def test_other_names(self, tmp_path: Path) -> None:
        posts = open_posts(table(tmp_path, "ID,Emotion,image_path,Caption,Hash Tags,User,n"))
        assert chosen(posts) == {
            "photo_id": "ID",
            "label": "Emotion",
            "owner": "User",
            "text": "Caption",
            "tags": "Hash Tags",
            "image": "image_path",
        }
        assert posts.chosen.ignored == ("n",)

    def test_their_own_names_come_first(self, tmp_path: Path) -> None:
        posts = open_posts(table(tmp_path, "id,photo_id,emotion,label,caption,title"))
        assert chosen(posts) == {"photo_id": "photo_id", "label": "label", "title": "title"}

    def test_they_can_be_given(self, tmp_path: Path) -> None:
        path = table(tmp_path, 'key,label,mood,text,"alt, long"')
        posts = open_posts(path, columns='photo_id=key,label=mood,"text=alt, long"')
        assert chosen(posts) == {"photo_id": "key", "label": "mood", "text": "alt, long"}

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ("label=feeling", r"has no such column among id, label, text"),
            ("feeling=label", "'feeling' is no meaning: give one of photo_id, label"),
            ("label", "'label' is not meaning=name"),
            ("label=id,label=text", "names label twice"),
        ],
    )
    def test_given_wrongly(self, tmp_path: Path, columns: str, message: str) -> None:
        with pytest.raises(DatasetError, match=message) as raised:
            open_posts(table(tmp_path, "id,label,text"), columns=columns)
        assert "\n" not in str(raised.value)

    def test_no_header_row(self, tmp_path: Path) -> None:
        path = table(tmp_path, f"1,awe,{'a very long text ' * 9},a.jpg", "2,awe,b,b.jpg")
        with pytest.raises(DatasetError, match=r"has no header row, but 1, awe, a very.*\.\.\., a"):
            open_posts(path)

    def test_an_empty_file(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="is empty: give a table of posts"):
            open_posts(table(tmp_path, ""))

    def test_two_that_may_be_the_label(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="both emotion and sentiment may be the label"):
            open_posts(table(tmp_path, "id,emotion,sentiment,text"))

    def test_none_that_holds_a_modality(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="none of the columns image, text"):
            open_posts(table(tmp_path, "id,label,likes"))


class TestWarnings:
    ROW = "1,calm,#a,a walk along the river,pictures/1.jpg,https://x.org/1.jpg,12"

    def test_ignored_texts_and_pictures(self, tmp_path: Path) -> None:
        path = table(tmp_path, "id,label,tags,alt,thumb,address,likes", self.ROW, self.ROW)
        said = list(open_posts(path).said())
        assert said[0] == (
            "posts.csv: columns read: id as photo_id, label, tags; "
            "ignored: alt, thumb, address, likes"
        )
        assert said[1:] == [
            "warning: posts.csv: the column alt looks like a text and is ignored: "
            "--columns text=alt uses it",
            "warning: posts.csv: the column thumb looks like a picture and is ignored: "
            "--columns image=thumb uses it",
            "warning: posts.csv: the column address holds web addresses of pictures and is "
            "ignored: download the pictures and give their paths, for example --columns image=path",
        ]

    def test_splits_that_are_ignored(self, tmp_path: Path) -> None:
        path = table(tmp_path, "label,text,part", "awe,a,train", "awe,b,Test", "fear,c,val")
        said = "the column part holds splits and is ignored: --split-column part uses it"
        assert open_posts(path).chosen.warnings == (said,)
        assert not open_posts(path, labelled=False).chosen.warnings
        assert not open_posts(path, split_column="part").chosen.warnings

    def test_tags_between_which_only_blanks_stand(self, tmp_path: Path) -> None:
        """As Flickr's API writes them. `sunsetbeachnewyork` was one tag, without a word."""
        path = table(tmp_path, "label,tags", "awe,sunset beach newyork", "awe,dog", "fear,a b c d")
        (line,) = [it for it in open_posts(path).said() if "warning" in it]
        assert line.endswith(
            "in the column tags only blanks separate words, so each cell is one tag: put commas "
            "between the tags"
        )
        for cells in (("a b c", "d,e"), ("new york", "san francisco"), ("#a b c", "d e f")):
            path = table(tmp_path, "label;tags", *(f"awe;{cell}" for cell in cells))
            assert not [it for it in open_posts(path).said() if "warning" in it]

    def test_bytes_in_parquet(self, tmp_path: Path) -> None:
        pq.write_table(
            pa.table({"id": ["1"], "label": ["x"], "text": ["t"], "thumb": [b"jpeg"]}),
            tmp_path / "posts.parquet",
        )
        *_, last = open_posts(tmp_path / "posts.parquet").said()
        assert "the column thumb looks like a picture and is ignored" in last

    def test_on_the_terminal(self, tmp_path: Path) -> None:
        rows = [f"{n},{'ab'[n % 2]},{n} quiet walks along the river,1,#t{n} #u" for n in range(60)]
        path = table(tmp_path, "id;label;caption;n;tags".replace(";", ","), *rows)
        done = run("build-splits", path, "--out", tmp_path / "d")
        assert done.code == 0
        assert "columns read: id as photo_id, label, caption as text, tags; ignored: n" in done.err
        assert "posts with each modality: 0 image, 60 text, 60 tags" in done.out


class TestFolders:
    def test_shards_of_other_columns_are_named(self, tmp_path: Path) -> None:
        table(tmp_path, "id,label,text", "1,a,b", name="a.csv")
        table(tmp_path, "id,label,words", "2,a,b", name="b.csv")
        with pytest.raises(DatasetError, match=r"b\.csv has no column 'text', as .*a\.csv has"):
            open_posts(tmp_path)

    def test_what_is_no_table_of_posts_is_named_and_left_alone(self, tmp_path: Path) -> None:
        """A README in JSON, or a CSV of something else, made the whole folder unreadable."""
        table(tmp_path, "reviewer,remark", "bob,nice", name="a_notes.csv")
        table(tmp_path, "id,label,text", "1,awe,a b", name="posts.csv")
        (tmp_path / "info.json").write_text('{\n "made": "by hand"\n}\n')
        posts = open_posts(tmp_path)
        assert [file.name for file in posts.files] == ["posts.csv"]
        said = list(posts.said())
        name = tmp_path.name
        assert f"{name}: left alone: a_notes.csv: it has none of these columns" in said
        assert f"{name}: left alone: info.json: it is no table" in said

    def test_csv_files_beside_parquet_are_not_ignored_silently(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"label": ["a"], "text": ["b"]}), tmp_path / "1.parquet")
        table(tmp_path, "label,text", "a,b", name="2.csv")
        posts = open_posts(tmp_path)
        assert dict(posts.left_alone) == {"2.csv": "only the Parquet files are read"}

    def test_a_folder_of_save_to_disk(self, tmp_path: Path) -> None:
        (tmp_path / "data-00000-of-00001.arrow").write_bytes(b"")
        (tmp_path / "dataset_info.json").write_text('{\n "features": {}\n}\n')
        with pytest.raises(DatasetError, match="write Parquet with `to_parquet`"):
            open_posts(tmp_path)

    def test_pictures_to_be_answered_need_no_classes(self, tmp_path: Path) -> None:
        (tmp_path / "1.jpg").write_bytes(b"")
        (tmp_path / "2.xyz").write_bytes(b"")
        posts = open_posts(tmp_path, labelled=False)
        (file,) = posts.files
        assert [cells for _, cells in file.rows(chosen(posts))] == [
            {"photo_id": "1.jpg", "image": "1.jpg"}
        ]
        assert dict(posts.left_alone) == {"2.xyz": "it is not named as a picture"}

    def test_splits_in_names_are_not_taken_over_silently(self, tmp_path: Path) -> None:
        for name in ("train-00000-of-00001.csv", "test.csv"):
            table(tmp_path, "id,label,text", "1,a,b", name=name)
        last = list(open_posts(tmp_path).said())[-1]
        assert "the splits in the names of its files (test, train) are not taken over" in last
        assert len(list(open_posts(tmp_path / "test.csv").said())) == 1

    def test_nothing_to_read(self, tmp_path: Path) -> None:
        (tmp_path / "notes.md").write_text("x")
        with pytest.raises(DatasetError, match=r"holds no harvest .*, no table of posts"):
            open_posts(tmp_path)

    def test_a_picture_in_no_folder_of_a_class(self, tmp_path: Path) -> None:
        (tmp_path / "1.jpg").write_bytes(b"x")
        with pytest.raises(DatasetError, match=r"1\.jpg lies in no folder of a class"):
            open_posts(tmp_path)

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        done = run("build-splits", tmp_path / "absent", "--out", tmp_path / "d")
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert "absent is not there" in done.err

    @pytest.mark.parametrize(
        ("name", "stem"), [("a/b.c.csv.gz", "a/b.c"), ("b", "b"), (".x", ".x"), ("b.ZIP", "b")]
    )
    def test_what_posts_without_ids_are_named_by(self, name: str, stem: str) -> None:
        file = PostFile(table=PictureFolders(Path(), (), ()), name=name, folder=Path())
        assert file.stem == stem

    def test_one_id_in_two_files(self, tmp_path: Path) -> None:
        for name in ("a.csv", "b.csv"):
            table(tmp_path, "id,label,text", "1,a,b", name=name)
        done = run("build-splits", tmp_path, "--out", tmp_path.parent / f"{tmp_path.name}-d")
        assert "a.csv, row 1, and b.csv, row 1, have the same photo_id '1'" in done.err


class TestContents:
    def test_marks_of_absence_are_no_words(self) -> None:
        """A title `nan`, as `astype(str)` makes it, was a word of the vocabulary."""
        found = contents_of({"title": "nan", "description": "None of us"}, "row 1", Path())
        assert (found["title"], found["description"]) == (None, "None of us")

    @pytest.mark.parametrize("tags", [[{"raw": "a"}], {"tag": []}, [["a"]]])
    def test_tags_that_are_objects(self, tags: object) -> None:
        """The tags of Flickr's API became one tag, `rawacontenta`."""
        with pytest.raises(DatasetError, match="row 1: tags hold objects or lists"):
            contents_of({"tags": tags}, "row 1", Path())
