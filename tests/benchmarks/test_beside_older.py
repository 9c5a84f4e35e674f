"""Where the benchmarks of an older version are found."""

from pathlib import Path

import pytest

from benchmarks.beside_older import module_in
from flickr_emotion.common.checkout import PROJECT


@pytest.mark.parametrize("name", ["crawl.images", "crawl.vso_calls"])
def test_benchmarks_of_this_version_lie_in_rooms(name: str) -> None:
    assert module_in(PROJECT, name) == f"benchmarks.{name}"


def test_those_of_older_versions_lie_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "images.py").touch()
    assert module_in(tmp_path, "crawl.images") == "benchmarks.images"
