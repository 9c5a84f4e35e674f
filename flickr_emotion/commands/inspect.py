"""``inspect``: shows what a data set holds."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("inspect")
def inspect(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write an HTML page with plots and thumbnails."),
    ] = None,
) -> None:
    """Show what a data set holds: labels, modalities, texts, tags, samples."""
    from flickr_emotion.datasets.inspect.inspection import inspect_dataset
    from flickr_emotion.datasets.inspect.table import describe

    inspection = inspect_dataset(dataset)
    show(describe(inspection))
    if html is not None:
        from flickr_emotion.datasets.inspect.page import write_page

        write_page(inspection, html)
