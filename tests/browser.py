"""A real Chromium for tests of pages: `make setup-browser` installs it.

Playwright drives the Chromium of the system. Nothing leaves this machine: a page may load files and
what loopback serves, and a test fails where it asks for anything else. axe-core judges whether a
page can be used by all. A module's tests share one browser, and each page is a new window.

Where something is missing the tests are skipped, with what is missing as the reason.

The pictures in `docs/` are taken by tests too, of what `make demo` has made:

    DEMO=demo PICTURES=docs python -m pytest -k pictures_for_the_documentation
"""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from PIL import Image

from flickr_emotion.common.checkout import PROJECT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

Scheme = Literal["light", "dark"]
WIDE, NARROW = (1280, 900), (390, 844)
"""Widths and heights in pixels: a desk and a telephone."""
SIZES = {"wide": WIDE, "narrow": NARROW}

_AXE = PROJECT / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SERIOUS = ("serious", "critical")

DEMO, PICTURES = os.environ.get("DEMO"), os.environ.get("PICTURES")
"""What pictures for the documentation are taken of, and where they go."""
needs_demo = pytest.mark.skipif(not (DEMO and PICTURES), reason="DEMO and PICTURES name no folders")
_LARGEST_PICTURE = 150_000

OpenPage = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A running Chromium. Playwright keeps an event loop, so it ends with the module's tests."""
    driver = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (make setup-browser)"
    )
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("chromium is not installed (make setup-browser)")
    # As root, as in a container, Chromium cannot make its sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    if not _AXE.is_file():
        pytest.skip("axe-core is not installed (make setup-browser)")
    return _AXE.read_text(encoding="utf-8")


@pytest.fixture
def open_page(chromium: "Browser") -> OpenPage:
    """A function that opens a URL in a new window: ``with open_page(url, WIDE, "dark") as page``.

    At its end it asserts that the page asked for nothing beyond this machine, that no script
    failed, and that nothing was refused by the page's own policy.
    """

    @contextmanager
    def opened(
        url: str, size: tuple[int, int] = WIDE, scheme: Scheme = "light"
    ) -> Iterator["Page"]:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        outside: list[str] = []
        complaints: list[str] = []

        def route(asked: "Route") -> None:
            where = urlsplit(asked.request.url)
            if where.scheme in ("file", "data", "blob") or where.hostname in _LOOPBACK:
                asked.continue_()
            else:
                outside.append(asked.request.url)
                asked.abort()

        def refuse(dialog: "Dialog") -> None:
            complaints.append(dialog.message)
            dialog.dismiss()

        context.route("**/*", route)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("dialog", refuse)
        try:
            page.goto(url)
            yield page
        finally:
            context.close()
        assert outside == []
        assert complaints == []

    return opened


def sideways(page: "Page") -> int:
    """Return by how many pixels a page can be scrolled sideways; it should be none."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def serious_findings(page: "Page", axe: str) -> list[str]:
    """Return what axe-core finds that is serious or critical, one line each."""
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("axe.run({preload: false})")
    return [
        f"{it['id']}: {it['help']} at {node['target']}: {node['failureSummary']}"
        for it in found["violations"]
        if it["impact"] in _SERIOUS
        for node in it["nodes"]
    ]


def heading_levels(page: "Page") -> list[int]:
    """Return the levels of a page's headings, in order."""
    found: list[int] = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(it => Number(it.tagName[1]))"
    )
    return found


def are_in_order(levels: list[int]) -> bool:
    """Return whether a page has one first heading, and no heading skips a level."""
    deeper = (below - above for above, below in pairwise(levels))
    return levels[:1] == [1] and levels.count(1) == 1 and max(deeper, default=0) <= 1


def screenshot(page: "Page", path: Path) -> None:
    """Save a picture of the whole page."""
    page.screenshot(path=path, full_page=True)


def keep_picture(taken: bytes, path: Path) -> None:
    """Write a picture for the documentation, in as many colours as 150 KB allow."""
    path.parent.mkdir(exist_ok=True)
    with Image.open(io.BytesIO(taken)) as picture:
        for colours in (256, 160, 96, 64):
            picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(
                path, optimize=True
            )
            if path.stat().st_size < _LARGEST_PICTURE:
                return
    raise AssertionError(f"{path} has {path.stat().st_size} bytes")
