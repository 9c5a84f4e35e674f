"""``manifest export``, ``verify`` and ``diff``: share data sets without their content."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@command("export")
def export(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    out: Annotated[
        Path, typer.Option(metavar="M", help="Manifest (a Parquet file) to create or replace.")
    ],
    with_urls: Annotated[
        bool, typer.Option("--with-urls", help="Add the pictures' URLs, for other tools.")
    ] = False,
) -> None:
    """Write a manifest, from which others can fetch the posts.

    They can build the same data set from them.
    """
    from flickr_emotion.datasets.manifests.export import export_manifest

    posts = export_manifest(dataset, out, with_urls=with_urls)
    show(f"{posts} posts in {out}, {out.stat().st_size / posts:.0f} bytes each")


@command("verify")
def verify(
    *,
    manifest: Annotated[Path, typer.Argument(metavar="M", help="Manifest.")],
    harvest: Annotated[Path, typer.Argument(metavar="H", help="Harvest folder made from it.")],
    as_json: _AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File for each post's verdict, .parquet or .csv."),
    ] = None,
) -> None:
    """Count the posts that a harvest holds unchanged.

    Exit code 3 if some are not.
    """
    from flickr_emotion.datasets.manifests.verify import verify_manifest

    found = verify_manifest(manifest, harvest, out=out)
    show(json.dumps(found.content()) if as_json else found.table())
    if not found.all_same:
        raise typer.Exit(3)


@command("diff")
def diff(
    *,
    manifest_a: Annotated[Path, typer.Argument(metavar="A", help="Manifest.")],
    manifest_b: Annotated[Path, typer.Argument(metavar="B", help="Another manifest.")],
    as_json: _AsJson = False,
) -> None:
    """Count the differences between two manifests.

    Exit code 3 if there are any.
    """
    from flickr_emotion.datasets.manifests.diff import diff_manifests

    found = diff_manifests(manifest_a, manifest_b)
    show(json.dumps(found.content()) if as_json else found.table())
    if not found.equal:
        raise typer.Exit(3)
