"""A pipe or a device in the place of a file is refused, and nothing waits for it."""

import os
from pathlib import Path

import pytest

from flickr_emotion.common.plain_files import check_plain, open_plain


def test_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    check_plain(tmp_path / "file")
    with open_plain(tmp_path / "file") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing"])
def test_anything_else_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    for refuse in (check_plain, open_plain):
        with pytest.raises(OSError, match=str(path)):
            refuse(path)
