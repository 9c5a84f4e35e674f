"""The record sets of ``croissant.json``: posts, splits, excluded photos, references.

Each field names its column, its type and what it means. The votes on a post's label are fields, and
as Croissant's annotations they also belong to the label: mlcroissant reads the former only.
"""

from collections.abc import Iterable
from typing import Any

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder import excluded, references
from flickr_emotion.datasets.folder.shards import DISTRIBUTION, schema_of

SHARDS = "shards"
"""The id of the set of shards."""

Json = dict[str, Any]

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

_EXCLUDED = {
    "photo_id": ("sc:Text", "The id of the photo; null where the row names none"),
    "source": ("sc:Text", "File and row of the list"),
    "reason": ("sc:Text", "Why it is not in the data set"),
}
_REFERENCES = {
    "photo_id": ("sc:Text", "The id of the photo"),
    "image_sha256": ("sc:Text", "SHA-256 of the picture as fetched; null where absent"),
    "preference": ("sc:Text", "What is stated on the use of the post; null where it is not known"),
}
_ANNOTATIONS = ("votes", DISTRIBUTION)


def record_sets(files: Iterable[str], labels: Json, *, distributions: bool) -> list[Json]:
    """Return the record sets of a folder with these ``files``.

    ``labels``: where the labels come from, as properties of their field. ``distributions``: whether
    there is a column with the votes on all classes.
    """
    sets = [_splits(), _posts(labels, distributions=distributions)]
    for name, path, columns in (
        ("excluded", excluded.FILE_NAME, _EXCLUDED),
        ("references", references.FILE_NAME, _REFERENCES),
    ):
        if path in files:
            source = {"fileObject": {"@id": path}}
            sets.append(
                {
                    "@type": "cr:RecordSet",
                    "@id": name,
                    "name": name,
                    "field": [_field(name, it, columns[it], source) for it in columns],
                }
            )
    return sets


def _splits() -> Json:
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


def _posts(labels: Json, *, distributions: bool) -> Json:
    of_split = {
        "@type": "cr:Field",
        "@id": "posts/split",
        "name": "split",
        "description": "train, validation or test",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": SHARDS},
            "extract": {"fileProperty": "fullpath"},
            # mlcroissant applies this to the path, joins the splits, and applies it once more.
            "transform": {"regex": f"(?:data/)?({'|'.join(SPLITS)})(?:-.*)?"},
        },
    }
    shards = {"fileSet": {"@id": SHARDS}}
    names = schema_of(distributions=distributions).names
    fields = {name: _field("posts", name, _COLUMNS[name], shards) for name in names}
    fields["image"]["source"]["transform"] = {"jsonPath": "bytes"}  # a struct of bytes and path
    for name in {"tags", DISTRIBUTION} & set(names):
        fields[name] |= {"isArray": True, "arrayShape": "-1"}
    label = fields["label"]
    label |= labels | {"dataType": ["sc:Text", "cr:Label"]}
    label["annotation"] = [
        fields[name] | {"@id": f"posts/label/{name}"} for name in _ANNOTATIONS if name in names
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "posts",
        "name": "posts",
        "key": {"@id": "posts/photo_id"},
        "field": [of_split, *fields.values()],
    }


def _field(records: str, name: str, column: tuple[str, str], source: Json) -> Json:
    data_type, meaning = column
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{name}",
        "name": name,
        "description": meaning,
        "dataType": data_type,
        "source": source | {"extract": {"column": name}},
    }
