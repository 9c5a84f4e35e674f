"""The inputs of a subset's file: their names, sizes and examples to trace them with."""

from collections.abc import Sequence

import torch

from flickr_emotion.model.engines.graphs import POSTS, Input, pictures_of
from flickr_emotion.model.features.texts.readers import TextReader, width
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.posts.posts import MAX_TAGS, UNKNOWN

IDS = {"text": "words", "tags": "tags"}


def graph_inputs(system: System, readers: Sequence[TextReader]) -> dict[str, Input]:
    """Return the inputs that a system's files may have, by name."""
    dimension = sum(map(width, readers))
    features = {
        "image_features": system.backbone.features if system.backbone else 0,
        "text_features": dimension,
        "tags_features": dimension,
    }
    return {
        "image": pictures_of(system.backbone.preprocessing.crop if system.backbone else 0),
        "words": Input(
            example=torch.full((2, 7), UNKNOWN),
            axes={0: POSTS, 1: "words_of_the_longest"},
            most=MAX_WORDS,
            is_cut=True,
        ),
        "tags": Input(
            example=torch.full((2, 3), UNKNOWN),
            axes={0: POSTS, 1: "tags_of_the_longest"},
            most=MAX_TAGS,
            is_cut=True,
        ),
    } | {
        name: Input(example=torch.zeros(2, size), axes={0: POSTS})
        for name, size in features.items()
    }


def wanted_inputs(system: System, readers: Sequence[TextReader], subset: str) -> list[str]:
    """Return the inputs of a subset's file; of those, the network may not use all.

    The best recipe's frozen encoders are not part of the file, which takes their features.
    """
    is_frozen = isinstance(system, RecipeNetwork)
    names = []
    for modality in subset.split("+"):
        if modality not in system.modalities:
            continue
        if is_frozen and (modality == "image" or readers):
            names.append(f"{modality}_features")
        if modality in IDS:
            names.append(IDS[modality])
        elif not is_frozen:
            names.append("image")
    return names
