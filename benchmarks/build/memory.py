"""Peak memory of ``build-splits`` on posts with large pictures.

    python -m benchmarks.build.memory ../shared/data --folder DIR

Two cases: 1,000 posts whose pictures are files of 5 MB, and 300 posts with pictures of 4 MB in one
Parquet file that pyarrow wrote with its defaults. The pictures are real ones, enlarged to twelve
megapixels. The peak is that of all processes together.
"""

import argparse
import csv
import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.build.scale import build

_DIFFERENT = 20
_SIDE = 4000
_WORDS = "a walk along the river in the morning"


def large_pictures(data: Path, size: int) -> list[bytes]:
    """Return JPEGs of about ``size`` bytes."""
    small = pq.read_table(data / "mvsa.parquet", columns=["image"]).column("image")
    return [_enlarged(jpeg, size) for jpeg in small.to_pylist()[:_DIFFERENT]]


def _enlarged(jpeg: bytes, size: int) -> bytes:
    with Image.open(io.BytesIO(jpeg)) as picture:
        scale = _SIDE / max(picture.size)
        pixels = (round(picture.width * scale), round(picture.height * scale))
        larger = picture.convert("RGB").resize(pixels, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    larger.save(out, "JPEG", quality=92)
    # A camera fills the rest with detail; here a comment of the right length does.
    missing = max(0, size - out.tell())
    comment = b"".join(
        b"\xff\xfe" + (length + 2).to_bytes(2, "big") + bytes(length)
        for length in [65_000] * (missing // 65_000)
    )
    whole = out.getvalue()
    return whole[:2] + comment + whole[2:]


def files(data: Path, folder: Path, posts: int = 1000) -> Path:
    """Write a CSV of posts and their pictures as files of 5 MB."""
    pictures = large_pictures(data, 5_000_000)
    for number, picture in enumerate(pictures):
        (folder / f"{number}.jpg").write_bytes(picture)
    path = folder / "posts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["photo_id", "label", "text", "image"])
        for number in range(posts):
            link = folder / f"post-{number}.jpg"
            link.hardlink_to(folder / f"{number % len(pictures)}.jpg")
            rows.writerow([number, ("awe", "fear")[number % 2], f"{_WORDS} {number}", link.name])
    return path


def parquet(data: Path, folder: Path, posts: int = 300) -> Path:
    """Write a Parquet file of posts with pictures of 4 MB."""
    pictures = large_pictures(data, 4_000_000)
    table = pa.table(
        {
            "photo_id": [str(number) for number in range(posts)],
            "label": [("awe", "fear")[number % 2] for number in range(posts)],
            "text": [f"{_WORDS} {number}" for number in range(posts)],
            # No two pictures are the same: equal ones would be written once.
            "image": [
                pictures[number % len(pictures)] + number.to_bytes(2, "big")
                for number in range(posts)
            ],
        }
    )
    path = folder / "posts.parquet"
    pq.write_table(table, path)
    return path


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--case", choices=["files", "parquet"], nargs="+")
    arguments = parser.parse_args()
    for case in arguments.case or ["files", "parquet"]:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
            folder = Path(scratch)
            posts = (files if case == "files" else parquet)(arguments.data, folder)
            seconds, memory = build(posts, folder / "dataset", every=0.1)
            print(f"{case:>8}: {seconds:6.1f} s, {memory:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
