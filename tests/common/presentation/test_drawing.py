"""Figures for pages and for print."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from matplotlib.figure import Figure

from flickr_emotion.common.presentation.drawing import (
    BLUE,
    TEXT,
    Drawing,
    inline_svg,
    plain_axes,
    write_drawing,
)
from flickr_emotion.common.presentation.heat_map import heat_map, heat_map_size

LONG = "a class whose name is longer than its place"


def line(figure: Figure) -> None:
    axes = plain_axes(figure)
    axes.plot([1, 2], [3, 4], color=BLUE)
    axes.set_xlabel("$x & <y> 日本")


def drawing() -> Drawing:
    return Drawing(name="line", title='A "line"', subject="run", said="It rises.", draw=line)


def test_a_figure_in_a_page_has_its_colours_and_a_name() -> None:
    svg = inline_svg(drawing())
    assert 'role="img" aria-label="A &quot;line&quot;. It rises."' in svg
    assert "var(--blue)" in svg
    assert "var(--text)" in svg
    assert BLUE not in svg
    assert TEXT not in svg
    assert "<g id=" not in svg
    assert "$x &amp; &lt;y&gt; 日本" in svg
    assert svg == inline_svg(drawing())


def test_a_file_has_the_title_and_its_own_colours(tmp_path: Path) -> None:
    write_drawing(tmp_path, drawing(), ("svg", "pdf", "png"))
    svg = (tmp_path / "line.svg").read_text(encoding="utf-8")
    assert "A &quot;line&quot; (run)" in svg or 'A "line" (run)' in svg
    assert BLUE in svg
    assert "var(" not in svg
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(first) == ["line.pdf", "line.png", "line.svg"]
    write_drawing(tmp_path, drawing(), ("svg", "pdf", "png"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def texts_of(shares: list[list[float]], names: list[str], posts: list[int]) -> list[str]:
    matrix = Drawing(
        name="matrix",
        title="Matrix",
        said="",
        draw=lambda figure: heat_map(
            figure, shares, names, names, row_axis="r", column_axis="c", bar="b", posts=posts
        ),
        size=heat_map_size(len(names)),
    )
    root = ET.fromstring(inline_svg(matrix))
    return ["".join(it.itertext()).strip() for it in root.iter() if it.tag.endswith("text")]


def test_a_matrix_has_numbers_sizes_and_a_bar() -> None:
    found = texts_of([[80.2, 19.8], [0.0, 100.0]], ["anger", LONG], [12, 3])
    assert {"80", "20", "100", "anger (12)", "r", "c", "b"} <= set(found)
    assert any(re.fullmatch(r"a class whose .* \.\.\. \(3\)", text) for text in found)
    assert "50" in found  # beside the bar
    small = texts_of([[4.0, 19.0], [9.0, 2.0]], ["x", "y"], [])
    assert {"10", "4", "19"} <= set(small)
    assert "50" not in small


def test_a_matrix_of_many_classes_has_no_numbers_in_it() -> None:
    names = [f"class {number}" for number in range(20)]
    shares = [[37.0 if row == column else 0.0 for column in range(20)] for row in range(20)]
    assert "37" not in texts_of(shares, names, [])
