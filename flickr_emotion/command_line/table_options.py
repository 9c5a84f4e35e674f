"""The options of all commands that take posts of one's own."""

from typing import Annotated

import typer

Columns = Annotated[
    str | None,
    typer.Option(
        metavar="MEANING=NAME,...",
        help="Which columns hold what, such as image=image_path,label=emotion; by default they are "
        "told by their names.",
        show_default=False,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoding of a text file, such as cp1252; by default it is told by its content.",
        show_default=False,
    ),
]
