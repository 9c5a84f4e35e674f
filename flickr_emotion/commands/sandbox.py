"""``sandbox``: serves a loopback Flickr in the foreground."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command

if TYPE_CHECKING:
    from flickr_emotion.sandbox import Sandbox


@command("sandbox")
def sandbox(
    *,
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Posts to serve (Parquet); by default a simulation."),
    ] = None,
    vso: Annotated[
        Path | None,
        typer.Option(
            metavar="LISTS",
            help="VSO's folder: serve its pairs with computed search results.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 0,
    faults: Annotated[
        str | None,
        typer.Option(metavar="NAME=RATE,...", help="Faults to inject, such as 429=0.1,seed=7."),
    ] = None,
    lists: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for the simulation's lists, for `crawl`."),
    ] = None,
) -> None:
    """Serve a loopback Flickr until Ctrl-C.

    The API and the pictures, with faults on request.
    """
    from flickr_emotion.sandbox import Sandbox

    if [corpus, vso, lists].count(None) < 2:
        raise typer.BadParameter(
            "--corpus, --vso and --lists exclude each other (--lists is for the simulation): give "
            "at most one of them"
        )
    serve(Sandbox(corpus=corpus, vso=vso, port=port, faults=faults or ""), lists, show)


def serve(sandbox: "Sandbox", lists: Path | None, announce: Callable[[str], None]) -> None:
    """Serve in the foreground until Ctrl-C, SIGTERM or SIGHUP."""
    from flickr_emotion.common.interruption import wait_for_signal

    with sandbox:
        if lists is not None:
            sandbox.write_lists(lists)
            announce(f"Lists of the simulation, in You et al.'s format, in {lists}")
        announce(f"Sandbox Flickr ({sandbox.name}) at {sandbox.url}")
        wait_for_signal()
