"""``predict``: predicts the emotion of one post, or of a file of posts."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.command_line.table_options import Columns, Encoding
from flickr_emotion.model.config import TrainingConfig


@command("predict", options=TrainingConfig, only=("device", "engine"))
def predict(
    config: TrainingConfig,
    *,
    run: Annotated[Path, typer.Argument(metavar="R", help="Run folder.")],
    image: Annotated[Path | None, typer.Option(metavar="FILE", help="Picture file.")] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Text of the post.")] = None,
    tags: Annotated[
        str | None,
        typer.Option(metavar="TAG,TAG,...", help="Tags, separated by commas, or hashtags."),
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE|FOLDER", help="A table or folder of posts, as for build-splits."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the predictions of --input.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show the prediction of each head; with --input, in the column `heads`.",
        ),
    ] = False,
    columns: Columns = None,
    encoding: Encoding = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict the emotion of a post.

    From any subset of picture, text and tags.
    """
    single = any(given is not None for given in (image, text, tags))
    if (input is None) != (out is None) or (input is not None and single):
        raise typer.BadParameter(
            "--input and --out belong together: give both, without --image, --text and --tags"
        )
    if input is None and (columns or encoding):
        raise typer.BadParameter(
            "--columns and --encoding belong to --input: give it, or omit them"
        )
    from flickr_emotion.model.evaluation.report import prediction_table
    from flickr_emotion.model.prediction.file_prediction import predict_file
    from flickr_emotion.model.prediction.prediction import predict_one

    if input is not None and out is not None:
        counts = predict_file(
            run,
            input=input,
            out=out,
            explain=explain,
            device=config.device,
            engine=config.engine,
            columns=columns,
            encoding=encoding,
        )
        used = ", ".join(f"{modality} {count}" for modality, count in counts["modalities"].items())
        show(
            json.dumps(counts)
            if as_json
            else f"predictions for {counts['predicted']} of {counts['posts']} posts are in {out}"
            + (f"; its column `error` explains the other {n}" if (n := counts["errors"]) else "")
            + (
                f"; {n} without their picture, which cannot be read (column `warning`)"
                if (n := counts["warnings"])
                else ""
            )
            + "\n"
            f"posts answered with each modality: {used}"
        )
        return
    from flickr_emotion.datasets.sources.cells.tags import tags_of

    answer: dict[str, Any] = predict_one(
        run,
        image=image,
        text=text,
        tags=None if tags is None else tags_of(tags),
        explain=explain,
        device=config.device,
        engine=config.engine,
    )
    show(json.dumps(answer) if as_json else prediction_table(answer))
