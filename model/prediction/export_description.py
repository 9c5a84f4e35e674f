"""How a post is turned into numbers: what an export says to programs without this project.

``preprocessing.json`` holds the steps for texts, tags and pictures, with the classes and the
picture's sizes; ``vocabulary.json`` holds the ids of words and tags.
"""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.model.features.pictures import MAX_ASPECT, Preprocessing
from flickr_emotion.model.posts.posts import (
    FIRST_ID,
    MAX_TAGS,
    MAX_WORDS,
    PADDING,
    UNKNOWN,
    Encoding,
)

PREPROCESSING = "preprocessing.json"
VOCABULARY = "vocabulary.json"
FORMAT = "flickr-emotion-export"
INPUTS = {"image": "image", "text": "words", "tags": "tags"}
"""The names of a file's inputs by modality."""
OUTPUT = "probabilities"


def vocabulary(encoding: Encoding) -> dict[str, dict[str, int]]:
    """Return the ids of words and tags; all others are ``<UNK>``."""
    return {
        name: {entry: number for number, entry in enumerate(entries, FIRST_ID)}
        for name, entries in (("words", encoding.words), ("tags", encoding.tags))
    }


def describe(
    encoding: Encoding, preprocessing: Preprocessing | None, answered: Mapping[str, list[str]]
) -> dict[str, Any]:
    """Return the content of ``preprocessing.json``: how a post becomes numbers.

    ``answered`` gives, by subset, the modalities that are fed.
    """
    inputs: dict[str, Any] = {"words": _WORDS, "tags": _TAGS}
    if preprocessing:
        inputs["image"] = _image(preprocessing)
    files = {
        subset: {
            "file": f"{subset}.onnx",
            "inputs": [INPUTS[modality] for modality in fed],
            "output": OUTPUT,
        }
        for subset, fed in answered.items()
    }
    return {
        "format": FORMAT,
        "version": 1,
        "classes": list(encoding.classes),
        "files": files,
        "use": "A post is answered by the file of exactly the modalities that it holds; without "
        "one, by the last of `files` of which it holds all modalities. The output is float32, "
        "(posts, classes), calibrated probabilities in the order of `classes`.",
        "inputs": {
            name: inputs[name]
            for modality, name in INPUTS.items()
            if any(modality in fed for fed in answered.values())
        },
    }


def _image(preprocessing: Preprocessing) -> dict[str, Any]:
    return {
        "shape": ["posts", 3, preprocessing.crop, preprocessing.crop],
        "type": "uint8",
        "resize_square" if preprocessing.square else "resize_short_side": preprocessing.resize,
        "crop": preprocessing.crop,
        "interpolation": preprocessing.interpolation.name.lower(),
        "max_aspect": MAX_ASPECT,
        "steps": [
            "take the first frame; convert its colours to sRGB by its ICC profile, scale greys of "
            "more than 8 bits, put transparent pixels on white, turn it upright by its EXIF "
            "orientation",
            "if the long side is more than `max_aspect` times the short one, cut it to that from "
            "the middle",
            "resize both sides to `resize_square` with Pillow's antialiased `interpolation`"
            if preprocessing.square
            else "resize the short side to `resize_short_side` (the long side rounded down) with "
            "Pillow's antialiased `interpolation`",
            "cut a square of `crop` from the middle, its upper left corner rounded",
            "colours first (RGB); values stay bytes, the network normalises them",
        ],
    }


_WORDS = {
    "shape": ["posts", "words_of_the_longest"],
    "type": "int64",
    "ids": f"{VOCABULARY}: words",
    "padding": PADDING,
    "unknown": UNKNOWN,
    "most": MAX_WORDS,
    "steps": [
        "lower-case; leave out URLs (http://..., https://..., www....); compose characters (NFC), "
        "write the typographic apostrophe as '",
        "a word is a run between white space from its first letter or digit to its last, with the "
        "marks on that letter",
        "the ids of the first `most` words in their order, `unknown` for others, `padding` behind "
        "those of shorter texts",
    ],
}
_TAGS = {
    "shape": ["posts", "tags_of_the_longest"],
    "type": "int64",
    "ids": f"{VOCABULARY}: tags",
    "padding": PADDING,
    "unknown": UNKNOWN,
    "most": MAX_TAGS,
    "steps": [
        "lower-case, only letters and digits, no doubles",
        "the known tags' ids in increasing order (most frequent in training first), then a single "
        "`unknown` if there are others; of these the first `most`",
        "`padding` behind those of shorter lists",
    ],
}
