"""Writes an inspection as one self-contained HTML page, with plots and thumbnails."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from flickr_emotion.common.modalities import subset_in_words
from flickr_emotion.common.presentation.drawing import Drawing, inline_svg
from flickr_emotion.common.presentation.page import document, html_figure, html_table, safe
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.description.post_counts import posts_by_license, posts_by_preference
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.inspection import Inspection
from flickr_emotion.datasets.inspect.plots import histogram, stacked_bars
from flickr_emotion.datasets.inspect.post_cards import post_card
from flickr_emotion.datasets.inspect.samples import pictures_at
from flickr_emotion.datasets.inspect.suspects import Judged, suspects_on_page
from flickr_emotion.datasets.inspect.table import occurring, summary
from flickr_emotion.datasets.inspect.tag_counts import tags_in_words

_WHENCE = {
    "own": "The posts are the collector's own: they were not fetched from Flickr by this toolkit.",
    "other": "The posts are not from Flickr, but from another server in its place.",
}


def write_page(inspection: Inspection, path: Path, judged: Sequence[Judged] = ()) -> None:
    """Write the page to ``path``, replacing an older file only when the page is complete.

    ``judged``: the posts with the judgement of their labels, of which the suspects are shown.
    Raises ``DatasetError`` if it cannot be written or a shard cannot be read.
    """
    check_outside(path)
    total = sum(sum(counts.values()) for counts in inspection.by_label.values())
    parts = [*_page(inspection), *_suspects(inspection.dataset, judged)]
    content = "".join(document(f"Data set of {total:,} posts", _lead(inspection.dataset), parts))
    try:
        with new_file(path) as new:
            new.write_text(content, encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"--html {path} cannot be written: {error}") from None


def _lead(dataset: Dataset) -> str:
    described = dataset.described
    lines = [f"<p>Content digest <code>{safe(dataset.digest)}</code></p>\n"]
    if whence := _WHENCE.get(str(described.get("service"))):
        lines.append(f"<p>{whence}</p>\n")
    if reduced := described.get("reduced"):
        lines.append(
            f"<p>Reduced: a fraction of {safe(reduced.get('fraction'))} of the complete "
            "training posts is unchanged, the others keep one modality.</p>\n"
        )
    return "".join(lines)


def _page(inspection: Inspection) -> Iterator[str]:
    dataset = inspection.dataset
    held = occurring(inspection.by_subset)
    subsets = {subset_in_words(subset): counts for subset, counts in held.items()}
    by_label = {
        label: {subset_in_words(subset): counts[subset] for subset in held}
        for label, counts in inspection.label_subsets.items()
    }
    yield "<h2>Posts by label</h2>\n"
    yield from _beside(
        _plot(stacked_bars("labels", "Posts by label", inspection.by_label, SPLITS)),
        _counts("Posts by label and split", inspection.by_label, SPLITS),
    )
    yield "<h2>Posts by modalities</h2>\n"
    yield from _beside(
        _plot(stacked_bars("subsets", "Posts by what they have", subsets, SPLITS)),
        _counts("Posts by what they have and split", subsets, SPLITS),
    )
    yield _counts("Posts by label and by what they have", by_label, list(subsets))
    for title, counted in (
        ("licence", posts_by_license(dataset.counts)),
        ("preference", posts_by_preference(dataset.counts)),
    ):
        if counted:
            yield f"<h2>Posts by {title}</h2>\n"
            yield _counts(f"Posts by {title} and split", counted, SPLITS)
    yield f"<h2>Texts</h2>\n<p>{safe(summary(inspection))}</p>\n"
    if told := inspection.texts():
        yield f"<p>{safe(told)}</p>\n"
    bins = inspection.text_bins()
    yield _plot(histogram("texts", "Lengths of texts", bins, "words in a text", "texts"))
    yield "<h2>Tags of training posts</h2>\n"
    yield _list(
        "Most frequent tags by label, with the posts that have them",
        tags_in_words(inspection.frequent_tags),
    )
    yield _list(
        "Distinctive tags by label, with the posts that have them",
        tags_in_words(inspection.telling_tags),
    )
    if leakage := inspection.leakage():
        yield "<h2>Leakage</h2>\n"
        yield _list("Posts that share something with a training post", leakage.items())
    yield "<h2>Not in the data set</h2>\n"
    excluded = dataset.described.get("excluded") or {}
    yield _list("Reasons, and posts", ((reason, str(n)) for reason, n in excluded.items()))
    yield "<h2>Samples of training posts</h2>\n"
    pictures = pictures_at(dataset, TRAIN, [sample.row for sample in inspection.samples])
    for label in dataset.classes:
        yield f'<h3>{safe(label)}</h3>\n<ul class="posts">\n'
        for sample in inspection.samples:
            if sample.label == label:
                yield post_card(sample, pictures.get(sample.row))
        yield "</ul>\n"


def _suspects(dataset: Dataset, judged: Sequence[Judged]) -> Iterator[str]:
    if not judged:
        return
    shown = suspects_on_page(dataset, judged)
    count = sum(post.suspect for post in judged)
    yield f"<h2>Labels that look wrong</h2>\n<p>{count} of {len(judged)} labels; the first "
    yield f'{len(shown)} are shown.</p>\n<ul class="posts">\n'
    pictures = {
        split: pictures_at(dataset, split, [post.row for post, _ in shown if post.split == split])
        for split in SPLITS
    }
    for post, sample in shown:
        votes = "" if post.votes is None else f", {post.votes} votes"
        said = f"{post.label}{votes}: rather {post.suggested} (score {post.score:.3f})"
        yield post_card(sample, pictures[post.split].get(post.row), said=said, level=3)
    yield "</ul>\n"


def _beside(*parts: str) -> Iterator[str]:
    yield from ('<div class="grid">\n', *parts, "</div>\n")


def _plot(drawing: Drawing) -> str:
    return html_figure(inline_svg(drawing), drawing.title)


def _counts(title: str, rows: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    totals = {column: sum(counts[column] for counts in rows.values()) for column in columns}
    lines = []
    for name, counts in [*rows.items(), ("all", totals)]:
        numbers = [counts[column] for column in columns]
        lines.append([name, *map(str, (*numbers, sum(numbers)))])
    return html_table(
        Table(name="counts", title=title, head=["", *columns, "all"], rows=lines, total=True)
    )


def _list(title: str, rows: Iterable[tuple[str, str]]) -> str:
    texts = frozenset({0, 1})
    return html_table(Table(name="list", title=title, head=["", ""], rows=[*rows], texts=texts))
