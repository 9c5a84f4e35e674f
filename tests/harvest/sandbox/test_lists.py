"""The lists that the sandbox writes have the published formats."""

import re
import tarfile
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.sandbox.lists import write_votes_lists, write_vso_lists

REAL = PROJECT.parent / "shared" / "data" / "vso_lists.tar.xz"
ROW = re.compile(r'^image_url: (\S+)    flickr_username: "(.*)" realname: "(.*)"$')
ADJECTIVE = re.compile(r"^\d+\. [\w-]+ \[sentiment: -?\d\.\d\d\] \[#images: [\d,]+\]$")
PAIR = re.compile(r"^\t\S+_\S+ \[sentiment: -?\d\.\d\d\] \[#imgs: [\d,]+\]$")


def test_votes_are_in_seven_files_for_each_emotion(tmp_path: Path) -> None:
    rows = [("awe", f"http://farm1.staticflickr.com/1/{n}_a.jpg", 1, 4) for n in range(9)]
    write_votes_lists(tmp_path, rows)
    files = sorted((tmp_path / "agg").iterdir())
    assert [file.name for file in files] == [f"awe_{k}.csv" for k in range(1, 8)]
    assert files[0].read_bytes() == (
        b"awe,http://farm1.staticflickr.com/1/0_a.jpg,1,4\n"
        b"awe,http://farm1.staticflickr.com/1/7_a.jpg,1,4\n"
    )


def test_vso_lists(tmp_path: Path) -> None:
    write_vso_lists(
        tmp_path,
        {"happy_dog": [("http://farm1.staticflickr.com/1/2_a.jpg", 'o"x')], "brave_9/11": []},
        {"sad_dog": (-1.5, 1200), "happy_dog": (1.7, 5), "happy_cat": (1.5, 2400)},
    )
    line = (tmp_path / "URL1553" / "happy_dog.txt").read_text()
    match = ROW.match(line.removesuffix("\n"))
    assert match is not None
    assert match.groups() == ("http://farm1.staticflickr.com/1/2_a.jpg", 'o"x', "")
    assert (tmp_path / "URL1553" / "brave_9-11.txt").read_bytes() == b""
    _explanation, *lines = (tmp_path / "3244ANPs.txt").read_bytes().decode().split("\r\n")
    assert lines == [
        "",
        "",
        "1. happy [sentiment: 1.60] [#images: 2,405]",
        "\thappy_cat [sentiment: 1.50] [#imgs: 2,400]",
        "\thappy_dog [sentiment: 1.70] [#imgs: 5]",
        "2. sad [sentiment: -1.50] [#images: 1,200]",
        "\tsad_dog [sentiment: -1.50] [#imgs: 1,200]",
    ]


def test_the_patterns_fit_the_original_lists() -> None:
    if not REAL.exists():
        pytest.skip(f"the original lists are not there: {REAL}")
    with tarfile.open(REAL) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith("3244ANPs.txt"):
                _explanation, *lines = file.read().decode().split("\r\n")
                assert lines[:2] == ["", ""]
                assert all(ADJECTIVE.match(line) or PAIR.match(line) for line in lines[2:])
            elif file is not None and member.name.endswith("adorable_pets.txt"):
                assert all(ROW.match(line) for line in file.read().decode().splitlines())
