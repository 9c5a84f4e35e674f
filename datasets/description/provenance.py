"""Where a data set comes from, in PROV-O: the list, the crawl, the harvest, the build, the tool.

list --used by--> crawl --generated--> harvest --used by--> build --generated--> data set
"""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.common.printing import printable
from flickr_emotion.datasets.description.labelling import LABELLED_BY, protocol_of

PREFIXES = {
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""The vocabularies of the provenance, for the JSON-LD context."""

Json = dict[str, Any]

TOOL, VERSION = "flickr-emotion-toolkit", "0.1.0"
"""The program; a checkout has no installed metadata to ask, so a test compares the version with
``pyproject.toml``."""
_TOOL = {"@type": "prov:SoftwareAgent", "@id": "tool", "name": TOOL, "softwareVersion": VERSION}


def provenance(content: Mapping[str, Any]) -> Json:
    """Return the properties of the data set that ``content`` (of ``dataset.json``) describes."""
    if "reduced" in content:
        complete = {"@id": "complete", "@type": "prov:Entity", "name": "Data set before `reduce`"}
        return _generated("reduce", complete | _built(content))
    return _built(content)


def _built(content: Mapping[str, Any]) -> Json:
    source = _source(content)
    if content.get("service") == "own":
        return _generated("build-splits", source)
    crawled: Json = {
        "@id": "harvest",
        "@type": "prov:Entity",
        "name": "Posts as crawled",
        **_generated("crawl", source),
    }
    if collected := content.get("collected"):
        activity = crawled["prov:wasGeneratedBy"]
        activity["prov:startedAtTime"] = _time(collected["first"])
        activity["prov:endedAtTime"] = _time(collected["last"])
    return _generated("build-splits", crawled)


def labels(content: Mapping[str, Any]) -> Json:
    """Return where the labels of a data set come from."""
    return {
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": "labelling",
            "name": f"Labelling by {LABELLED_BY[content['kind']]}",
            "description": protocol_of(content),
        }
    }


def _source(content: Mapping[str, Any]) -> Json:
    own = content.get("service") == "own"
    return {
        "@id": "source",
        "@type": "prov:Entity",
        "name": "Table or folder of posts" if own else "List of photos, or manifest",
        "identifier": f"sha256:{printable(str(content.get('lists_digest')))}",
    }


def _generated(command: str, source: Json) -> Json:
    """Return that something was derived from a source by a command of the tool."""
    activity: Json = {
        "@type": "prov:Activity",
        "@id": command,
        "name": command,
        "prov:used": {"@id": source["@id"]},
        "prov:wasAssociatedWith": _TOOL if command == "build-splits" else {"@id": "tool"},
    }
    return {"prov:wasDerivedFrom": source, "prov:wasGeneratedBy": activity}


def _time(written: str) -> Json:
    return {"@type": "xsd:dateTime", "@value": printable(written)}
