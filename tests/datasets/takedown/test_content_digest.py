"""The digest of what is left is the one that a build of the same posts in the same splits has."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.takedown.content_digest import digest_without


def picture(number: int, kind: str, mode: str) -> bytes:
    file = io.BytesIO()
    colour = (number * 7 % 256, 40, 90, 200)[: len(mode)]
    Image.new(mode, (64, 48), colour).save(file, kind)
    return file.getvalue()


def build(folder: Path, numbers: list[int]) -> Dataset:
    """Posts with splits of their own; two of three pictures are transparent PNGs."""
    rows = [
        {
            "id": f"p{number}",
            "split": ("train", "train", "validation", "test")[number % 4],
            "image": picture(number, "PNG", "RGBA")
            if number % 3
            else picture(number, "JPEG", "RGB"),
            "text": f"walking along the river in the warm light number {number}",
            "tags": ["river", f"only{number}"],
            "label": ("awe", "fear")[number // 4 % 2],
        }
        for number in numbers
    ]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "posts.parquet")
    options = BuildOptions(split_column="split")
    build_splits(folder / "posts.parquet", folder / "d", options, lambda line: None)
    return open_dataset(folder / "d")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("digests") / "whole", list(range(40)))


@pytest.mark.parametrize("gone", [[], [7, 8, 11]])
def test_it_is_that_of_a_build_without_them(
    whole: Dataset, tmp_path: Path, gone: list[int]
) -> None:
    rest = build(tmp_path / "rest", [number for number in range(40) if number not in gone])
    assert digest_without(whole, {f"p{number}" for number in gone}) == rest.digest
