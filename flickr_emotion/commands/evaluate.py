"""``evaluate``: measures a run's accuracy on a data set, or on labelled posts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.command_line.table_options import Columns, Encoding
from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import JUDGED
from flickr_emotion.model.config import TrainingConfig


@command("evaluate", options=TrainingConfig, only=("device", "engine"))
def evaluate(
    config: TrainingConfig,
    *,
    run: Annotated[Path, typer.Argument(metavar="R", help="Run folder.")],
    dataset: Annotated[
        Path | None, typer.Argument(metavar="[D]", help="Data set folder; by default the run's.")
    ] = None,
    input: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE|FOLDER",
            help="Judge labelled posts of your own: a table or folder, as for build-splits.",
        ),
    ] = None,
    columns: Columns = None,
    encoding: Encoding = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Also measure accuracy when modalities are missing."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, with confusion matrices and calibration."),
    ] = False,
) -> None:
    """Evaluate a run's seven heads.

    On a data set, or on labelled posts of your own.
    """
    if input is None and (columns or encoding):
        raise typer.BadParameter(
            "--columns and --encoding belong to --input: give it, or omit them"
        )
    if input is not None and (dataset is not None or missing):
        raise typer.BadParameter("--input takes neither D nor --missing: omit them")
    from flickr_emotion.model.evaluation.evaluation import evaluate as run_evaluation
    from flickr_emotion.model.evaluation.report import missing_table, split_table

    if input is not None:
        from flickr_emotion.model.evaluation.report import judged_posts
        from flickr_emotion.model.prediction.file_evaluation import evaluate_file

        judged = evaluate_file(
            run,
            input=input,
            device=config.device,
            engine=config.engine,
            columns=columns,
            encoding=encoding,
        )
        show(json.dumps(judged) if as_json else judged_posts(judged))
        return
    metrics = run_evaluation(
        run, dataset, missing=missing, device=config.device, engine=config.engine
    )
    if not metrics["same_dataset"]:
        say(f"{metrics['dataset']} is not the data set that the run was trained on")
    if as_json:
        show(json.dumps(metrics))
        return
    for split in JUDGED:
        show(split_table(split, metrics, errors=True))
    if missing:
        show(missing_table(metrics["missing"]))
