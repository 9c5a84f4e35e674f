"""Makes pages of templates. All that is shown passes ``printable`` and is escaped."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flickr_emotion.common.presentation.stylesheet import STYLESHEET
from flickr_emotion.common.printing import printable, shortened

_FILES = Path(__file__).with_name("files")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Each value, before it is escaped: texts of others hold control characters.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    made.filters["shortened"] = shortened
    made.filters["count"] = lambda number: f"{number:,}"
    made.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    return made


def page(template: str, values: Mapping[str, Any]) -> str:
    """Return the HTML of a template."""
    return _environment().get_template(template).render(values)


@cache
def stylesheet() -> str:
    """Return the style sheet: that of all our pages, and what this one adds."""
    return STYLESHEET + (_FILES / "page.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return the page's script."""
    return (_FILES / "page.js").read_text(encoding="utf-8")
