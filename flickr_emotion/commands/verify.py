"""``verify``: checks whether files on disk are damaged."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("verify")
def verify(
    *,
    path: Annotated[
        Path,
        typer.Argument(metavar="D|R|H|M", help="Data set, run or harvest folder, or manifest."),
    ],
    deep: Annotated[
        bool, typer.Option("--deep", help="Also decode every picture (data sets only).")
    ] = False,
    mend: Annotated[
        bool,
        typer.Option(
            "--mend",
            help="Remove damaged pictures; the next crawl fetches them (harvests only).",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check whether a folder or manifest on disk is damaged.

    Exit code 3 if it is.
    """
    from flickr_emotion.datasets.verification.folders import (
        Verdict,
        kind_of,
        verify_dataset,
        verify_manifest_file,
    )
    from flickr_emotion.datasets.verification.harvest import verify_harvest

    kind = kind_of(path)
    if (deep and kind != "data set") or (mend and kind != "harvest"):
        raise typer.BadParameter(f"{path} is a {kind}: omit {'--deep' if deep else '--mend'}")
    if kind == "data set":
        found = verify_dataset(path, deep=deep)
    elif kind == "harvest":
        found = verify_harvest(path, mend=mend)
    elif kind == "manifest":
        found = verify_manifest_file(path)
    else:
        from flickr_emotion.model.runs.digests import verify_run

        found = Verdict(kind="run", path=path, damaged=verify_run(path))
        found.checked = "its files by their digests"
    show(json.dumps(found.content()) if as_json else found.lines())
    if found.damaged:
        raise typer.Exit(3)
