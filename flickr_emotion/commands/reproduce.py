"""``reproduce``: makes a table or a figure of the paper, with the paper's numbers beside ours."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.reproduction.paper import ALL, TARGETS, Target

_SETTINGS = (
    *("image_encoder", "image_weights", "word_vectors", "epochs", "batch_size", "learning_rate"),
    *("patience", "seed", "device", "engine"),
)


@command("reproduce", options=TrainingConfig, only=_SETTINGS)
def reproduce(
    config: TrainingConfig,
    *,
    target: Annotated[
        Target, typer.Argument(metavar="TARGET", help=f"{', '.join(TARGETS)} or {ALL}.")
    ],
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the results and finished trainings.")
    ],
    repeats: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of trainings with successive seeds.")
    ] = 3,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Train only cells whose name matches NAME or contains it."
        ),
    ] = None,
) -> None:
    """Make a table or a figure of the paper.

    With its numbers beside ours, as Markdown, JSON, LaTeX, PNG, SVG and PDF. Finished trainings are
    kept; run the command again to continue.
    """
    from dataclasses import replace

    from flickr_emotion.model.reproduction.reproduce import reproduce as run_reproduction

    settings = replace(config, repeats=repeats)
    if text := run_reproduction(target, dataset=dataset, out=out, settings=settings, only=only):
        show(text, end="")
