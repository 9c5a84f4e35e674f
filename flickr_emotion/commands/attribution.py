"""``attribution``: writes whom to name for the posts of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("attribution")
def attribution(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    harvest: Annotated[
        Path, typer.Argument(metavar="H", help="Harvest folder that it was built from.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="File to create or replace, .csv or .md (Markdown)."),
    ],
) -> None:
    """List whom to name where pictures are shown.

    Owner, title, licence and page of each post whose licence asks for attribution.
    """
    from flickr_emotion.datasets.inspect.attribution import write_attribution

    found = write_attribution(dataset, harvest, out)
    show(
        f"{found.named} posts in {out}\n"
        f"{found.free} posts need no attribution, and for {found.reserved} no licence allows use"
    )
    if found.missing:
        show(f"{found.missing} posts are not in {harvest} any more: the file lacks them")
        raise typer.Exit(3)
