"""``check``: shows what of this machine works, and what to do where something does not."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("check")
def check(
    *,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where results will go: is there space?")
    ] = Path("out"),
    flickr_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Server to reach instead of Flickr, such as the sandbox.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what of this machine works, and what to do.

    Libraries, device, encoders, disk, the form of the key and whether the API's server is reached.
    No API call is spent. Exit code 3 if commands will fail.
    """
    from flickr_emotion.machine import describe, look

    findings = list(look(out, flickr_url))
    show(json.dumps([it.content() for it in findings]) if as_json else describe(findings))
    if any(it.needed and it.state != "ok" for it in findings):
        raise typer.Exit(3)
