"""``status``: shows the outcomes of a harvest."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("status")
def status(
    *,
    harvest: Annotated[Path, typer.Argument(metavar="H", help="Harvest folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the outcomes of a harvest.

    Also during a crawl, and whether one is at work.
    """
    from flickr_emotion.harvest.crawl.status import describe, harvest_status

    found = harvest_status(harvest)
    if as_json:
        show(json.dumps(found))
        return
    show(describe(found))
    show("a crawl is at work" if found["at_work"] else "no crawl is at work")
