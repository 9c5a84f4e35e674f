"""Predicts for files of posts of any length: read, answered and written in chunks.

A post that cannot be read gets the reason in the column ``error``, and the others are answered.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.datasets.sources.columns import image_of, tags_of
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.post_files import check_output, open_rows, open_writer
from flickr_emotion.model.prediction.prediction import Prediction, Predictor, RawPost

POSTS_PER_PASS = 128


def predict_file(
    run: Path, *, input: Path, out: Path, explain: bool = False, device: str = "auto"
) -> dict[str, Any]:
    """Predict for the posts of a Parquet or CSV file; return how many were answered.

    The input has the columns ``photo_id`` and some of ``image`` (bytes, a data set's struct, or a
    path relative to the file's folder), ``text`` and ``tags`` (a list, or joined by commas). The
    output has ``photo_id``, ``subset``, ``label``, ``probability_<class>`` for each class, and
    ``error``; with ``explain`` also ``heads``, each head's answer as JSON (CSV has no nested
    columns). A text without a word and tags without a letter count as absent, as in a data set.
    """
    if input.resolve() == out.resolve():
        raise ModelError(f"--out {out} is also the input: give --out another file")
    check_output(out)
    rows, total = open_rows(input)
    predictor = Predictor(run, device=device)
    counts = {"posts": 0, "predicted": 0, "errors": 0}
    with (
        open_writer(out, _output_columns(predictor.classes, explain=explain)) as write,
        ProgressReport("predicting", total, "posts") as report,
    ):
        while chunk := list(islice(rows, POSTS_PER_PASS)):
            posts = [
                _raw_post(row, number, input.parent)
                for number, row in enumerate(chunk, counts["posts"] + 1)
            ]
            answers = predictor.predict(posts)
            write(
                [
                    {"photo_id": _photo_id(row), **_output(answer, explain=explain)}
                    for row, answer in zip(chunk, answers, strict=True)
                ]
            )
            counts["posts"] += len(chunk)
            counts["errors"] += sum(isinstance(answer, ModelError) for answer in answers)
            report.advance(len(chunk))
    counts["predicted"] = counts["posts"] - counts["errors"]
    return {**counts, "out": str(out)}


def _photo_id(row: dict[str, Any]) -> str | None:
    return None if row["photo_id"] is None else str(row["photo_id"])


def _raw_post(row: dict[str, Any], number: int, folder: Path) -> RawPost:
    photo_id = _photo_id(row)
    image, text, tags = (row.get(modality) for modality in MODALITIES)
    return RawPost(
        name=f"photo {photo_id}" if photo_id else f"the post of row {number}",
        image=image_of(image, folder),
        text=str(text) if text is not None and words(clean(str(text))) else None,
        tags=normalise_tags(tags_of(tags) or ()) or None,
    )


def _output_columns(classes: Sequence[str], *, explain: bool) -> pa.Schema:
    return pa.schema(
        [
            *((name, pa.string()) for name in ("photo_id", "subset", "label")),
            *((f"probability_{name}", pa.float32()) for name in classes),
            *([("heads", pa.string())] if explain else []),
            ("error", pa.string()),
        ]
    )


def _output(answer: Prediction | ModelError, *, explain: bool) -> dict[str, Any]:
    if isinstance(answer, ModelError):
        return {"error": str(answer)}
    probabilities = {f"probability_{name}": p for name, p in answer.probabilities.items()}
    output = {"subset": answer.subset, "label": answer.label, **probabilities}
    if explain:
        heads = answer.content(explain=True)["heads"]
        output["heads"] = json.dumps(heads, ensure_ascii=False)
    return output
