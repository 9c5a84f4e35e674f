"""What of a training with the paper's recipe is not the paper's: one text for all places.

The default cannot have the paper's word vectors, which no package brings and which cannot be
downloaded everywhere, so whoever calls it the paper's also says what is missing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from flickr_emotion.model.config import DISTRIBUTION
from flickr_emotion.model.recipes import PAPERS_IMAGES

RANDOM_WORDS = (
    "word vectors begin at random, the paper's are word2vec's, pretrained (--word-vectors FILE)"
)


def departures(options: Mapping[str, Any], modalities: Collection[str]) -> list[str]:
    """Return what is not the paper's, a phrase each.

    ``options``: settings by name, as in ``config.json`` of a run; ``modalities``: those that the
    system reads. The image encoder counts for systems that the paper gives one.
    """
    found = []
    if options.get("target") == DISTRIBUTION:  # older runs do not have it
        found.append("posts teach distributions of votes, the paper's their labels")
    if "text" in modalities and not options["word_vectors"]:
        found.append(RANDOM_WORDS)
    if "image" in modalities and options.get("model") != "inception":
        encoder = options["image_encoder"]
        if encoder != PAPERS_IMAGES:
            found.append(f"the image encoder is {encoder}, the paper's is {PAPERS_IMAGES}")
        if options["image_weights"] == "none":
            found.append("the image encoder begins at random, the paper's is ImageNet's")
    return found
