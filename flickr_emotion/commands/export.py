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
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the files, to create or replace.")
    ],
    format: Annotated[Literal["onnx"], typer.Option(help="Format of the files.")] = "onnx",
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(help="Round weights to 8 bits: smaller files, slightly other answers."),
    ] = None,
) -> None:
    """Write a run's network for other programs.

    With a program that answers posts.
    """
    from flickr_emotion.model.export.export import export as run_export

    for path in run_export(run, out, format=format, quantize=quantize):
        files = [path] if path.is_file() else [it for it in path.rglob("*") if it.is_file()]
        show(f"{path} ({sum(it.stat().st_size for it in files) / 1e6:.2f} MB)")
