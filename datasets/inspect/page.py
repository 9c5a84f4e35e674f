"""Writes an inspection as one self-contained HTML page, with plots and thumbnails.

The content of a data set is untrusted. Every text, tag and label is escaped and its control
characters are replaced, every picture is decoded completely and, but for small JPEGs, encoded
again, and the page's content security policy forbids scripts and external resources.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.parquet_files import open_parquet
from flickr_emotion.common.printing import printable, shortened
from flickr_emotion.common.replacing import new_file
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.description.post_counts import posts_by_license, posts_by_preference
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.layout import check_outside
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.inspection import Inspection, Sample
from flickr_emotion.datasets.inspect.plots import histogram, stacked_bars
from flickr_emotion.datasets.inspect.suspects import Judged, suspects_on_page
from flickr_emotion.datasets.inspect.table import occurring, summary
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.pictures import prepare_picture

_THUMBNAIL = 160
_SHOWN_CHARACTERS = 400

_WHENCE = {
    "own": "The posts are the collector's own: they were not fetched from Flickr by this toolkit.",
    "other": "The posts are not from Flickr, but from another server in its place.",
}

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Data set</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }}
h2 {{ margin-top: 2em }}
svg {{ max-width: 100%; height: auto }}
table {{ border-collapse: collapse }}
th, td {{ padding: .15em .8em .15em 0; text-align: left; vertical-align: top }}
td.number, th.number {{ text-align: right }}
tr:last-child td {{ border-top: 1px solid #aaa }}
table.plain td {{ border: none }}
.samples {{ display: flex; flex-wrap: wrap; gap: 1em }}
.sample {{ width: 18em; overflow-wrap: anywhere }}
.sample img {{ display: block; max-width: 100% }}
.tags, .id {{ color: #666; font-size: 13px }}
</style>
</head>
<body>
<h1>Data set of {total} posts</h1>
<p>Content digest <code>{digest}</code></p>
"""
_END = "</body>\n</html>\n"


def write_page(inspection: Inspection, path: Path, judged: Sequence[Judged] = ()) -> None:
    """Write the page to ``path``, replacing an older file only when the page is complete.

    ``judged``: the posts with the judgement of their labels, of which the suspects are shown.
    Raises ``DatasetError`` if it cannot be written or a shard cannot be read.
    """
    check_outside(path)
    content = "".join([*_page(inspection), *_suspects(inspection.dataset, judged), _END])
    try:
        with new_file(path) as new:
            new.write_text(content, encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"--html {path} cannot be written: {error}") from None


def _text(text: str) -> str:
    return escape(printable(text))


def _page(inspection: Inspection) -> Iterable[str]:
    dataset = inspection.dataset
    described = dataset.described
    subsets = occurring(inspection.by_subset)
    yield _HEAD.format(
        total=sum(sum(counts.values()) for counts in inspection.by_label.values()),
        digest=_text(dataset.digest),
    )
    if whence := _WHENCE.get(str(described.get("service"))):
        yield f"<p>{whence}</p>\n"
    if reduced := described.get("reduced"):
        yield (
            f"<p>Reduced: a fraction of {_text(str(reduced.get('fraction')))} of the complete "
            "training posts is unchanged, the others keep one modality.</p>\n"
        )
    yield "<h2>Posts by label</h2>\n"
    yield stacked_bars("labels", inspection.by_label, SPLITS)
    yield _table(inspection.by_label, SPLITS)
    yield "<h2>Posts by modalities</h2>\n"
    yield stacked_bars("subsets", subsets, SPLITS)
    yield _table(subsets, SPLITS)
    yield "<h3>By label</h3>\n"
    yield _table(inspection.label_subsets, list(subsets))
    for title, counted in (
        ("licence", posts_by_license(dataset.counts)),
        ("preference", posts_by_preference(dataset.counts)),
    ):
        if counted:
            yield f"<h2>Posts by {title}</h2>\n"
            yield _table(counted, SPLITS)
    yield f"<h2>Texts</h2>\n<p>{_text(summary(inspection))}</p>\n"
    if told := inspection.texts():
        yield f"<p>{_text(told)}</p>\n"
    yield histogram("texts", inspection.text_bins(), "words in a text")
    yield "<h2>Tags of training posts</h2>\n<h3>Most frequent tags by label</h3>\n"
    yield _tags(inspection.frequent_tags)
    yield "<h3>Distinctive tags by label</h3>\n"
    yield _tags(inspection.telling_tags)
    if leakage := inspection.leakage():
        yield "<h2>Leakage: posts that share something with a training post</h2>\n"
        yield _rows(leakage.items())
    yield "<h2>Not in the data set</h2>\n"
    excluded = described.get("excluded") or {}
    yield _rows((reason, str(count)) for reason, count in excluded.items())
    yield "<h2>Samples of training posts</h2>\n"
    pictures = _pictures(dataset, [sample.row for sample in inspection.samples])
    for label in dataset.classes:
        yield f'<h3>{_text(label)}</h3>\n<div class="samples">\n'
        for sample in inspection.samples:
            if sample.label == label:
                yield _sample(sample, pictures.get(sample.row))
        yield "</div>\n"


def _suspects(dataset: Dataset, judged: Sequence[Judged]) -> Iterable[str]:
    if not judged:
        return
    shown = suspects_on_page(dataset, judged)
    count = sum(post.suspect for post in judged)
    yield f"<h2>Labels that look wrong</h2>\n<p>{count} of {len(judged)} labels; the first "
    yield f'{len(shown)} are shown.</p>\n<div class="samples">\n'
    pictures = {
        split: _pictures(dataset, [post.row for post, _ in shown if post.split == split], split)
        for split in SPLITS
    }
    for post, sample in shown:
        votes = "" if post.votes is None else f", {post.votes} votes"
        said = f"{post.label}{votes}: rather {post.suggested} (score {post.score:.3f})"
        yield _sample(sample, pictures[post.split].get(post.row), said)
    yield "</div>\n"


def _table(rows: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    totals = {column: sum(counts[column] for counts in rows.values()) for column in columns}
    head = "".join(f'<th class="number">{_text(column)}</th>' for column in (*columns, "all"))
    lines = [f"<table>\n<tr><th></th>{head}</tr>\n"]
    for name, counts in [*rows.items(), ("all", totals)]:
        numbers = [counts[column] for column in columns]
        cells = "".join(f'<td class="number">{n}</td>' for n in (*numbers, sum(numbers)))
        lines.append(f"<tr><td>{_text(name)}</td>{cells}</tr>\n")
    return "".join([*lines, "</table>\n"])


def _tags(tags: Mapping[str, list[tuple[str, int]]]) -> str:
    return _rows(
        (label, ", ".join(f"{tag} {count}" for tag, count in counted) or "none")
        for label, counted in tags.items()
    )


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>\n" for name, value in rows]
    return f'<table class="plain">\n{"".join(lines)}</table>\n'


def _sample(sample: Sample, picture: bytes | None, said: str = "") -> str:
    parts = ['<div class="sample">']
    parts += [f"<div><b>{_text(said)}</b></div>"] if said else []
    if picture is not None:
        try:
            thumbnail = prepare_picture(picture, short_side=_THUMBNAIL).jpeg
            data = base64.b64encode(thumbnail).decode()
            parts.append(f'<img src="data:image/jpeg;base64,{data}" alt="">')
        except UnreadablePictureError as error:
            parts.append(f"<p>The picture {_text(str(error))}</p>")
    text = shortened(sample.text or "", _SHOWN_CHARACTERS)
    parts += [f"<div>{_text(text)}</div>"] if text else []
    parts += [f'<div class="tags">{_text(", ".join(sample.tags))}</div>'] if sample.tags else []
    parts.append(f'<div class="id">{_text(f"{sample.photo_id} ({sample.subset})")}</div></div>\n')
    return "\n".join(parts)


def _pictures(dataset: Dataset, rows: Sequence[int], split: str = TRAIN) -> dict[int, bytes]:
    """Return the pictures of some posts of a split by row, reading only the needed row groups."""
    wanted = set(rows)
    pictures: dict[int, bytes] = {}
    first = 0
    for shard in dataset.shards(split):
        try:
            checks = dataset.group_checks(shard, ["image"])
            with open_parquet(shard) as file:
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).num_rows
                    here = [row for row in wanted if first <= row < first + size]
                    if here:
                        checks.group(group)
                        column = file.read_row_group(group, columns=["image"])["image"]
                        for row in here:
                            if held := column[row - first].as_py():
                                pictures[row] = held["bytes"]
                    first += size
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{shard} cannot be read ({error})") from None
    return pictures
