"""``inspect``: shows what a data set holds, and which labels look wrong."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.model.config import TrainingConfig


@command("inspect", options=TrainingConfig, only=("device", "engine"))
def inspect(
    config: TrainingConfig,
    *,
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write an HTML page with plots and thumbnails."),
    ] = None,
    suspects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also rank posts whose label looks wrong, into a table (.parquet or .csv); trains "
            "five networks.",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="R",
            help="With --suspects: train networks as this run was.",
            show_default="--recipe best",
        ),
    ] = None,
) -> None:
    """Show what a data set holds.

    Labels, modalities, texts, tags and samples.
    """
    if run is not None and suspects is None:
        raise typer.BadParameter("--run belongs to --suspects: give it, or omit --run")
    from flickr_emotion.datasets.inspect.inspection import inspect_dataset
    from flickr_emotion.datasets.inspect.table import describe

    if suspects is not None:
        from flickr_emotion.datasets.inspect.suspects import check_places
        from flickr_emotion.model.suspects.label_quality import check_library

        check_places(suspects, html)
        check_library()
    inspection = inspect_dataset(dataset)
    show(describe(inspection))
    judged = []
    if suspects is not None:
        from flickr_emotion.datasets.inspect.suspects import describe_suspects, write_suspects
        from flickr_emotion.model.suspects.suspects import config_for, rank_suspects

        judged = rank_suspects(dataset, config_for(run, config.device, config.engine))
        write_suspects(judged, suspects)
        show(f"\n{describe_suspects(judged)}")
    if html is not None:
        from flickr_emotion.datasets.inspect.page import write_page

        write_page(inspection, html, judged)
