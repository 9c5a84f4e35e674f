"""Predicts for files of posts of any length: read, answered and written in chunks.

A post whose picture cannot be read is answered from its text and tags, with the reason in the
column ``warning``. One without an answer gets the reason in the column ``error``.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.printing import say
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction.answers import Prediction
from flickr_emotion.model.prediction.post_files import check_output, open_rows, open_writer
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.prediction.rows import output_columns, output_row, photo_id_of, raw_post

POSTS_PER_PASS = 128


def predict_file(
    run: Path,
    *,
    input: Path,
    out: Path,
    explain: bool = False,
    device: str = "auto",
    engine: str = AUTO,
    columns: str | None = None,
    encoding: str | None = None,
    say: Callable[[str], None] = say,
) -> dict[str, Any]:
    """Predict for posts of one's own; return how many were answered, and with which modalities.

    ``input`` is a table or a folder of posts, read as by `build-splits` (``docs/datasets.md``),
    also with ``columns`` and ``encoding``; labels are not read. The output has ``photo_id``,
    ``subset``, ``label``, ``probability_<class>`` for each class, ``warning`` (the picture could
    not be read, and the answer is from the rest) and ``error``; with ``explain`` also ``heads``,
    each head's answer as JSON (CSV has no nested columns). A text without a word and tags without a
    letter count as absent, as in a data set. Raises ``ModelError`` if no post could be answered;
    the output says why.
    """
    if input.resolve() == out.resolve():
        raise ModelError(f"--out {out} is also the input: give --out another file")
    check_output(out)
    posts = open_rows(input, columns=columns, encoding=encoding)
    for line in posts.said:
        say(line)
    predictor = Predictor(run, device=device, engine=engine)
    counts = {"posts": 0, "predicted": 0, "warnings": 0, "errors": 0}
    held = dict.fromkeys(MODALITIES, 0)
    first: ModelError | None = None
    warning: str | None = None
    with (
        open_writer(out, output_columns(predictor.classes, explain=explain)) as write,
        ProgressReport("predicting", posts.count, "posts") as report,
    ):
        for chunk in answered(predictor, posts.rows, all_heads=explain):
            write(
                [
                    {"photo_id": photo_id_of(row), **output_row(answer, explain=explain)}
                    for row, answer in chunk
                ]
            )
            counts["posts"] += len(chunk)
            for _, answer in chunk:
                if isinstance(answer, ModelError):
                    counts["errors"] += 1
                    first = first or answer
                    continue
                counts["warnings"] += answer.warning is not None
                warning = warning or answer.warning
                for modality in answer.subset.split("+"):
                    held[modality] += 1
            report.advance(len(chunk))
    counts["predicted"] = counts["posts"] - counts["errors"]
    if warning:
        others = ", among others" if counts["warnings"] > 1 else ""
        say(f"answered without the picture{others}: {warning}")
    if first is not None:
        say(f"not answered, among others: {first}" if counts["errors"] > 1 else str(first))
    if not counts["predicted"]:
        raise ModelError(
            f"no post of {input} was answered: {out} holds the reason for each in its column "
            "`error`"
        )
    return {**counts, "modalities": held, "out": str(out)}


def answered(
    predictor: Predictor, rows: Iterator[dict[str, Any]], *, all_heads: bool
) -> Iterator[list[tuple[dict[str, Any], Prediction | ModelError]]]:
    """Yield the rows of posts (``open_rows``) with their answers, some at a time.

    ``all_heads``: with the answers of all heads that can answer a post.
    """
    done = 0
    while chunk := list(islice(rows, POSTS_PER_PASS)):
        numbered = [it for it in enumerate(chunk, done + 1) if "error" not in it[1]]
        read = [raw_post(row, n, Path()) for n, row in numbered]
        answers = iter(predictor.predict(read, partly=True, all_heads=all_heads))
        yield [
            (row, ModelError(row["error"]) if "error" in row else next(answers)) for row in chunk
        ]
        done += len(chunk)
