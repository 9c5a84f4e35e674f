#!/usr/bin/env bash
# mlcroissant 1.1.1: what a Croissant 1.1 file gives as an annotation of a field is in no record.
#
# Usual guess: an annotation is "a special kind of field" with a source of its own (Croissant 1.1,
#   "Annotating Data"), so `records` returns its values beside those of the field that it annotates.
# Seen: the file is valid, and the metadata holds the annotation. Its values are in no record,
#   without an error or a warning. The same column as a field of the record set is there.
# So: a column that readers need is given as a field, and as an annotation besides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mlcroissant==1.1.1 pandas==3.1.1 rdflib==7.6.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import json
import logging
from importlib.metadata import version
from pathlib import Path

import mlcroissant

logging.disable(logging.WARNING)
print("mlcroissant", version("mlcroissant"), "pandas", version("pandas"))
Path("posts.csv").write_text("photo,label,votes\n1,awe,5\n2,fear,4\n")


def field(name, column, kind):
    source = {"fileObject": {"@id": "posts.csv"}, "extract": {"column": column}}
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": kind, "source": source}


def read(*, as_field):
    """Return the keys of a record, the ids of the annotations, and the errors."""
    label = field("posts/label", "label", "sc:Text")
    label["annotation"] = [field("posts/label/votes", "votes", "sc:Integer")]
    fields = [field("posts/photo", "photo", "sc:Text"), label]
    if as_field:
        fields.append(field("posts/votes", "votes", "sc:Integer"))
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "votes",
        "description": "Two posts and their votes.",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "url": "https://example.org/votes",
        "datePublished": "2026-01-01",
        "version": "1.0.0",
        "citeAs": "none",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "posts.csv",
                "name": "posts.csv",
                "contentUrl": "posts.csv",
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(Path("posts.csv").read_bytes()).hexdigest(),
            }
        ],
        "recordSet": [
            {"@type": "cr:RecordSet", "@id": "posts", "name": "posts", "field": fields}
        ],
    }
    Path("croissant.json").write_text(json.dumps(content))
    data = mlcroissant.Dataset(jsonld="croissant.json")
    annotations = [it.id for it in data.metadata.record_sets[0].fields[1].annotations]
    issues = data.metadata.ctx.issues
    return sorted(next(iter(data.records("posts")))), annotations, issues.errors | issues.warnings


# The context of the specification's appendix, as far as it is used here.
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "annotation": "cr:annotation",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "recordSet": "cr:recordSet",
    "source": "cr:source",
}
annotated, with_field = read(as_field=False), read(as_field=True)
print("annotations:", annotated[1], "errors and warnings:", annotated[2])
print("a record:", annotated[0])
print("a record with the same column as a field:", with_field[0])
assert annotated == (["posts/label", "posts/photo"], ["posts/label/votes"], set())
assert with_field[0] == ["posts/label", "posts/photo", "posts/votes"]
PYTHON
