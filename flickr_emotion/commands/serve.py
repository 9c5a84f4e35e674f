"""``serve``: a page on this machine to look through a data set, correct it, and try runs."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("serve")
def serve(
    *,
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...", help="A data set, runs, harvests: each is known by what it holds."
        ),
    ],
    suspects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Show the posts whose label looks wrong, from this table of `inspect --suspects`.",
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table of corrections (CSV).",
            show_default="beside the data set, its name with .corrections.csv",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 0,
) -> None:
    """Serve a page to explore and correct posts and try runs."""
    from flickr_emotion.common.interruption import wait_for_signal
    from flickr_emotion.serve.server import PageServer
    from flickr_emotion.serve.site import open_site

    site = open_site(folders, suspects=suspects, corrections=corrections)
    with PageServer(site, port=port) as server:
        show(f"Open {server.url} (only on this machine; Ctrl-C ends it)")
        wait_for_signal()
