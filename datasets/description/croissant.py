"""``croissant.json``: machine-readable metadata for data set search engines and loaders.

MLCommons' Croissant 1.1 with its RAI vocabulary 1.0: JSON-LD that names the files with sizes and
checksums, the record sets with their fields, where the data set comes from (PROV-O), what may be
done with it (ODRL) and what its datasheet says. It cannot name the files that are written after it:
``dataset.json``, which holds its digest, and the card.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.description import conditions, provenance
from flickr_emotion.datasets.description.datasheet import Entry
from flickr_emotion.datasets.description.labelling import CITE_AS, LABELLED_BY
from flickr_emotion.datasets.description.record_sets import SHARDS, record_sets
from flickr_emotion.datasets.folder.layout import DATA
from flickr_emotion.datasets.folder.shards import DISTRIBUTIONS

Json = dict[str, Any]

# The context of the format, copied exactly: readers warn about any other.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
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

_CONFORMS_TO = [
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/RAI/1.0",
]
_FORMATS = {".parquet": "application/x-parquet", ".json": "application/json"}
# Properties of RAI that hold several texts; the others hold one.
_SEVERAL = (
    *("dataUseCases", "dataBiases", "personalSensitiveInformation", "dataAnnotationAnalysis"),
    *("dataPreprocessingProtocol", "machineAnnotationTools", "dataLimitations"),
)
_OWN_LICENSE = (
    "Pictures and texts belong to their authors; the column `license` holds what their collector "
    "says of each, where it is known."
)
_LICENSE = (
    "Pictures and texts belong to their owners, each under the licence that the column `license` "
    "names by Flickr's id, where it is known."
)


def croissant(
    content: Mapping[str, Any], sheet: Sequence[Entry], files: Mapping[str, Mapping[str, Any]]
) -> Json:
    """Return the content of ``croissant.json``; ``content`` is that of ``dataset.json``.

    ``sheet``: the datasheet. ``files``: the digests of the files that are written already. It does
    not depend on the time or the folder's name: the same harvest gives the same bytes.
    """
    kind = content["kind"]
    classes = ", ".join(map(printable, content["classes"]))
    described: Json = {
        "@context": _CONTEXT | provenance.PREFIXES | conditions.PREFIXES,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": f"multimodal-posts-{kind}",
        "description": f"{sum(content['counts'][split]['total'] for split in SPLITS)} posts "
        f"(image, text, tags) labelled by {LABELLED_BY[kind]}: {classes}.",
        "version": f"{content['version']}.0.0+{content['digest'][:16]}",
        "license": conditions.licenses(content["counts"])
        or (_OWN_LICENSE if content.get("service") == "own" else _LICENSE),
        "keywords": ["emotion", "sentiment", "multimodal"],
        "inLanguage": content["options"]["language"],
        **provenance.provenance(content),
        **_responsible(content, sheet),
        "distribution": _distribution(files),
        "recordSet": record_sets(
            files, provenance.labels(content), distributions=DISTRIBUTIONS in content
        ),
    }
    if offers := conditions.use_conditions(content):
        described["usageInfo"] = offers
    if kind in CITE_AS:
        described["citeAs"] = CITE_AS[kind]
    if collected := content.get("collected"):
        described["dateCreated"] = printable(collected["last"])
    return described


def _responsible(content: Mapping[str, Any], sheet: Sequence[Entry]) -> Json:
    """Return the datasheet's answers as properties of the RAI vocabulary."""
    found: Json = {}
    for entry in sheet:
        if entry.property and entry.answers:
            several = entry.property in _SEVERAL
            found[f"rai:{entry.property}"] = (
                list(entry.answers) if several else " ".join(entry.answers)
            )
    own = content.get("service") == "own"
    found["rai:dataCollectionType"] = ["Others"] if own else ["Web API", "Secondary Data analysis"]
    if collected := content.get("collected"):
        times = [printable(collected["first"]), printable(collected["last"])]
        # The vocabulary writes it so, and mlcroissant 1.1.1 reads the second name only.
        found["rai:dataCollectionTimeframe"] = times
        found["rai:dataCollectionTimeFrame"] = times
    return found


def _distribution(files: Mapping[str, Mapping[str, Any]]) -> list[Json]:
    """Return all files with size and checksum, and the shards of all splits as a set."""
    return [
        *(
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "contentSize": f"{found['bytes']} B",
                "encodingFormat": _FORMATS[name[name.rindex(".") :]],
                "sha256": found["sha256"],
            }
            for name, found in files.items()
        ),
        {
            "@type": "cr:FileSet",
            "@id": SHARDS,
            "name": SHARDS,
            "description": "The posts of all splits, as Parquet.",
            "encodingFormat": _FORMATS[".parquet"],
            "includes": f"{DATA}/*.parquet",
        },
    ]
