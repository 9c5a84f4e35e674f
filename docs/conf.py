"""How Sphinx makes the site from this folder: `make docs`."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

project = "Flickr emotion toolkit"
release = _PROJECT["version"]
copyright = "the authors of the Flickr emotion toolkit"
html_title = f"{project} {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
# Anchors as GitHub makes them, so that a link works on both.
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # mermaid, which only GitHub draws

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

# Furo brings its fonts, styles and scripts; nothing is loaded from elsewhere.
html_theme = "furo"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False


def _add_options(app, what, name, found, options, lines: list[str]) -> None:
    """Say of each option of a dataclass what its help says."""
    from dataclasses import is_dataclass

    from flickr_emotion.common.options import options_of

    if isinstance(found, type) and is_dataclass(found):
        lines += [
            "",
            *(
                f":param {it}: {said.help.replace('*', '')}"
                for it, said in options_of(found).items()
            ),
        ]


def setup(app) -> None:
    """Connect this module with Sphinx."""
    app.connect("autodoc-process-docstring", _add_options)
