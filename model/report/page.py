"""A report as one self-contained HTML page."""

from collections.abc import Iterator, Sequence

from flickr_emotion.common.modalities import subset_in_words
from flickr_emotion.common.presentation.drawing import Drawing, inline_svg
from flickr_emotion.common.presentation.page import (
    document,
    html_details,
    html_facts,
    html_figure,
    html_table,
    safe,
)
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.split_names import TEST
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.post_cards import post_card
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.departures import departures
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.metrics import figures, majority
from flickr_emotion.model.evaluation.report import no_better, percent
from flickr_emotion.model.recipes import BEST, PAPER
from flickr_emotion.model.report.accuracies import interval_of, own_confusion
from flickr_emotion.model.report.content import RunReport, Section
from flickr_emotion.model.report.judging import JudgedRun
from flickr_emotion.model.report.surest_errors import SureError
from flickr_emotion.model.runs.withdrawn import in_words

_FROM = {
    "flickr": "Flickr",
    "other": "another server in Flickr's place",
    "own": "the collector",
}


def report_page(dataset: Dataset, parts: Sequence[RunReport]) -> str:
    """Return the page."""
    runs = [part for part in parts if part.run]
    title = f"Report of {', '.join(part.title for part in runs)}"
    lead = (
        f"<p>Judged on the {dataset.counts[TEST]['total']:,} test posts of the data set "
        f"<code>{safe(dataset.digest[:12])}</code>, from "
        f"{_FROM.get(dataset.service, 'elsewhere')}. Figures are in per cent where nothing else "
        "is said.</p>\n"
    )
    if len(parts) > 1:
        links = {part.key: part.title for part in parts}
    else:
        links = {f"{runs[0].key}-{it.key}": it.title for it in runs[0].sections}
    return "".join(document(title, lead, _parts(parts), links))


def _parts(parts: Sequence[RunReport]) -> Iterator[str]:
    for part in parts:
        yield f'<section aria-labelledby="{part.key}">\n'
        yield f'<h2 id="{part.key}">{safe(part.title)}</h2>\n'
        if part.run:
            yield _about(part.run)
        for section in part.sections:
            yield f'<h3 id="{part.key}-{section.key}">{safe(section.title)}</h3>\n'
            yield f"<p>{safe(section.told)}</p>\n" if section.told else ""
            yield from _section(section)
        yield "</section>\n"


def _about(run: JudgedRun) -> str:
    confusion = own_confusion(run)
    described = run.description
    always = majority(confusion, run.classes.index(run.majority))
    facts = [
        ("accuracy", percent(figures(confusion)["accuracy"])),
        ("95% interval", interval_of(confusion)),
        (f"always {run.majority}", percent(always["accuracy"])),
        ("system, recipe", f"{described.get('model', '')}, {described.get('recipe', PAPER)}"),
    ]
    if encoder := described.get("image_encoder"):
        facts.append(("image encoder", encoder))
    if run.metrics and "seeds" in run.metrics:
        facts.append(("seeds", f"{len(run.metrics['seeds'])}, this is {run.metrics['best_seed']}"))
    notes = [_not_as_in_the_paper(run)]
    if run.withdrawn:
        notes.append(f"Of the data set that it was trained on {in_words(run.withdrawn)}.")
    if not run.own_dataset:
        notes.append("These posts are not of the data set that the run was trained on.")
    notes += no_better(
        run.score.figures(), {s: matrix.tolist() for s, matrix in run.score.confusions.items()}
    )
    return html_facts(facts) + "".join(f"<p>{safe(note)}</p>\n" for note in notes if note)


def _not_as_in_the_paper(run: JudgedRun) -> str:
    try:
        config = TrainingConfig.of_options(run.description["options"])
        found = departures(config.options(), config.modalities)
    except (KeyError, TypeError, ModelError):  # a run of an earlier version
        return ""
    if config.recipe == BEST:
        return "Not the paper's network: the parts of the recipe replace the paper's choices."
    return f"Not as in the paper: {'; '.join(found)}." if found else ""


def _section(section: Section) -> Iterator[str]:
    if section.errors:
        yield '<ol class="posts">\n'
        yield from map(_error, section.errors)
        yield "</ol>\n"
    elif section.key == "classes":
        yield from _heads(section.drawings, section.tables)
    else:
        yield '<div class="grid">\n'
        yield from (html_figure(inline_svg(it), it.title) for it in section.drawings)
        yield from map(html_table, section.tables)
        yield "</div>\n"


def _heads(drawings: Sequence[Drawing], tables: Sequence[Table]) -> Iterator[str]:
    """Yield matrix and table of each head; that of each post's own head first, and open."""
    *heads, own = zip(drawings, tables, strict=True)
    yield f'<div class="grid">\n{html_figure(inline_svg(own[0]), own[0].title)}'
    yield f'{html_table(own[1])}</div>\n<div class="grid">\n'
    for drawing, table in heads:
        shown = html_details("Precision, recall and F1 of each class", html_table(table))
        yield f"<div>\n{html_figure(inline_svg(drawing), drawing.title)}{shown}</div>\n"
    yield "</div>\n"


def _error(error: SureError) -> str:
    table = Table(
        name="heads",
        title="What each head said, its probability, and that of the label",
        head=["head", "answer", "%", "label, %"],
        rows=[
            [words, answer, f"{100 * chance:.1f}", f"{100 * of_label:.1f}"]
            for words, answer, chance, of_label in error.heads
        ],
        texts=frozenset({0, 1}),
    )
    said = f"{error.answer} ({100 * error.probability:.1f} %), labelled {error.sample.label}"
    by = ""
    if error.read != error.sample.subset:  # the run has no head of all that the post has
        by = f'<p class="small">Answered by the head of {subset_in_words(error.read)}</p>\n'
    return post_card(error.sample, error.picture, said=said, more=by + html_table(table))
