"""`report`: what runs are worth, as a page to look at and as figures and tables to print."""

from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.common.presentation.drawing import write_drawing
from flickr_emotion.common.presentation.tables import latex_table
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.whole_files import write_text
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.report.content import contents
from flickr_emotion.model.report.judging import judge
from flickr_emotion.model.report.page import report_page
from flickr_emotion.model.runs.files import run_around


def report(
    runs: Sequence[Path],
    html: Path,
    *,
    dataset: Path | None = None,
    figures: Path | None = None,
    latex: Path | None = None,
    device: str = "auto",
) -> None:
    """Write a report of one or more runs as a page; the runs stay as they are.

    All runs answer the test posts of ``dataset``, by default of the data set that they were trained
    on. ``figures``: a folder for each figure as SVG and PDF; ``latex``: a folder for each table.
    Raises ``ModelError`` if the runs cannot be judged together or a file cannot be written.

    >>> from pathlib import Path
    >>> from flickr_emotion import report
    >>> report([Path("run")], Path("report.html"), device="cpu")
    >>> "<h3" in Path("report.html").read_text(encoding="utf-8")
    True
    """
    _check_places(html, figures, latex)
    opened, judged = judge(runs, dataset, device=device)
    parts = contents(opened, judged)
    sections = [section for part in parts for section in part.sections]
    try:
        with new_file(html) as new:
            new.write_text(report_page(opened, parts), encoding="utf-8")
    except OSError as error:
        raise _unwritable("--html", html, error) from None
    if figures is not None:
        try:
            figures.mkdir(parents=True, exist_ok=True)
            for drawing in (drawing for section in sections for drawing in section.drawings):
                write_drawing(figures, drawing)
        except OSError as error:
            raise _unwritable("--figures", figures, error) from None
    if latex is not None:
        try:
            latex.mkdir(parents=True, exist_ok=True)
            for table in (table for section in sections for table in section.tables):
                write_text(latex / f"{table.name}.tex", latex_table(table))
        except OSError as error:
            raise _unwritable("--latex", latex, error) from None


def _check_places(html: Path, figures: Path | None, latex: Path | None) -> None:
    """Refuse what cannot be written, before anything is computed."""
    if html.is_dir() or not html.parent.is_dir():
        reason = "it is a folder" if html.is_dir() else "its folder is not there"
        raise ModelError(f"--html {html} cannot be written ({reason}): give another file")
    for option, place in (("--html", html), ("--figures", figures), ("--latex", latex)):
        if place is None:
            continue
        check_outside(place)
        if run := run_around(place):
            raise ModelError(f"{option} {place} lies inside the run {run}: give another place")
        if option != "--html" and place.exists() and not place.is_dir():
            raise ModelError(f"{option} {place} is a file: give a folder")


def _unwritable(option: str, place: Path, error: OSError) -> ModelError:
    return ModelError(
        f"{option} {place} cannot be written ({error.strerror or error}): give another place"
    )
