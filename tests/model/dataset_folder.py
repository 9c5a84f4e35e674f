"""A small data set folder, written as ``build-splits`` would."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from flickr_emotion.common.modalities import subset_name
from flickr_emotion.datasets.rules.text import words

COLOURS = {"anger": (200, 30, 30), "awe": (30, 60, 200)}
WORDS = {
    "anger": ("storm shout broken rage street", ["protest", "riot"]),
    "awe": ("mountain sky light vast silence", ["peak", "stars"]),
}

SCHEMA = pa.schema(
    [
        ("photo_id", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("text", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("label", pa.string()),
        ("votes", pa.int32()),
        ("sentiment", pa.float64()),
        ("owner", pa.string()),
        ("license", pa.string()),
        ("modalities", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class StoredPost:
    """A post of a data set."""

    photo_id: str
    label: str
    image: bytes | None = None
    text: str | None = None
    tags: Sequence[str] = ()
    shares: Sequence[float] | None = None

    @property
    def subset(self) -> str:
        held = {"image": self.image, "text": self.text, "tags": self.tags}
        return subset_name(modality for modality, content in held.items() if content)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a small JPEG."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def separable_post(number: int, label: str, subset: str = "image+text+tags") -> StoredPost:
    """Return a post whose label can be told from each of its modalities."""
    red, green, blue = COLOURS[label]
    text, tags = WORDS[label]
    return StoredPost(
        photo_id=str(1000 + number),
        label=label,
        image=picture((red + number % 40, green, blue)) if "image" in subset else None,
        text=f"{text} number{number}" if "text" in subset else None,
        tags=[*tags, f"only{number}"] if "tags" in subset else (),
    )


def write_dataset(
    folder: Path, splits: dict[str, Sequence[StoredPost]], min_count: int = 2
) -> Path:
    """Write a data set folder; with distributions, if any post has one."""
    known = sum(post.shares is not None for posts in splits.values() for post in posts)
    schema = SCHEMA
    if known:
        schema = SCHEMA.append(pa.field("vote_distribution", pa.list_(pa.float64())))
    (folder / "data").mkdir(parents=True)
    digest = hashlib.sha256()
    for split in ("train", "validation", "test"):
        posts = splits[split]
        digest.update(repr(posts).encode())
        rows = [
            {
                "photo_id": post.photo_id,
                "image": post.image and {"bytes": post.image, "path": f"{post.photo_id}.jpg"},
                "text": post.text,
                "tags": list(post.tags),
                "label": post.label,
                "votes": 5,
                "sentiment": None,
                "owner": "o",
                "license": "4",
                "modalities": post.subset,
                "vote_distribution": post.shares and list(post.shares),
            }
            for post in posts
        ]
        pq.write_table(
            pa.Table.from_pylist(rows, schema=schema),
            folder / "data" / f"{split}-00000-of-00001.parquet",
        )
    labels = sorted({post.label for posts in splits.values() for post in posts})
    train = splits["train"]
    vocabulary = {
        "min_count": min_count,
        "words": dict(Counter(w for p in train for w in words(p.text or "")).most_common()),
        "tags": dict(Counter(tag for p in train for tag in p.tags).most_common()),
    }
    description = {
        "format": "flickr-emotion-dataset",
        "version": 1,
        "kind": "votes",
        "service": "flickr",
        "lists_digest": hashlib.sha256(b"lists").hexdigest(),
        "classes": labels,
        "counts": {
            split: {
                "total": len(posts),
                "labels": dict(Counter(post.label for post in posts)),
                "subsets": dict(Counter(post.subset for post in posts)),
                "licenses": {"CC BY 2.0": len(posts)},  # each has Flickr's licence 4
            }
            for split, posts in splits.items()
        },
        "digest": digest.hexdigest(),
        "options": {},
    } | ({"vote_distributions": known} if known else {})
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary))
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder
