"""``croissant.json``: machine-readable metadata for data set search engines and loaders.

MLCommons' Croissant 1.1: JSON-LD that names the files, the splits, and every column with its type.
The shards are described as a file set, which needs neither sizes nor checksums; the digest in
``version`` identifies the content.
"""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.shards import DISTRIBUTION, DISTRIBUTIONS, schema_of

# The context of the format, copied exactly: readers warn about any other.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

# Type and meaning of each column of a shard.
_COLUMNS = {
    "photo_id": ("sc:Text", "The id of the photo; Flickr's where it was there"),
    "image": ("sc:ImageObject", "The picture, a JPEG; null where absent"),
    "text": ("sc:Text", "Title and description as plain words; null where absent"),
    "tags": ("sc:Text", "Normalised tags in alphabetical order; empty where absent"),
    "label": ("sc:Text", "The class of the post"),
    "votes": ("sc:Integer", "Agreeing votes for the label; null where there were none to ask"),
    "sentiment": ("sc:Float", "Mean value of the photo's adjective-noun pairs, or null"),
    "owner": ("sc:Text", "A salted digest of the owner's id: it groups posts"),
    "license": ("sc:Text", "The licence of the post; Flickr's licence id where it was there"),
    "modalities": ("sc:Text", "Which of image, text and tags the post has"),
    DISTRIBUTION: ("sc:Float", "The share of each class in all votes, in alphabetical order"),
}

_OWN_LICENSE = (
    "Pictures and texts belong to their authors; the column `license` holds what their collector "
    "says of each, where it is known."
)

# Where the labels come from, by kind of data set.
LABELLED_BY = {
    "votes": "emotion votes",
    "sentiment": "sentiment of adjective-noun pairs",
    "labels": "their collector",
}
_CITE_AS = {
    "votes": "You, Luo, Jin and Yang: Building a Large Scale Dataset for Image Emotion "
    "Recognition: The Fine Print and The Benchmark. AAAI 2016.",
    "sentiment": "Borth, Ji, Chen, Breuel and Chang: Large-scale Visual Sentiment Ontology and "
    "Detectors Using Adjective Noun Pairs. ACM Multimedia 2013.",
}
_LICENSE = (
    "Pictures and texts belong to their owners, each under the licence that the column `license` "
    "names by Flickr's id, where it is known."
)


def croissant(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of ``croissant.json``; ``content`` is that of ``dataset.json``.

    It does not depend on the time or the folder's name: the same data set gives the same bytes.
    """
    kind = content["kind"]
    classes = ", ".join(map(printable, content["classes"]))
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": f"multimodal-posts-{kind}",
        "description": f"{sum(content['counts'][split]['total'] for split in SPLITS)} posts "
        f"(image, text, tags) labelled by {LABELLED_BY[kind]}: {classes}.",
        "version": f"{content['version']}.0.0+{content['digest'][:16]}",
        "license": _OWN_LICENSE if content.get("service") == "own" else _LICENSE,
        "keywords": ["emotion", "sentiment", "multimodal"],
        "inLanguage": content["options"]["language"],
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "shards",
                "name": "shards",
                "description": "The posts of all splits, as Parquet.",
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            }
        ],
        "recordSet": [_splits(), _posts(distributions=DISTRIBUTIONS in content)],
    }
    if kind in _CITE_AS:
        described["citeAs"] = _CITE_AS[kind]
    return described


def _splits() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": "splits/name",
                "name": "name",
                "dataType": "sc:Text",
            }
        ],
        "data": [{"splits/name": split} for split in SPLITS],
    }


def _posts(*, distributions: bool) -> dict[str, Any]:
    of_split = {
        "@type": "cr:Field",
        "@id": "posts/split",
        "name": "split",
        "description": "train, validation or test",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": "shards"},
            "extract": {"fileProperty": "fullpath"},
            # mlcroissant applies this to the path, joins the splits, and applies it once more.
            "transform": {"regex": f"(?:data/)?({'|'.join(SPLITS)})(?:-.*)?"},
        },
    }
    return {
        "@type": "cr:RecordSet",
        "@id": "posts",
        "name": "posts",
        "key": {"@id": "posts/photo_id"},
        "field": [
            of_split,
            *(_field(name) for name in schema_of(distributions=distributions).names),
        ],
    }


def _field(name: str) -> dict[str, Any]:
    data_type, meaning = _COLUMNS[name]
    source: dict[str, Any] = {"fileSet": {"@id": "shards"}, "extract": {"column": name}}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"posts/{name}",
        "name": name,
        "description": meaning,
        "dataType": data_type,
        "source": source,
    }
    if name == "image":
        source["transform"] = {"jsonPath": "bytes"}  # the column is a struct of bytes and path
    if name in ("tags", DISTRIBUTION):
        field |= {"isArray": True, "arrayShape": "-1"}
    return field
