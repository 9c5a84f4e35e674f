"""``evaluate``: measures a run's accuracy on a data set."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import JUDGED
from flickr_emotion.model.config import TrainingConfig


@command("evaluate", options=TrainingConfig, only=("device",))
def evaluate(
    config: TrainingConfig,
    *,
    run: Annotated[Path, typer.Argument(metavar="R", help="Run folder.")],
    dataset: Annotated[
        Path | None, typer.Argument(metavar="[D]", help="Data set folder; by default the run's.")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Also measure accuracy when modalities are missing."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, with confusion matrices and calibration."),
    ] = False,
) -> None:
    """Evaluate a run's seven heads on a data set."""
    from flickr_emotion.model.evaluation.evaluation import evaluate as run_evaluation
    from flickr_emotion.model.evaluation.report import metrics_table, missing_table

    metrics = run_evaluation(run, dataset, missing=missing, device=config.device)
    if not metrics["same_dataset"]:
        say(f"{metrics['dataset']} is not the data set that the run was trained on")
    if as_json:
        show(json.dumps(metrics))
        return
    for split in JUDGED:
        show(f"{split}\n{metrics_table(metrics[split], metrics['calibration'][split])}")
    if missing:
        show(f"test, modalities dropped at random\n{missing_table(metrics['missing'])}")
