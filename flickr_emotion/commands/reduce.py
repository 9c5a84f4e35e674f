"""``reduce``: makes a data set with fewer complete posts, as in section 4.2.2 of the paper."""

from pathlib import Path
from typing import Annotated

import typer

from flickr_emotion.command_line.output import show
from flickr_emotion.command_line.parameters import command


@command("reduce")
def reduce(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="D", help="Data set folder.")],
    fraction: Annotated[
        float,
        typer.Option(
            metavar="X", min=0, max=1, help="Fraction of training posts that stay complete."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="D", help="Folder of the new data set, to create or replace.")
    ],
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="Random seed of the reduction.")
    ] = 0,
) -> None:
    """Remove modalities from training posts.

    To study training on incomplete posts.
    """
    from flickr_emotion.common.modalities import COMPLETE
    from flickr_emotion.common.split_names import TRAIN
    from flickr_emotion.datasets.build.reduce import reduce_dataset

    counts = reduce_dataset(dataset, out, fraction=fraction, seed=seed)["counts"][TRAIN]
    complete = counts["subsets"].get(COMPLETE, 0)
    show(f"{complete:,} of {counts['total']:,} training posts are complete in {out}")
