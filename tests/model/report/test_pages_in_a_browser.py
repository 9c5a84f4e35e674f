"""The pages of `report` and `inspect` in a real Chromium, also of hostile posts."""

from pathlib import Path

import pytest

from flickr_emotion.datasets.inspect.inspection import inspect_dataset
from flickr_emotion.datasets.inspect.page import write_page
from flickr_emotion.model.report.report import report
from tests.browser import (
    DEMO,
    PICTURES,
    SIZES,
    WIDE,
    OpenPage,
    Scheme,
    are_in_order,
    heading_levels,
    keep_picture,
    needs_demo,
    screenshot,
    serious_findings,
    sideways,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pages(
    page: Path, run_folder: Path, hostile_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The URLs of the pages, by name; those of hostile posts too."""
    out = tmp_path_factory.mktemp("pages")
    report([run_folder], out / "hostile-report.html", dataset=hostile_data, device="cpu")
    write_page(inspect_dataset(hostile_data), out / "hostile-inspection.html")
    return {path.stem: path.as_uri() for path in (page, *out.iterdir())} | {"report": page.as_uri()}


SCHEMES: tuple[Scheme, ...] = ("light", "dark")
NAMES = ("report", "hostile-report", "hostile-inspection")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_it_never_scrolls_sideways(
    open_page: OpenPage, pages: dict[str, str], name: str, size: str
) -> None:
    """The page of `inspect` was 593 pixels wide on a telephone of 390; scripts do not act."""
    with open_page(pages[name], SIZES[size]) as page:
        assert sideways(page) == 0
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert sideways(page) == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, pages: dict[str, str], axe: str, name: str, size: str, scheme: Scheme
) -> None:
    with open_page(pages[name], SIZES[size], scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert serious_findings(page, axe) == []
        assert are_in_order(heading_levels(page))


def test_light_and_dark_differ(open_page: OpenPage, pages: dict[str, str], tmp_path: Path) -> None:
    """Figures follow the page: their texts have its colour."""
    colours = {}
    for scheme in SCHEMES:
        with open_page(pages["report"], WIDE, scheme) as page:
            screenshot(page, tmp_path / f"{scheme}.png")
            colours[scheme] = page.evaluate(
                "[getComputedStyle(document.body).color,"
                " getComputedStyle(document.querySelector('svg text')).fill]"
            )
    assert colours["light"] == ["rgb(28, 34, 43)"] * 2
    assert colours["dark"] == ["rgb(228, 232, 238)"] * 2
    assert (tmp_path / "light.png").read_bytes() != (tmp_path / "dark.png").read_bytes()


@needs_demo
def test_pictures_for_the_documentation(open_page: OpenPage, tmp_path: Path) -> None:
    """The top of the report of the demo's run, and its errors, each width in light and in dark."""
    report([Path(str(DEMO), "run")], tmp_path / "report.html", device="cpu")
    for (name, size), schemes in zip(SIZES.items(), (SCHEMES, SCHEMES[::-1]), strict=True):
        for part, scheme in zip(("page", "errors"), schemes, strict=True):
            with open_page((tmp_path / "report.html").as_uri(), size, scheme) as page:
                place = page.locator("h3", has_text="Surest errors").bounding_box()
                assert place
                top = place["y"] - 24 if part == "errors" else 0
                taken = page.screenshot(
                    full_page=True,
                    clip={"x": 0, "y": top, "width": size[0], "height": 3 * size[1] // 2},
                )
                keep_picture(taken, Path(str(PICTURES), "report", f"{part}-{name}.png"))
