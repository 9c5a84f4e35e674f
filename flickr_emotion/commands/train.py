"""``train``: trains a network on a data set and writes a run folder."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.common.split_names import TEST
from flickr_emotion.model.config import TrainingConfig


@command("train", options=TrainingConfig)
def train(
    config: TrainingConfig,
    *,
    context: typer.Context,
    dataset: Annotated[
        Path | None, typer.Argument(metavar="D", help="Data set folder.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="R", help="Run folder.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="R",
            help="Continue the training of a run folder with its options, and with its data set "
            "or the same one at D.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Write a trace of some steps to the run folder.")
    ] = False,
    log_to: Annotated[
        Literal["mlflow", "wandb"] | None,
        typer.Option(
            help="Keep figures and model card in MLflow or Weights & Biases, too. Nothing "
            "leaves this machine unless the tool's own variables say so (docs/running.md).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train the paper's network or one of its baselines.

    Use torchrun for several GPUs.
    """
    if resume is not None:
        _refuse_beside_resume(context)
    elif dataset is None or out is None:
        raise typer.BadParameter("D or --out is missing: give D and --out R, or --resume R")
    from flickr_emotion.model.evaluation.report import split_table
    from flickr_emotion.model.training.training import resume as resume_training
    from flickr_emotion.model.training.training import train as run_training

    if resume is not None:
        metrics = resume_training(resume, dataset=dataset, profile=profile, log_to=log_to)
    else:
        assert dataset is not None
        assert out is not None
        metrics = run_training(config, dataset=dataset, out=out, profile=profile, log_to=log_to)
    if os.environ.get("RANK", "0") == "0":  # only one of several processes prints
        show(split_table(TEST, metrics))


_BESIDE_RESUME = ("dataset", "resume", "profile", "log_to", "config", "show_config")


def _refuse_beside_resume(context: typer.Context) -> None:
    """Refuse options on the command line or in a configuration file beside ``--resume``."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        given = source is not None and source.name in ("COMMANDLINE", "DEFAULT_MAP")
        if given and parameter.name not in _BESIDE_RESUME:
            raise typer.BadParameter(
                f"--resume takes everything from the run: omit {parameter.opts[0]}"
            )
