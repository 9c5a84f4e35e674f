"""The site is built without a warning, and asks for nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

PACKAGES = PROJECT / ".docs_packages"
DOCS = PROJECT / "docs"


class Loaded(HTMLParser):
    """Collects what a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = {"script": "src", "img": "src", "link": "href", "iframe": "src", "object": "data"}
        if tag in loads and given.get(loads[tag]) and given.get("rel") != "canonical":
            self.urls.append(str(given[loads[tag]]))


@pytest.mark.slow
@pytest.mark.skipif(not PACKAGES.is_dir(), reason="Sphinx is not installed (make setup-docs)")
def test_it_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Warnings are links and anchors that lead nowhere, pages in no menu, docstrings that break."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dirhtml"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), str(DOCS), str(tmp_path / "html")],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = [*(tmp_path / "html").rglob("*.html")]
    assert len(pages) > len([*DOCS.glob("*.md")])
    for page in pages:
        loaded = Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        elsewhere = [url for url in loaded.urls if re.match(r"(https?:)?//", url)]
        assert elsewhere == [], page
    for style in (tmp_path / "html").rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", text), style
    interface = (tmp_path / "html" / "api" / "index.html").read_text(encoding="utf-8")
    assert {f"flickr_emotion.{name}" for name in public()} <= set(
        re.findall(r'id="(flickr_emotion\.\w+)"', interface)
    )


def public() -> list[str]:
    import flickr_emotion

    return flickr_emotion.__all__


def test_every_document_is_in_a_menu() -> None:
    """Without Sphinx, too."""
    menus = re.findall(r"^```\{toctree\}\n(.*?)^```$", (DOCS / "index.md").read_text(), re.M | re.S)
    named = {line for menu in menus for line in menu.splitlines() if re.fullmatch(r"[a-z-]+", line)}
    assert named == {path.stem for path in DOCS.glob("*.md")} - {"index"}


def test_links_between_documents_lead_somewhere() -> None:
    """Files and anchors, also of the README and the others at the top, which the site has not."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in [*PROJECT.glob("*.md"), *DOCS.rglob("*.md")]
    }
    broken = []
    for path, text in texts.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in anchors(texts[target])):
                broken.append(f"{path.relative_to(PROJECT)}: {link}")
    assert broken == []


def anchors(text: str) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
