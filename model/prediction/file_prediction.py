"""Predicts for files of posts of any length: read, answered and written in chunks.

A post that cannot be read gets the reason in the column ``error``, and the others are answered.
"""

from itertools import islice
from pathlib import Path
from typing import Any

from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.post_files import check_output, open_rows, open_writer
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.prediction.rows import output_columns, output_row, photo_id_of, raw_post

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
        open_writer(out, output_columns(predictor.classes, explain=explain)) as write,
        ProgressReport("predicting", total, "posts") as report,
    ):
        while chunk := list(islice(rows, POSTS_PER_PASS)):
            posts = [
                raw_post(row, number, input.parent)
                for number, row in enumerate(chunk, counts["posts"] + 1)
            ]
            answers = predictor.predict(posts)
            write(
                [
                    {"photo_id": photo_id_of(row), **output_row(answer, explain=explain)}
                    for row, answer in zip(chunk, answers, strict=True)
                ]
            )
            counts["posts"] += len(chunk)
            counts["errors"] += sum(isinstance(answer, ModelError) for answer in answers)
            report.advance(len(chunk))
    counts["predicted"] = counts["posts"] - counts["errors"]
    return {**counts, "out": str(out)}
