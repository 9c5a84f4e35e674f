"""``takedown``: withdraws posts from every folder that holds them."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command

_IN = "--in"


@command("takedown")
def takedown(
    *,
    photos: Annotated[
        list[str] | None,
        typer.Argument(metavar="PHOTO_ID|PAGE_URL", help="Photos to withdraw."),
    ] = None,
    folders: Annotated[
        list[Path],
        typer.Option(
            _IN,
            metavar="FOLDER...",
            help="Harvest, data set and run folders to remove the posts from; all after one --in.",
        ),
    ],
    owner: Annotated[
        list[str] | None,
        typer.Option(metavar="NSID", help="Withdraw all posts of an owner; can be repeated."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Withdraw the photos that a text file names, one a line, or those that a manifest "
            "says are withdrawn.",
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="The reason, which stays with the tombstones.")
    ] = "withdrawn by its owner",
) -> None:
    """Remove posts from harvests, data sets and runs for good.

    Exit code 3 if a file is left.
    """
    from flickr_emotion.harvest.takedown.requests import withdrawal_of
    from flickr_emotion.takedown import take_down_everywhere

    withdrawal = withdrawal_of(photos or (), owner or (), file, reason)
    report = take_down_everywhere(withdrawal, folders)
    for line in report.lines:
        show(line)
    for name in report.left:
        show(f"{name} is not a file of this program and names a withdrawn post: remove it yourself")
    if report.left:
        raise typer.Exit(3)


def spread(arguments: list[str]) -> list[str]:
    """Repeat ``--in`` before each of the folders that follow it: click takes one value each."""
    if arguments[:1] != ["takedown"]:
        return arguments
    found: list[str] = []
    several = False
    for argument in arguments:
        if several and not argument.startswith("-"):
            if found[-1] != _IN:
                found.append(_IN)
        else:
            several = argument == _IN or argument.startswith(f"{_IN}=")
        found.append(argument)
    return found
