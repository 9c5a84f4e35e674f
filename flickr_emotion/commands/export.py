"""``export``: writes a run's network for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("export")
def export(
    *,
    run: Annotated[Path, typer.Argument(metavar="R", help="Run folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the files, to create or replace.")],
    format: Annotated[Literal["onnx"], typer.Option(help="Format of the files.")] = "onnx",
) -> None:
    """Write a run's network for other programs: one file for each subset of the modalities."""
    from flickr_emotion.model.prediction.export import export as run_export

    for path in run_export(run, out, format=format):
        show(f"{path} ({path.stat().st_size / 1e6:.2f} MB)")
