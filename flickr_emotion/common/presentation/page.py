"""One self-contained HTML page: its frame, and the parts that all pages are made of.

What a page shows comes from others. Every text passes ``safe``, which escapes it and replaces its
control characters, and the page's content security policy forbids scripts and whatever lies
elsewhere, so that nothing in a page can act. Screen readers find landmarks, headings in order, and
a name for each table and figure.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from flickr_emotion.common.presentation.stylesheet import STYLESHEET
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.printing import printable

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)

_MOST_BESIDE = 6
"""A table of more columns does not fit beside a figure."""

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>{title}</h1>
{lead}</header>
"""


def safe(text: object) -> str:
    """Return a text as HTML that shows it, in one line, and does nothing else."""
    return escape(printable(str(text)))


def document(
    title: str, lead: str, parts: Iterable[str], contents: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield a page in pieces.

    ``lead`` stands below the title, and ``parts`` are the content, both HTML already. ``contents``:
    the names of the sections by their ids, for the list of links at the top.
    """
    yield _HEAD.format(policy=_POLICY, title=safe(title), style=STYLESHEET, lead=lead)
    if contents:
        links = "".join(
            f'<li><a href="#{it}">{safe(name)}</a></li>\n' for it, name in contents.items()
        )
        yield f'<nav class="contents" aria-label="Contents">\n<ul>\n{links}</ul>\n</nav>\n'
    yield '<main id="content">\n'
    yield from parts
    yield "</main>\n</body>\n</html>\n"


def html_table(table: Table) -> str:
    """Return a table in a frame of its own, which scrolls sideways if it has to.

    A screen reader reads the title as the table's name, and the heads of row and column with each
    cell.
    """
    classes = ["" if column in table.texts else ' class="number"' for column in table.columns]
    head = "".join(
        f'<th scope="col"{css}>{safe(name)}</th>' if name else f"<td{css}></td>"
        for css, name in zip(classes, table.head, strict=True)
    )
    body = []
    for number, row in enumerate(table.rows):
        last = table.total and number == len(table.rows) - 1
        row_class = ' class="total"' if last else ""
        cells = [f'<th scope="row"{classes[0]}>{safe(row[0])}</th>']
        cells += [
            f"<td{css}>{safe(cell)}</td>" for css, cell in zip(classes[1:], row[1:], strict=True)
        ]
        body.append(f"<tr{row_class}>{''.join(cells)}</tr>\n")
    name = safe(table.title)
    heading = f"<thead>\n<tr>{head}</tr>\n</thead>\n" if any(table.head) else ""
    wide = ' class="wide"' if len(table.head) > _MOST_BESIDE else ""
    return (
        f"<figure{wide}>\n<figcaption>{name}</figcaption>\n"
        f'<div class="frame" role="region" aria-label="{name}" tabindex="0">\n'
        f'<table aria-label="{name}">\n{heading}<tbody>\n'
        f"{''.join(body)}</tbody>\n</table>\n"
        "</div>\n</figure>\n"
    )


def html_figure(svg: str, title: str) -> str:
    """Return an inline SVG under its title."""
    return f"<figure>\n<figcaption>{safe(title)}</figcaption>\n{svg}</figure>\n"


def html_facts(facts: Sequence[tuple[str, object]]) -> str:
    """Return a list of names and values."""
    pairs = "".join(
        f"<div><dt>{safe(name)}</dt><dd>{safe(value)}</dd></div>\n" for name, value in facts
    )
    return f"<dl>\n{pairs}</dl>\n"


def html_picture(jpeg: bytes, said: str) -> str:
    """Return a JPEG within the page; ``said`` stands for it where it is not seen."""
    data = base64.b64encode(jpeg).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{safe(said)}">\n'


def html_details(summary: str, content: str) -> str:
    """Return content that is shown when its summary is opened."""
    return f"<details>\n<summary>{safe(summary)}</summary>\n{content}</details>\n"
