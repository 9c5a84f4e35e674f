"""Paths of pictures in the forms in which tables hold them."""

from pathlib import Path

import pytest

from flickr_emotion.datasets.pictures import files
from flickr_emotion.datasets.pictures.files import picture_path, read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture; it is also the user's home."""
    (tmp_path / "my pictures").mkdir()
    (tmp_path / "my pictures" / "a 1.jpg").write_bytes(b"a")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


class TestPaths:
    @pytest.mark.parametrize(
        "cell",
        [
            "my pictures/a 1.jpg",
            "{folder}/my pictures/a 1.jpg",
            "my pictures/a 1.jpg ",
            "\tmy pictures/a 1.jpg\r",
            "./my pictures/../my pictures/a 1.jpg",
            "my pictures\\a 1.jpg",
            ".\\my pictures\\a 1.jpg",
            "~/my pictures/a 1.jpg",
            "file://{folder}/my%20pictures/a%201.jpg",
            "file://localhost{folder}/my pictures/a 1.jpg",
            "FILE:{folder}/my%20pictures/a%201.jpg",
        ],
    )
    def test_they_are_found(self, folder: Path, cell: str) -> None:
        assert read_picture_file(picture_path(cell.format(folder=folder), folder)) == b"a"

    @pytest.mark.parametrize("name", ["a\\b.jpg", "~b.jpg", " b.jpg ", "100%20.jpg"])
    def test_a_file_of_that_very_name_comes_first(self, folder: Path, name: str) -> None:
        (folder / name).write_bytes(b"b")
        assert read_picture_file(picture_path(name, folder)) == b"b"


class TestErrors:
    @pytest.mark.parametrize("cell", ["gone/a.jpg", "gone\\a.jpg "])
    def test_the_path_that_was_looked_for(self, folder: Path, cell: str) -> None:
        with pytest.raises(UnreadablePictureError) as caught:
            read_picture_file(picture_path(cell, folder))
        assert str(caught.value) == f"cannot be read ({folder}/gone/a.jpg is not there)"

    def test_a_relative_path_is_shown_whole(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(folder)
        with pytest.raises(UnreadablePictureError, match=str(folder / "gone.jpg")):
            read_picture_file(Path("gone.jpg"))

    @pytest.mark.parametrize("address", ["https://live.staticflickr.com/1/2_b.jpg", "s3://a/b.jpg"])
    def test_a_url_says_what_to_do(self, folder: Path, address: str) -> None:
        with pytest.raises(UnreadablePictureError) as caught:
            read_picture_file(picture_path(address, folder))
        assert str(caught.value).startswith(f"cannot be read ({address} is a URL: download the")

    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "."])
    def test_no_file(self, path: str) -> None:
        with pytest.raises(UnreadablePictureError, match="is not a file"):
            read_picture_file(Path(path))

    def test_a_file_that_is_too_large(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_LARGEST", 0)
        with pytest.raises(UnreadablePictureError, match="is larger than"):
            read_picture_file(folder / "my pictures" / "a 1.jpg")

    def test_odd_names(self, folder: Path) -> None:
        for name in ("\0", "a" * 5000, "~nobody-of-this-name/a.jpg"):
            with pytest.raises(UnreadablePictureError):
                read_picture_file(picture_path(name, folder))

    @pytest.mark.parametrize(
        "cell", ["b'\\xff\\xd8" + "\\x00" * 3000, "/9j/4AAQ" * 700, "\\a" * 800]
    )
    def test_pictures_as_text(self, folder: Path, cell: str) -> None:
        """The build ended with "cannot be written: File name too long", or showed all of it."""
        with pytest.raises(
            UnreadablePictureError, match="too long for a path: pictures written"
        ) as it:
            read_picture_file(picture_path(cell, folder))
        assert len(str(it.value)) < 250
