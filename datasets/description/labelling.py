"""How the labels of each kind of data set came about, in words, for cards and Croissant."""

from collections.abc import Mapping
from typing import Any

LABELLED_BY = {
    "votes": "emotion votes",
    "sentiment": "sentiment of adjective-noun pairs",
    "labels": "their collector",
}
"""Where the labels come from, by kind of data set."""
CITE_AS = {
    "votes": "You, Luo, Jin and Yang: Building a Large Scale Dataset for Image Emotion "
    "Recognition: The Fine Print and The Benchmark. AAAI 2016.",
    "sentiment": "Borth, Ji, Chen, Breuel and Chang: Large-scale Visual Sentiment Ontology and "
    "Detectors Using Adjective Noun Pairs. ACM Multimedia 2013.",
}
"""The publication of the list, where it is a published one."""
_PROTOCOLS = {
    "votes": "Pictures were found by searching Flickr for the words of eight emotions. Workers of "
    "Amazon Mechanical Turk, up to five a picture, were asked whether it shows the emotion it was "
    "found by (AAAI 2016). No worker is known by name or number.",
    "sentiment": "No person has judged the posts. Each was found by searching Flickr for "
    "adjective-noun pairs, and a pair has a sentiment value that the ontology computed (ACM "
    "Multimedia 2013).",
    "labels": "The labels are those that the collector of the posts or of their list gives; how "
    "they came about is not recorded.",
}
OWN = (
    "It was taken from a table or folder that its collector had; how that came about is not known."
)


def protocol_of(content: Mapping[str, Any]) -> str:
    """Return how the labels of the data set that ``content`` describes came about."""
    said = _PROTOCOLS[content["kind"]]
    if content.get("service") == "other" and content["kind"] != "labels":
        said += " This is true of the published list; labels of a simulation are computed."
    return said
