"""How a post is turned into numbers: what an export says to programs without this project.

``preprocessing.json`` holds the steps for texts, tags and pictures, with the classes and the
picture's sizes; ``vocabulary.json`` holds the ids of words and tags. ``predict.py``, which lies
beside them, takes these steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flickr_emotion.model.engines.graphs import IR_VERSION, OPSET
from flickr_emotion.model.features.picture_sizes import MAX_ASPECT
from flickr_emotion.model.features.pictures import Preprocessing
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.posts.posts import (
    FIRST_ID,
    MAX_TAGS,
    PADDING,
    UNKNOWN,
    Encoding,
)

PREPROCESSING = "preprocessing.json"
VOCABULARY = "vocabulary.json"
FORMAT = "flickr-emotion-export"
OUTPUT = "probabilities"


def vocabulary(encoding: Encoding) -> dict[str, dict[str, int]]:
    """Return the ids of words and tags; all others are ``<UNK>``."""
    return {
        name: {entry: number for number, entry in enumerate(entries, FIRST_ID)}
        for name, entries in (("words", encoding.words), ("tags", encoding.tags))
    }


def describe(
    encoding: Encoding,
    preprocessing: Preprocessing | None,
    used: Mapping[str, Sequence[str]],
    readers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of ``preprocessing.json``: how a post becomes numbers.

    ``used`` gives, by subset, the inputs of its file; ``readers`` describes the encoders of texts
    and tags that lie beside (``model/export/encoders.py``).
    """
    names = {name for inputs in used.values() for name in inputs}
    how = {
        "words": _WORDS,
        "tags": _TAGS,
        "image_features": _IMAGE_FEATURES,
        "text_features": _READ
        | {"text": "the text's words between white space, joined by a blank"},
        "tags_features": _READ | {"text": "the tags in alphabetical order, joined by a blank"},
    }
    inputs: dict[str, Any] = {name: how[name] for name in how if name in names}
    if preprocessing and names & {"image", "image_features"}:
        inputs = {"image": _image(preprocessing)} | inputs
    return {
        "format": FORMAT,
        "version": 2,
        "onnx": {"opset": OPSET, "ir_version": IR_VERSION},
        "classes": list(encoding.classes),
        "files": {
            subset: {"file": f"{subset}.onnx", "inputs": list(names), "output": OUTPUT}
            for subset, names in used.items()
        },
        "use": "A post is answered by the file of exactly the modalities that it holds; without "
        "one, by the last of `files` of which it holds all modalities. The output is float32, "
        "(posts, classes), calibrated probabilities in the order of `classes`. `predict.py` does "
        "all of this.",
        "inputs": inputs,
        "readers": list(readers),
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


_CLEANING = (
    "title and description are cleaned each and joined by a blank: HTML becomes the text that a "
    "browser shows, with a blank at each line break, links that show their URL as the whole URL, "
    "entities that were escaped twice decoded, invisible characters removed, white space single, "
    "characters composed (NFC); `reading/datasets_rules_text.py` has the rules"
)
_IMAGE_FEATURES = {
    "shape": ["posts", "features"],
    "type": "float32",
    "file": "pictures.onnx",
    "inputs": ["image"],
    "output": "features",
}
_READ = {
    "shape": ["posts", "features"],
    "type": "float32",
    "most_words": MAX_WORDS,
    "steps": [
        _CLEANING,
        "the first `most_words` of `text` are read by each of `readers`; their features are "
        "concatenated in this order",
        "a reader with `together` reads twice: the modality alone, each tag with `#` before it; "
        "and for `text_features` the text followed by such tags, if the post has both; zeros "
        "stand for what is not there",
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
        _CLEANING,
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
        "lower-case, composed (NFC), without white space, control characters and ASCII "
        "punctuation, no doubles, no machine tags; `reading/harvest_flickr_tags.py` has the rules",
        "the known tags' ids in increasing order (most frequent in training first), then a single "
        "`unknown` if there are others; of these the first `most`",
        "`padding` behind those of shorter lists",
    ],
}
