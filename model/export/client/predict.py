"""Answers posts from the files of this folder, as `predict` of the project that wrote them does.

    python predict.py --text "a <b>raw</b> description" --tags "one, two" --image photo.jpg
    python predict.py --input posts.csv > answers.jsonl

It needs numpy, onnxruntime, Pillow and, where the folder has a tokenizer.json, tokenizers. A post
has any of picture, text and tags. ``--input`` takes a CSV file with a header, or JSON lines, with
some of the columns photo_id, image (a path, from the file's folder), text, or title and
description, and tags. Each answer is one line of JSON; a post that cannot be answered has the
reason under `error`."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.pictures.files import picture_path, read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.export.client.network import POSTS_PER_PASS, Network, Post
from flickr_emotion.model.export.client.posts_file import read_rows

Row = dict[str, Any]


def main() -> int:
    """Answer what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--text", help="text of the post, raw, with markup or without")
    parser.add_argument("--tags", help="its tags, separated by commas")
    parser.add_argument("--image", type=Path, help="its picture file")
    parser.add_argument("--input", type=Path, help="CSV file or JSON lines of posts")
    options = parser.parse_args()
    single = {name: getattr(options, name) for name in ("text", "tags", "image")}
    if (options.input is None) == all(value is None for value in single.values()):
        parser.error("give --text, --tags and --image of one post, or --input")
    try:
        network = Network(Path(__file__).resolve().parent)
        if options.input is None:
            found = list(answers(network, [single], Path()))
            print(json.dumps(found[0], ensure_ascii=False))
            return 1 if "error" in found[0] else 0
        rows = read_rows(options.input)
        is_answered = False
        for answer in answers(network, rows, options.input.parent):
            is_answered = is_answered or "error" not in answer
            print(json.dumps(answer, ensure_ascii=False))
        return 0 if is_answered else 1
    except ModelError as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 1


def answers(network: Network, rows: Iterable[Row], folder: Path) -> Iterator[Row]:
    """Yield the answer to each row; paths of pictures start at ``folder``."""
    for some in _chunks(rows):
        read = [_read(network, row, number, folder) for number, row in some]
        found = iter(network.answer([post for post in read if isinstance(post, Post)]))
        for (_, row), post in zip(some, read, strict=True):
            answer = next(found) if isinstance(post, Post) else {"error": post}
            yield ({"photo_id": row["photo_id"]} if row.get("photo_id") else {}) | answer


def _read(network: Network, row: Row, number: int, folder: Path) -> Post | str:
    if "error" in row:
        return str(row["error"])
    name = f"photo {row['photo_id']}" if row.get("photo_id") else f"post {number}"
    try:
        picture = None
        if row.get("image"):
            picture = read_picture_file(picture_path(str(row["image"]), folder))
        return network.read(row, picture, name)
    except UnreadablePictureError as error:
        return f"the picture of {name} {error}: give the path of a picture"
    except ModelError as error:
        return str(error)


def _chunks(rows: Iterable[Row]) -> Iterator[list[tuple[int, Row]]]:
    some: list[tuple[int, Row]] = []
    for number, row in enumerate(rows, start=1):
        some.append((number, row))
        if len(some) == POSTS_PER_PASS:
            yield some
            some = []
    if some:
        yield some


if __name__ == "__main__":
    sys.exit(main())
