"""What `export --quantize int8` costs and saves: two exports of a run answer a data set's posts.

    python cli.py export R --out out/float
    python cli.py export R --out out/int8 --quantize int8
    python -m benchmarks.quantisation out/float out/int8 D --posts 300

It prints accuracy, posts a CPU second, the largest and the mean difference of a probability, for
whole posts and for their texts alone, and the files' sizes.
"""

import argparse
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.export.client.network import Network, Post


def main() -> None:
    """Compare two exports."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("float", type=Path)
    parser.add_argument("int8", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--posts", type=int, default=300)
    given = parser.parse_args()
    columns = ("photo_id", "text", "tags", "image", "label")
    batches = open_dataset(given.dataset).batches(TEST, columns)
    rows = [row for batch in batches for row in batch][: given.posts]
    networks = {name: Network(getattr(given, name)) for name in ("float", "int8")}
    posts = [_read(networks["float"], row) for row in rows]
    labels = [row["label"] for row in rows]
    texts = [place for place, post in enumerate(posts) if post.text is not None]
    for what, places in (("whole posts", list(range(len(posts)))), ("their texts", texts)):
        asked = [posts[place] for place in places]
        if what == "their texts":
            asked = [Post(picture=None, text=post.text, tags=None) for post in asked]
        truth = [labels[place] for place in places]
        found = {name: _answers(network, asked, truth, what) for name, network in networks.items()}
        differences = np.abs(found["float"] - found["int8"])
        others = int((found["float"].argmax(1) != found["int8"].argmax(1)).sum())
        print(
            f"{what}: largest difference {differences.max():.4f}, mean {differences.mean():.4f}, "
            f"another label for {others} of {len(asked)}"
        )
    for path in sorted(given.float.glob("*.onnx")):
        sizes = [(folder / path.name).stat().st_size / 1e6 for folder in (given.float, given.int8)]
        print(f"{path.name}: {sizes[0]:.1f} MB, {sizes[1]:.1f} MB")


def _read(network: Network, row: dict[str, Any]) -> Post:
    picture = row["image"]["bytes"] if row["image"] else None
    return network.read({"text": row["text"], "tags": row["tags"]}, picture, row["photo_id"])


def _answers(
    network: Network, posts: list[Post], labels: list[str], what: str
) -> npt.NDArray[np.float64]:
    network.answer(posts[:1])  # opens the files
    started = process_time()
    answers = network.answer(posts)
    speed = len(posts) / (process_time() - started)
    right = np.mean([a["label"] == label for a, label in zip(answers, labels, strict=True)])
    print(f"{what}: {100 * right:.2f}% right, {speed:.1f} posts a CPU second")
    return np.array([list(answer["probabilities"].values()) for answer in answers])


if __name__ == "__main__":
    main()
