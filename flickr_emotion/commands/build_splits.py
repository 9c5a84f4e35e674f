"""``build-splits``: builds a data set folder from posts."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command
from flickr_emotion.command_line.table_options import Columns, Encoding
from flickr_emotion.common.printing import say
from flickr_emotion.datasets.rules.options import BuildOptions


@command("build-splits", options=BuildOptions)
def build_splits(
    options: BuildOptions,
    *,
    posts: Annotated[
        Path,
        typer.Argument(metavar="H", help="Harvest folder, or a table or folder of your own posts."),
    ],
    out: Annotated[Path, typer.Option(metavar="D", help="Data set folder to create or replace.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Labels of a harvest's photos, by photo id or URL, in place of its list's.",
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Apply this table of corrections, as `serve` writes it beside a data set.",
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Judge posts on this machine (local) or on a Ray cluster (ray)."),
    ] = "local",
    columns: Columns = None,
    encoding: Encoding = None,
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Processes that judge posts; by default one for each core that may be used.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Build a data set from posts.

    Labels, texts, splits, and Parquet shards.
    """
    from flickr_emotion.datasets.build.build import build_splits as build
    from flickr_emotion.datasets.build.summary import describe
    from flickr_emotion.datasets.judging.no_pandas import without_pandas

    with without_pandas() if engine == "local" else nullcontext():
        built = build(
            posts,
            out,
            options,
            say,
            engine=engine,
            labels=labels,
            corrections=corrections,
            processes=processes,
            columns=columns,
            encoding=encoding,
        )
    show(describe(built))
