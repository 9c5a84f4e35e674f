"""`reproduce`: trains what a table or figure of the paper needs and writes it beside the paper's.

The JSON file holds everything; the other files are made from it.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.presentation.drawing import Drawing, write_drawing
from flickr_emotion.common.presentation.tables import latex_table
from flickr_emotion.common.printing import say
from flickr_emotion.common.whole_files import write_json, write_text
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.model.config import LABEL, TrainingConfig
from flickr_emotion.model.departures import departures
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.reproduction import markdown
from flickr_emotion.model.reproduction.cell import Cell
from flickr_emotion.model.reproduction.cells import Cells, Finished
from flickr_emotion.model.reproduction.composition import COMPOSITION
from flickr_emotion.model.reproduction.confusion import CONFUSION
from flickr_emotion.model.reproduction.estimates import INTERVALS
from flickr_emotion.model.reproduction.experiment import Content, Experiment
from flickr_emotion.model.reproduction.paper import ALL, TARGETS
from flickr_emotion.model.reproduction.sweep import SWEEP
from flickr_emotion.model.reproduction.tables import TABLES

EXPERIMENTS: dict[str, Experiment] = {
    **TABLES,
    "figure3": COMPOSITION,
    "figure4": CONFUSION,
    "figure5": SWEEP,
}
assert EXPERIMENTS.keys() == set(TARGETS)


def reproduce(
    target: str,
    *,
    dataset: Path,
    out: Path,
    settings: TrainingConfig,
    only: str | None = None,
) -> str | None:
    """Write ``target``.md, .json, .tex, .png, .svg and .pdf into ``out``; return the Markdown.

    The target ``all`` stands for all of them, one after the other. ``settings`` apply to every
    training; they give the first seed and the number of seeds. With ``only``, just the cells that
    match are trained, and None is returned if others are missing.
    Raises ``ModelError`` for an unknown target, and ``KeyboardInterrupt`` after a signal: finished
    cells are kept in ``out/cells``.

    >>> from pathlib import Path
    >>> from flickr_emotion import TrainingConfig, reproduce
    >>> settings = TrainingConfig(repeats=1)
    >>> text = reproduce("figure3", dataset=Path("dataset"), out=Path("paper"), settings=settings)
    >>> (text or "").splitlines()[0]
    '# Figure 3: what the data set is made of, in the paper Flickr Emotion'
    """
    if target not in (*EXPERIMENTS, ALL):
        raise ModelError(f"target {target!r} is not known: give {', '.join(TARGETS)} or {ALL}")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ModelError(
            "`reproduce` runs in one process: omit torchrun; several can share cells with --only"
        )
    if settings.target != LABEL:
        raise ModelError("the paper's networks learn labels: omit --target")
    targets = TARGETS if target == ALL else (target,)
    opened = open_dataset(dataset)
    seeds = range(settings.seed, settings.seed + settings.repeats)
    wanted = {each: EXPERIMENTS[each].cells(opened, seeds) for each in targets}
    try:
        out.mkdir(parents=True, exist_ok=True)
        cells = Cells(out / "cells", opened, settings)
        every = list(dict.fromkeys(cell for each in targets for cell in wanted[each]))
        found = cells.train(every, only)
        trained = {cell: done for cell, done in zip(every, found, strict=True) if done}
        texts = [
            _target(each, wanted[each], trained, opened, cells, seeds, out) for each in targets
        ]
    except OSError as error:
        raise ModelError(
            f"{target} cannot be written to {out} ({error.strerror or error}): free some space, or "
            "give --out another folder; finished cells are kept"
        ) from None
    return None if None in texts else "\n\n".join(filter(None, texts))


def _target(
    target: str,
    wanted: list[Cell],
    trained: dict[Cell, Finished],
    dataset: Dataset,
    cells: Cells,
    seeds: range,
    out: Path,
) -> str | None:
    """Write a target whose cells are all trained; return its Markdown, else None."""
    if lacking := len([cell for cell in wanted if cell not in trained]):
        say(f"{lacking} of the {len(wanted)} cells of {target} are not trained yet: no {target}")
        return None
    experiment = EXPERIMENTS[target]
    content = {
        "target": target,
        "title": experiment.title,
        "dataset": _described(dataset),
        # Figure 3 depends on the data set only.
        "settings": cells.options | {"seeds": list(seeds)} if wanted else None,
        **experiment.content(dataset, trained, seeds),
    }
    return _write(out, target, experiment, content)


def _described(dataset: Dataset) -> dict[str, Any]:
    return {
        "digest": dataset.digest,
        "kind": dataset.kind,
        "service": dataset.service,
        "posts": {split: counts["total"] for split, counts in dataset.counts.items()},
    }


def _write(out: Path, target: str, experiment: Experiment, content: Content) -> str:
    text = "\n".join(_lines(target, experiment, content)) + "\n"
    # Processes that share the cells may finish at the same time.
    with FileLock(out / f".{target}.lock"):
        write_json(out / f"{target}.json", content)
        write_text(out / f"{target}.md", text)
        write_text(out / f"{target}.tex", _latex(target, experiment, content))
        drawing = Drawing(
            name=target,
            title=content["title"],
            said="The tables have its numbers.",
            draw=lambda figure: experiment.draw(content, figure),
            size=experiment.size(content),
        )
        write_drawing(out, drawing, ("png", "svg", "pdf"))
    return text


def _lines(target: str, experiment: Experiment, content: Content) -> list[str]:
    posts = content["dataset"]["posts"]
    settings = content["settings"]
    lines = [
        f"# {content['title']}",
        "",
        f"Data set {content['dataset']['digest'][:12]} ({content['dataset']['service']}): "
        + ", ".join(f"{count:,} {split}" for split, count in posts.items())
        + ".",
    ]
    if settings:
        lines.append(
            f"Repeats with the seeds {', '.join(map(str, settings['seeds']))}; "
            f"{settings['image_encoder']}, rate {settings['learning_rate']:g}, "
            f"batches of {settings['batch_size']}, at most {settings['epochs']} epochs. "
            "Accuracies in per cent."
        )
        if other := departures(settings, MODALITIES):
            lines += ["", f"Not as in the paper: {'; '.join(other)}."]
    lines += ["", *experiment.markdown(content), ""]
    if content["claims"]:
        claims = markdown.claims(content["claims"], target)
        lines += [*table_lines(claims.head, claims.rows), ""]
    if settings:
        lines += [INTERVALS, ""]
    return [*lines, f"![{target}]({target}.svg)"]


def _latex(target: str, experiment: Experiment, content: Content) -> str:
    tables = experiment.tables(content)
    if content["claims"]:
        tables.append(markdown.claims(content["claims"], target))
    return "\n".join(latex_table(replace(it, subject=content["title"])) for it in tables)
