"""A file has its name only when it is complete, and one temporary name before that."""

from pathlib import Path

import pytest

from flickr_emotion.common.whole_files import temporary, whole_file, write_json, write_unsynced


def test_it_is_renamed_at_the_end(tmp_path: Path) -> None:
    place = tmp_path / "metrics.json"
    place.write_text("old")
    with whole_file(place) as new:
        assert new == temporary(place) == tmp_path / ".metrics.json.part"
        new.write_text("new")
        assert place.read_text() == "old"
    assert place.read_text() == "new"
    assert list(tmp_path.iterdir()) == [place]


def test_the_older_file_stays_if_the_new_one_fails(tmp_path: Path) -> None:
    place = tmp_path / "metrics.json"
    write_json(place, {"seed": 0})
    with pytest.raises(ValueError, match="JSON"):
        write_json(place, {"seed": float("nan")})

    def fail() -> None:
        with whole_file(place) as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert place.read_text() == '{\n "seed": 0\n}\n'
    assert list(tmp_path.iterdir()) == [place]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "metrics.json", tmp_path / "elsewhere"
    elsewhere.write_text("somebody else's")
    temporary(place).symlink_to(elsewhere)
    write_json(place, {})
    assert elsewhere.read_text() == "somebody else's"
    assert not place.is_symlink()


def test_both_ways_of_writing_use_the_same_temporary_name(tmp_path: Path) -> None:
    """The next process overwrites what a killed one has left."""
    place = tmp_path / "images" / "1.jpg"
    write_unsynced(place, b"first")
    temporary(place).write_bytes(b"the half of a picture that is longer than the next")
    write_unsynced(place, b"second")
    assert place.read_bytes() == b"second"
    assert list(place.parent.iterdir()) == [place]
