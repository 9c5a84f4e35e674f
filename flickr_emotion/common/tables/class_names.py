"""The names of classes that Hugging Face's ``datasets`` keeps beside a column of their numbers."""

import json
from typing import Any

import pyarrow as pa


def class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Return, by column, the names of a ``ClassLabel``; numbers in the column count from 0."""
    try:
        described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = described["info"]["features"]
        found = {name: _names(feature) for name, feature in features.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: names for name, names in found.items() if names}


def _names(feature: Any) -> list[str] | None:
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    fits = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if fits else None
