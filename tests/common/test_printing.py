"""Untrusted text is made safe before it reaches terminals, cards and pages."""

import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.printing import markdown_cell, printable, printable_lines, say, shortened
from flickr_emotion.common.progress import ProgressReport
from tests.commands import run
from tests.harvest.corpora import post, write_votes
from tests.model.dataset_folder import StoredPost, write_dataset

LABELS = ("awe\u202e|`<b>", "fear\u2066 \u200b&[x](y)", "\U000e0001joy")
STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text())
def test_no_control_characters_are_left(text: str) -> None:
    shown = printable(text)
    steering = {it for it in shown if unicodedata.category(it) in STEERING}
    assert steering <= {"\u200c", "\u200d"} | {chr(it) for it in range(0xE0030, 0xE0080)}
    assert len(shown) == len(text)
    assert printable(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"]) | st.just(" ")))
def test_printable_text_is_unchanged(text: str) -> None:
    if text.isprintable():
        assert printable(text) == text


@given(st.text())
def test_only_the_programs_line_breaks_stay(text: str) -> None:
    assert printable_lines(text).count("\n") == text.count("\n")
    assert len(printable_lines(text).splitlines()) <= text.count("\n") + 1


@given(st.text())
def test_a_cell_is_one_cell(text: str) -> None:
    cell = markdown_cell(text)
    assert cell == printable(cell)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`\[*~]", cell)
    assert "<" not in cell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("\x9b2J", "\ufffd2J"),
        ("a\r\nb\tc\x0bd\x85e\u2028f", "a  b c d e f"),
        ("\u202eevil\u2066", "\ufffdevil\ufffd"),
        ("日本\u3000の\u00a0夜", "日本 の 夜"),
        ("file\udcff.csv", "file\ufffd.csv"),
        ("👩\u200d🚀 می\u200cشود", "👩\u200d🚀 می\u200cشود"),
        ("a\u200db\u200d", "a\ufffdb\ufffd"),
        (
            "\U0001f3f4\U000e0067\U000e0062\U000e007f\U000e0067",
            "\U0001f3f4\U000e0067\U000e0062\U000e007f\ufffd",
        ),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("whole", ["👩🏽\u200d🚀", "é", "🇨🇭", "☀️", "👨\u200d👩\u200d👧"])
def test_an_emoji_is_not_cut(whole: str) -> None:
    text = "🇫🇷" + whole * 3
    for most in range(2, len(text)):
        shown = shortened(text, most).removesuffix(" ...")
        assert shown.removeprefix("🇫🇷") in {"", whole, whole * 2, whole * 3}


@pytest.mark.parametrize(
    ("label", "cell"),
    [("*joy*", r"\*joy\*"), ("_x_", r"\_x\_"), ("min_votes", "min_votes"), ("~a~", r"\~a\~")],
)
def test_a_label_is_no_markup(label: str, cell: str) -> None:
    assert markdown_cell(label) == cell


def test_lines_of_long_work(capfd: pytest.CaptureFixture[str]) -> None:
    say("one\x1b[2J\nline")
    with ProgressReport("work", 1, "posts") as report:
        report.say("a table\nof two\x1b]0;owned\x07 lines")
    assert all(line.isprintable() for line in capfd.readouterr().err.split("\n"))


def own_posts(folder: Path) -> Path:
    rows = [f'{n},"{LABELS[n % 3]}",a text of five words {n}' for n in range(60)]
    path = folder / "posts.csv"
    path.write_text("photo_id,label,text\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_labels_on_terminal_card_and_page(tmp_path: Path) -> None:
    data = tmp_path / "D"
    page = tmp_path / "page.html"
    built = run("build-splits", own_posts(tmp_path), "--out", data)
    inspected = run("inspect", data, "--html", page)
    assert (built.code, inspected.code) == (0, 0)
    card = (data / "README.md").read_text(encoding="utf-8")
    croissant = (data / "croissant.json").read_text(encoding="utf-8")
    for text in (built.out, built.err, inspected.out, card, croissant, page.read_text("utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
    rows = [line for line in card.splitlines() if line.startswith("|") and "awe" in line]
    # Hugging Face must find the classes' own names there.
    assert "'0': \"awe\\U0000202e|`<b>\"" in card
    assert rows
    for line in rows:
        assert line.startswith("| awe\ufffd\\|\\`&lt;b> |")


def test_labels_in_tables_and_figures_of_the_paper(tmp_path: Path) -> None:
    posts = [
        StoredPost(photo_id=f"{number}", label=label, text="one two three four five")
        for number, label in enumerate((*LABELS, "awe\x1b[2J\nforged"))
    ]
    write_dataset(tmp_path / "D", {"train": posts, "validation": [], "test": []})
    done = run("reproduce", "figure3", tmp_path / "D", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    (markdown,) = (tmp_path / "out").glob("figure3*.md")
    for text in (done.out, markdown.read_text(encoding="utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
        assert not [line for line in text.split("\n") if line.startswith("forged")]
    for picture in (tmp_path / "out").glob("*.svg"):
        ElementTree.parse(picture)  # XML must not contain control characters


def test_a_page_with_control_characters_is_valid(tmp_path: Path) -> None:
    posts = [
        StoredPost(photo_id="1", label="awe\x1b[2J", text="one\x9b \u202etwo", tags=["a\x00"]),
        StoredPost(photo_id="2\x1b", label="fear\nforged", text="one two"),
    ]
    write_dataset(tmp_path / "D", {"train": posts, "validation": [], "test": []})
    page = tmp_path / "page.html"
    done = run("inspect", tmp_path / "D", "--html", page)
    assert done.code == 0, done.err
    for text in (done.out, page.read_text(encoding="utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
        assert not [line for line in text.split("\n") if line.startswith("forged")]


def test_a_file_name_is_shown_in_one_line(tmp_path: Path) -> None:
    name = tmp_path / "x\x1b[2J\nerror: forged\u202e"
    write_votes(name, [post(1)])
    for command in (["inspect", name], ["status", name], ["train", name, "--out", tmp_path / "R"]):
        done = run(*command)
        assert done.code == 1
        assert done.err.count("\n") == 1
        assert done.err.rstrip("\n").isprintable()
