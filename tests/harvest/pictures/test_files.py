"""Pictures are checked, written completely, found again, and told from placeholders."""

import io
from pathlib import Path

import pytest
from PIL import Image

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.image_hosts.placeholders import (
    PlaceholderError,
    SharedBodies,
    drop_shared_pictures,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pictures.files import (
    LARGEST,
    CorruptPictureError,
    OversizedPictureError,
    find_picture,
    image_path,
    read_picture,
)
from flickr_emotion.harvest.sandbox.images import placeholder
from tests.harvest.corpora import jpeg


def png(colour: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("L", (10, 10), colour).save(encoded, "PNG")
    return encoded.getvalue()


class TestReading:
    def test_digest_size_and_dimensions(self) -> None:
        data = jpeg(1)
        picture = read_picture(data)
        assert (picture.size, picture.width, picture.height) == (len(data), 48, 36)
        assert len(picture.sha256) == 64

    def test_a_header_that_promises_gigabytes_is_refused(self) -> None:
        data = jpeg(1)
        place = data.index(b"\xff\xc0") + 5
        bomb = data[:place] + b"\x80\x00\x80\x00" + data[place + 4 :]
        with pytest.raises(OversizedPictureError, match="32768 x 32768 pixels"):
            read_picture(bomb)

    def test_an_incomplete_picture_is_corrupt(self) -> None:
        for data in (png(1)[:-30], b"<html>", b"", jpeg(1)[:-100], b"GIF89a", b"RIFF"):
            with pytest.raises(CorruptPictureError):
                read_picture(data)


class TestWriting:
    def test_it_is_written_completely_and_found_again(self, tmp_path: Path) -> None:
        path = image_path(tmp_path / "images", "12345")
        write_unsynced(path, jpeg(1))
        assert path.read_bytes() == jpeg(1)
        assert find_picture(path) == read_picture(jpeg(1))
        assert [file.name for file in path.parent.iterdir()] == ["12345.jpg"]

    def test_a_part_of_one_is_not_found(self, tmp_path: Path) -> None:
        path = image_path(tmp_path, "1")
        assert find_picture(path) is None
        path.parent.mkdir()
        for data in (jpeg(1)[:-50], jpeg(1) + b"\0" * LARGEST):
            path.write_bytes(data)
            assert find_picture(path) is None or data.startswith(jpeg(1))
        path.write_bytes(b"")
        assert find_picture(path) is None

    def test_a_failure_leaves_nothing_behind(self, tmp_path: Path) -> None:
        path = image_path(tmp_path, "1")
        path.mkdir(parents=True)
        with pytest.raises(OSError, match="directory"):
            write_unsynced(path, jpeg(1))
        assert [file.name for file in path.parent.iterdir()] == ["1.jpg"]


class TestSharedBodies:
    def test_a_png_for_three_photos_is_a_placeholder(self) -> None:
        bodies = SharedBodies()
        for _ in range(5):
            bodies.check("1", png(1))
            bodies.check("2", png(1))
        bodies.check("3", png(2))
        with pytest.raises(PlaceholderError, match="same PNG or GIF"):
            bodies.check("4", png(1))

    def test_flickrs_own_is_known_at_once(self) -> None:
        with pytest.raises(PlaceholderError):
            SharedBodies().check("1", placeholder())

    def test_a_page_is_never_a_placeholder(self) -> None:
        # A service in trouble sends one page for everything, which says nothing about the photos.
        bodies = SharedBodies()
        for number in range(50):
            bodies.check(str(number), b"<html>Flickr is having a massage</html>")


class TestSharedPictures:
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Ledger:
        return Ledger(tmp_path / "ledger.sqlite", create=True)

    def keep(
        self, ledger: Ledger, folder: Path, numbers: range, data: bytes, owner: str | None = None
    ) -> None:
        for number in numbers:
            photo_id = str(number)
            with ledger.transaction() as connection:
                connection.execute(
                    "INSERT INTO photos (photo_id, owner) VALUES (?, ?)", (photo_id, owner)
                )
            write_unsynced(image_path(folder, photo_id), data)
            ledger.record_picture(photo_id, read_picture(data))

    def test_ten_photos_with_the_same_small_picture_have_a_placeholder(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        with ledger:
            self.keep(ledger, tmp_path, range(10), jpeg(1))
            self.keep(ledger, tmp_path, range(100, 109), jpeg(2))
            assert drop_shared_pictures(ledger, tmp_path, []) == 10
            _, counts = ledger.outcome_counts()
            assert (counts["placeholder"], counts["ok"]) == (10, 9)
            assert {path.read_bytes() for path in tmp_path.rglob("*.jpg")} == {jpeg(2)}
            assert drop_shared_pictures(ledger, tmp_path, []) == 0

    def test_an_owner_may_upload_the_same_again_and_again(
        self, tmp_path: Path, ledger: Ledger
    ) -> None:
        with ledger:
            self.keep(ledger, tmp_path, range(20), jpeg(1), owner="1@N00")
            assert drop_shared_pictures(ledger, tmp_path, []) == 0
            self.keep(ledger, tmp_path, range(20, 21), jpeg(1), owner="2@N00")
            assert drop_shared_pictures(ledger, tmp_path, []) == 21

    def test_a_large_picture_is_never_a_placeholder(self, tmp_path: Path, ledger: Ledger) -> None:
        with ledger:
            self.keep(ledger, tmp_path, range(20), jpeg(1) + b"\0" * 20_000)
            assert drop_shared_pictures(ledger, tmp_path, []) == 0
