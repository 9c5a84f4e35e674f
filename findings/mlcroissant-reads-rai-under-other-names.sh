#!/usr/bin/env bash
# mlcroissant 1.1.1: two properties of Croissant's RAI vocabulary 1.0 are not read under their names.
#
# Usual guess: MLCommons' own reader knows the properties of MLCommons' own vocabulary. A property
#   that is given as the vocabulary spells it is in the metadata.
# Seen: `rai:dataCollectionTimeframe` and `rai:dataManipulationProtocol`, so spelt in the
#   specification's table and in the vocabulary (croissant_rai.ttl), give None, without an error or a
#   warning. mlcroissant reads `rai:dataCollectionTimeFrame` and `rai:dataDataManipulationProtocol`,
#   and writes these names too. The other properties tried here are read.
# So: who wants both to be understood gives these two under both names.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mlcroissant==1.1.1 pandas==3.1.1 rdflib==7.6.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import logging
from importlib.metadata import version
from pathlib import Path

import mlcroissant

logging.disable(logging.WARNING)
print("mlcroissant", version("mlcroissant"))


def metadata(**properties):
    """Return the metadata of a file with some properties, and what it finds wrong with it."""
    content = {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "rai": "http://mlcommons.org/croissant/RAI/",
            "dct": "http://purl.org/dc/terms/",
            "citeAs": "cr:citeAs",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": "nothing",
        "description": "No data.",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "url": "https://example.org/nothing",
        "datePublished": "2026-01-01",
        "version": "1.0.0",
        "citeAs": "none",
    } | {f"rai:{name}": value for name, value in properties.items()}
    Path("croissant.json").write_text(json.dumps(content))
    found = mlcroissant.Dataset(jsonld="croissant.json").metadata
    return found, found.ctx.issues.errors | found.ctx.issues.warnings


specified, issues = metadata(
    dataCollectionTimeframe="2026-01-01T00:00:00",
    dataManipulationProtocol="none",
    dataCollection="by hand",
    annotationsPerItem="5",
)
print("as specified:", specified.data_collection_timeframe, specified.data_manipulation_protocol)
print("others:", specified.data_collection, specified.annotations_per_item, "issues:", issues)
assert (specified.data_collection_timeframe, specified.data_manipulation_protocol) == (None, None)
assert (specified.data_collection, specified.annotations_per_item) == ("by hand", "5")
assert issues == set()
other, issues = metadata(
    dataCollectionTimeFrame="2026-01-01T00:00:00", dataDataManipulationProtocol="none"
)
print("under other names:", other.data_collection_timeframe, other.data_manipulation_protocol)
assert [str(it) for it in other.data_collection_timeframe] == ["2026-01-01 00:00:00"]
assert (other.data_manipulation_protocol, issues) == ("none", set())
assert "rai:dataCollectionTimeFrame" in other.to_json()
PYTHON
