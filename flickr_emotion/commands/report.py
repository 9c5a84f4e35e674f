"""``report``: shows what runs are worth, on a page and in figures and tables to print."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.model.config import TrainingConfig


@command("report", options=TrainingConfig, only=("device",))
def report(
    config: TrainingConfig,
    *,
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="R", help="Run folders; others are compared with the first."),
    ],
    html: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="D",
            help="Judge on the test posts of this data set; by default the runs' own.",
            show_default=False,
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Also write each figure as SVG and PDF.", show_default=False
        ),
    ] = None,
    latex: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write each table as LaTeX.", show_default=False),
    ] = None,
) -> None:
    """Write a page on what runs are worth.

    Figures, confusions, curves and surest errors.
    """
    from flickr_emotion.model.report.report import report as run_report

    run_report(runs, html, dataset=data, figures=figures, latex=latex, device=config.device)
    show(f"{html} ({html.stat().st_size / 1e6:.2f} MB)")
