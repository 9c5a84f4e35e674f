"""Rows of tables: a row becomes a post, an answer becomes a row."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.datasets.sources.columns import image_of
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.contents import text_and_tags


def photo_id_of(row: dict[str, Any]) -> str | None:
    """Return the photo id of a row, None where it has none."""
    found = row.get("photo_id")
    return None if found is None else str(found)


def raw_post(row: dict[str, Any], number: int, folder: Path) -> RawPost:
    """Return the post of row ``number``; paths of pictures count from ``folder``."""
    photo_id = photo_id_of(row)
    image = row.get("image")
    text, tags = text_and_tags(row)
    return RawPost(
        name=f"photo {photo_id}" if photo_id else f"the post of row {number}",
        image=image if isinstance(image, Path) else image_of(image, folder),
        text=text,
        tags=tags,
        is_clean=True,
    )


def output_columns(classes: Sequence[str], *, explain: bool) -> pa.Schema:
    """Return the columns of the answers to posts."""
    return pa.schema(
        [
            *((name, pa.string()) for name in ("photo_id", "subset", "label")),
            *((f"probability_{name}", pa.float32()) for name in classes),
            *([("heads", pa.string())] if explain else []),
            ("warning", pa.string()),
            ("error", pa.string()),
        ]
    )


def output_row(answer: Prediction | ModelError, *, explain: bool) -> dict[str, Any]:
    """Return the row of an answer, or of the reason why there is none."""
    if isinstance(answer, ModelError):
        return {"error": str(answer)}
    probabilities = {f"probability_{name}": p for name, p in answer.probabilities.items()}
    output = {"subset": answer.subset, "label": answer.label, **probabilities}
    output["warning"] = answer.warning
    if explain:
        heads = answer.content(explain=True)["heads"]
        output["heads"] = json.dumps(heads, ensure_ascii=False)
    return output
