"""The page in a real Chromium: every function, at two widths, by keyboard, light and dark."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.corrections.table import read_corrections
from flickr_emotion.datasets.inspect.suspects import SCHEMA
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.serve.server import PageServer
from flickr_emotion.serve.site import open_site
from tests.browser import (
    DEMO,
    NARROW,
    PICTURES,
    SIZES,
    WIDE,
    OpenPage,
    Scheme,
    are_in_order,
    heading_levels,
    keep_picture,
    needs_demo,
    serious_findings,
    sideways,
)
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.model.dataset_folder import picture

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

ANSWERED = 60_000
"""Milliseconds that an answer may take on a busy machine."""


@pytest.fixture(scope="module")
def harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched") / "harvest"
    posts = [*(post(n) for n in range(20)), post(20, status="deleted")]
    with SandboxServer(Corpus(posts)) as flickr:
        published_list = write_votes(folder.parent / "list", posts)
        crawl(options(published_list, folder, flickr), lambda line: None)
    return folder


@pytest.fixture
def served(own_data: Path, run: Path, harvest: Path) -> Iterator[PageServer]:
    """A page of a data set of its own, a run and a harvest."""
    judged = [
        {"photo_id": str(1000 + n), "split": "train", "label": "anger", "suggested": "awe"}
        | {"score": n / 10, "votes": 5, "suspect": True}
        for n in (4, 2)
    ]
    suspects = own_data.with_name("suspects.parquet")
    pq.write_table(pa.Table.from_pylist(judged, schema=SCHEMA), suspects)
    with PageServer(open_site([own_data, run, harvest], suspects=suspects)) as server:
        yield server


def go(page: "Page", address: str) -> None:
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/")[2] + address)


def tally(page: "Page", said: str) -> None:
    page.wait_for_function("said => document.getElementById('tally').innerText == said", arg=said)


def press(page: "Page", *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: "Page", what: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"{what} cannot be reached by keyboard")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
class TestFunctions:
    def test_posts_follow_the_filter_while_it_is_changed(
        self, open_page: OpenPage, server: PageServer, size: tuple[int, int]
    ) -> None:
        with open_page(server.url, size) as page:
            assert "token" not in page.url
            tally(page, "90 posts")
            page.get_by_role("combobox", name="Label", exact=True).select_option("awe")
            tally(page, "46 of 90 posts")
            page.get_by_role("combobox", name="Split", exact=True).select_option("test")
            tally(page, "6 of 90 posts")
            assert page.locator("#posts > li").count() == 6
            assert "label=awe&split=test" in page.url
            assert page.locator("select[name=label] option[value=anger]").inner_text() == (
                "anger (5)"
            )
            page.get_by_role("textbox", name="Words in the text", exact=True).fill("sky")
            tally(page, "4 of 90 posts")
            page.get_by_role("textbox", name="Tag", exact=True).fill("stars")
            tally(page, "4 of 90 posts")
            page.get_by_role("link", name="All posts").click()
            tally(page, "90 posts")
            page.get_by_label("nearly the same").check()
            page.wait_for_function("() => document.querySelectorAll('#posts > li').length > 1")
            assert sideways(page) == 0

    def test_suspects_licences_owners_and_near_posts(
        self, open_page: OpenPage, served: PageServer, size: tuple[int, int]
    ) -> None:
        with open_page(served.url, size) as page:
            page.get_by_label("label looks wrong").check()
            tally(page, "2 of 90 posts")
            first = page.locator("#posts > li").first
            assert "looks like awe (score 0.200)" in first.inner_text()
            first.get_by_role("link").click()
            assert "1 of 2" in page.get_by_role("navigation", name="Posts").inner_text()
            page.get_by_role("link", name="o", exact=True).click()
            tally(page, "90 of 90 posts")
            licence = page.get_by_role("combobox", name="Licence", exact=True)
            licence.select_option("CC BY 2.0")
            page.wait_for_url("**license=CC+BY+2.0**")
            tally(page, "90 of 90 posts")
            go(page, "/post/88")
            page.get_by_role("link", name="Posts that are nearly the same").click()
            tally(page, "2 of 90 posts")
            page.get_by_label("like post 88").uncheck()
            tally(page, "90 posts")

    def test_more_posts_and_their_pictures_come_as_one_scrolls(
        self, open_page: OpenPage, server: PageServer, size: tuple[int, int]
    ) -> None:
        with open_page(server.url, size) as page:
            before = page.locator("#posts > li").count()
            assert before < 90
            asked: list[str] = []
            page.on("request", lambda it: asked.append(it.url))
            for _ in range(40):
                page.mouse.wheel(0, 4000)
                page.wait_for_timeout(50)
                if page.locator("#posts > li").count() == 90:
                    break
            assert page.locator("#posts > li").count() == 90
            page.locator("#posts > li").last.scroll_into_view_if_needed()
            assert page.locator("#more").count() == 0
            assert any("from=24" in it for it in asked)
            assert (
                len(
                    {
                        *page.locator("#posts a.picture").evaluate_all(
                            "them => them.map(it => it.href)"
                        )
                    }
                )
                == 90
            )
            assert sideways(page) == 0

    def test_a_post_is_marked_and_the_mark_taken_back(
        self, open_page: OpenPage, served: PageServer, own_data: Path, size: tuple[int, int]
    ) -> None:
        table = own_data.with_name("posts.corrections.csv")
        with open_page(served.url, size) as page:
            page.locator("#posts a.picture").nth(1).click()
            page.get_by_role("combobox", name="The right label", exact=True).select_option("anger")
            page.get_by_label("Why").fill("this is a riot")
            page.get_by_role("button", name="Mark").click()
            page.get_by_text("Marked as wrong label: rather anger (this is a riot)").wait_for()
            (one,) = read_corrections(table).values()
            assert (one.photo_id, one.was, one.label) == ("1001", "awe", "anger")
            page.get_by_role("link", name="Next").click()
            page.get_by_label("the post is unfit").check()
            page.get_by_role("button", name="Mark").click()
            page.get_by_text("Marked as unfit").wait_for()
            assert sideways(page) == 0
            page.get_by_role("link", name="Back to the posts").click()
            page.get_by_label("corrected").check()
            tally(page, "2 of 90 posts")
            page.locator("#posts a.picture").first.click()
            page.get_by_role("button", name="Take it back").click()
            page.get_by_text("Marked as").wait_for(state="detached")
            assert len(read_corrections(table)) == 1

    @pytest.mark.parametrize("how", ["chosen", "dropped", "pasted"])
    def test_a_post_is_answered(
        self, open_page: OpenPage, server: PageServer, size: tuple[int, int], how: str
    ) -> None:
        with open_page(server.url, size) as page:
            page.get_by_role("link", name="Try", exact=True).click()
            give(page, how, picture((200, 30, 30)))
            page.locator("#preview").wait_for()
            page.get_by_role("textbox", name="Text", exact=True).fill(
                "storm and rage in the street"
            )
            page.get_by_role("textbox", name="Tags").fill("riot, protest")
            page.get_by_role("button", name="Answer").click()
            page.locator("#answer .regions img").wait_for(timeout=ANSWERED)
            assert page.locator("#answer h2").inner_text() in ("anger", "awe")
            bars = page.get_by_role("table", name="Calibrated probabilities")
            assert bars.get_by_role("row").count() == 2
            heads = page.get_by_role("table", name="What each head says")
            assert heads.get_by_role("row").count() == 8
            assert page.locator("#words").inner_text() == "storm and rage in the street"
            assert page.locator("#words mark, #tags mark").count() > 0
            assert (
                page.get_by_role("textbox", name="Text", exact=True).input_value()
                == "storm and rage in the street"
            )
            assert sideways(page) == 0

    def test_what_is_wrong_with_a_post_is_said(
        self, open_page: OpenPage, server: PageServer, size: tuple[int, int]
    ) -> None:
        with open_page(server.url, size) as page:
            go(page, "/try")
            page.get_by_role("button", name="Answer").click()
            page.get_by_role("alert").wait_for()
            assert "The post is empty" in page.get_by_role("alert").inner_text()

    def test_a_running_crawl_is_watched(
        self, open_page: OpenPage, tmp_path: Path, size: tuple[int, int]
    ) -> None:
        posts = [*(post(n) for n in range(20)), post(20, status="deleted")]
        lists, folder = write_votes(tmp_path / "list", posts), tmp_path / "harvest"
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as flickr:
            crawl(options(lists, folder, flickr, limit=5), lambda line: None)
            with PageServer(open_site([folder])) as server, open_page(server.url, size) as page:
                outcomes = page.get_by_role("table", name="Outcomes of harvest")
                assert outcomes.get_by_role("row").nth(1).inner_text().split() != ["ok", "20", "20"]
                assert page.get_by_text("counting").count() == 2
                done = subprocess.run(
                    [
                        *(sys.executable, PROJECT / "cli.py", "crawl", lists, "--out", folder),
                        *("--flickr-url", flickr.url, "--quota", "0"),
                    ],
                    env=os.environ | {"FLICKR_API_KEY": KEY, "FLICKR_API_SECRET": SECRET},
                    capture_output=True,
                    check=False,
                )
                assert done.returncode == 0, done.stderr
                # It looks again by itself.
                page.wait_for_function("() => document.body.innerText.includes('100.0 %')")
                assert outcomes.get_by_role("row").nth(1).inner_text().split() == ["ok", "20", "20"]
                assert page.get_by_text("counting").count() == 0
                assert sideways(page) == 0


def give(page: "Page", how: str, jpeg: bytes) -> None:
    """Give the page a picture, as a reader would."""
    page.wait_for_load_state()  # the script comes last
    if how == "chosen":
        page.locator("#image").set_input_files(
            {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": jpeg}
        )
        return
    # A file from elsewhere cannot be dragged by a driver: the event that it causes is made here.
    page.evaluate(
        """([how, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "p.jpg", {type: "image/jpeg"}));
            const said = {bubbles: true, cancelable: true};
            document.body.dispatchEvent(how == "dropped"
                ? new DragEvent("drop", {...said, dataTransfer: data})
                : new ClipboardEvent("paste", {...said, clipboardData: data}));
        }""",
        [how, [*jpeg]],
    )


class TestKeyboard:
    def test_a_post_is_found_and_marked(
        self, open_page: OpenPage, served: PageServer, own_data: Path
    ) -> None:
        with open_page(served.url, WIDE) as page:
            press(page, "Tab")
            assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
            tab_to(page, "select[name=label]")
            press(page, "ArrowDown")
            tally(page, "44 of 90 posts")
            assert page.evaluate("document.activeElement.name") == "label"
            tab_to(page, "input[name=tag]")
            page.keyboard.type("riot")
            page.wait_for_url("**tag=riot**")
            tab_to(page, "a.picture")
            press(page, "Enter")
            page.wait_for_url("**/post/**")
            tab_to(page, "input[name=what]")
            press(page, "ArrowDown")
            tab_to(page, "input[name=why]")
            page.keyboard.type("blurred")
            press(page, "Enter")
            page.get_by_text("Marked as unfit (blurred)").wait_for()
        (one,) = read_corrections(own_data.with_name("posts.corrections.csv")).values()
        assert (one.what, one.why) == ("unfit", "blurred")

    def test_a_post_is_answered(self, open_page: OpenPage, server: PageServer) -> None:
        with open_page(server.url, NARROW) as page:
            go(page, "/try")
            tab_to(page, "#image")
            tab_to(page, "textarea")
            page.keyboard.type("mountain sky")
            tab_to(page, "button")
            press(page, "Enter")
            page.locator("#answer h2").wait_for(timeout=ANSWERED)

    def test_what_has_the_focus_is_seen(self, open_page: OpenPage, server: PageServer) -> None:
        with open_page(server.url, WIDE) as page:
            for what in ("nav.parts a", "select[name=split]", "button.apply", "a.picture"):
                tab_to(page, what)
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", what


PAGES = ("/explore", "/explore?split=validation", "/explore?words=zebra", "/post/3", "/post/70")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, served: PageServer, axe: str, size: tuple[int, int], scheme: Scheme
) -> None:
    with open_page(served.url, size, scheme) as page:
        for address in (*PAGES, "/crawl", "/try?post=70"):
            go(page, address)
            assert serious_findings(page, axe) == [], address
            assert are_in_order(heading_levels(page)), address
            assert sideways(page) == 0, address
        go(page, "/try?post=70")
        page.get_by_role("button", name="Answer").click()
        page.locator("#answer .regions img").wait_for(timeout=ANSWERED)
        assert serious_findings(page, axe) == []
        assert are_in_order(heading_levels(page))
        assert sideways(page) == 0


def test_a_server_that_has_ended_is_said(open_page: OpenPage, own_data: Path) -> None:
    def ask() -> None:
        running = ExitStack()
        server = running.enter_context(PageServer(open_site([own_data])))
        with open_page(server.url) as page:
            running.close()
            page.get_by_role("combobox", name="Label", exact=True).select_option("awe")
            page.get_by_text("The server does not answer").wait_for()
            said.append(page.locator("#results").inner_text())

    said: list[str] = []
    with pytest.raises(AssertionError, match="ERR_CONNECTION_REFUSED"):
        ask()
    assert said == ["The server does not answer: start it again."]


def test_light_and_dark_differ(open_page: OpenPage, server: PageServer) -> None:
    grounds = set()
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        with open_page(server.url, WIDE, scheme) as page:
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


def test_a_hostile_post_is_inert(open_page: OpenPage, server: PageServer) -> None:
    """Nothing of it acts, also where the script puts it into the page; dialogs fail the test."""
    with open_page(server.url, NARROW) as page:
        page.get_by_role("combobox", name="Split", exact=True).select_option("validation")
        tally(page, "9 of 90 posts")
        assert "<script>" in page.locator("#posts > li").first.inner_text()
        assert page.locator("#posts script, #posts img[src=x], [onerror], [onload]").count() == 0
        go(page, "/try")
        page.get_by_role("textbox", name="Text", exact=True).fill(
            "<img src=x onerror=alert(1)> storm"
        )
        page.get_by_role("button", name="Answer").click()
        page.locator("#answer h2").wait_for(timeout=ANSWERED)
        assert page.locator("#answer img").count() == 0


def test_a_page_of_another_port_gets_nothing(
    open_page: OpenPage, server: PageServer, tmp_path: Path
) -> None:
    """Browsers send it the cookie, because ports do not tell sites apart; the server does."""
    address = f"http://127.0.0.1:{server.port}/picture/0"
    (tmp_path / "index.html").write_text(f'<img src="{address}">', encoding="utf-8")
    loaded: list[int] = []

    def embed(other: str) -> None:
        with open_page(server.url) as page:
            assert page.evaluate("document.cookie") == ""
            go(page, "/post/0")
            loaded.append(page.evaluate("document.images[0].naturalWidth"))
            page.goto(other)
            loaded.append(page.evaluate("document.images[0].naturalWidth"))

    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as elsewhere:
        threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
        with pytest.raises(AssertionError, match=r"403|NotSameOrigin"):
            embed(f"http://127.0.0.1:{elsewhere.server_port}/")
        elsewhere.shutdown()
    assert loaded == [64, 0]


@needs_demo
def test_pictures_for_the_documentation(open_page: OpenPage, tmp_path: Path) -> None:
    """Each is the page as a reader sees it, in few colours, and smaller than 150 KB."""
    demo, folder = Path(str(DEMO)), Path(str(PICTURES), "serve")
    parts = [demo / name for name in ("dataset", "run", "harvest")]
    schemes: cycle[Scheme] = cycle(("light", "dark"))
    with PageServer(open_site(parts, corrections=tmp_path / "c.csv")) as server:
        for name, size in SIZES.items():
            with open_page(server.url, size, next(schemes)) as page:

                def take(what: str, page: "Page" = page, name: str = name) -> None:
                    page.wait_for_load_state("networkidle")
                    taken = page.screenshot(full_page=what != "explore")
                    keep_picture(taken, folder / f"{what}-{name}.png")

                take("explore")
                go(page, "/explore?words=lonely&label=sadness&split=test")
                page.locator("#posts a.picture").first.click()
                take("post")
                page.get_by_role("link", name="Try a run on it").click()
                page.get_by_role("button", name="Answer").click()
                page.locator("#answer h2").wait_for(timeout=ANSWERED)
                take("try")
                go(page, "/crawl")
                page.get_by_text("counting").first.wait_for(state="detached")
                keep_picture(page.screenshot(), folder / f"crawl-{name}.png")
