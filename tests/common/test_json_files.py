"""Untrusted JSON files: an invalid one is reported in one line that names file and key."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.json_files import parse_json, read_json
from tests.commands import refusal, run
from tests.datasets.manifest_folder import row, write_dataset

HUGE = "9" * 5000
LONG = "9" * 4000
DEEP = "[" * 100_000 + "]" * 100_000
NESTED = "[" * 100 + "]" * 100

numbers = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=5), st.booleans())
def test_valid_descriptions_are_read_back(content: dict[str, Any], escaped: bool) -> None:
    assert parse_json(json.dumps(content, ensure_ascii=escaped).encode()) == content


@given(st.binary(max_size=200) | texts.map(str.encode))
def test_any_other_bytes_give_a_reason_in_one_line(raw: bytes) -> None:
    reason = "nothing"
    try:
        assert isinstance(parse_json(raw), dict)
    except ValueError as error:
        reason = str(error)
    assert reason.isprintable()
    assert len(reason) < 500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{{"a": {HUGE}}}', "number with thousands of digits"),
        (f'{{"a": {{"b": [0, {LONG}]}}}}', "'a.b.1' is 999"),
        (f'{{"a": -{2**63}}}', "'a' is -9223"),
        ('{"a": {"b": NaN}}', "'a.b' is nan"),
        ('{"a": -Infinity}', "'a' is -inf"),
        ('{"a": 1e999}', "'a' is inf"),
        (f'{{"a": {DEEP}}}', "deep"),
        (f'{{"a": {NESTED}}}', "deep"),
        ('{"a": "\\ud800"}', "'a' is '\\ud800'"),
        ('{"\\udfff": 1}', "is not allowed"),
        ('{"a": "\\ud83d\\ude00"', "line 1 is not JSON"),
        ('{"a":\n\n nonsense}', "line 3 is not JSON"),
        ("[1]", "does not hold a JSON object"),
        ("", "is not JSON"),
    ],
)
def test_refused_values(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        parse_json(text.encode())
    assert str(refused.value).isprintable()


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(10**12)  # sparse: it takes no space on disk
    with pytest.raises(ValueError, match="larger than 1,000 bytes"):
        read_json(path, largest=1000)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "D"
    write_dataset(folder, [row(number) for number in range(30)])
    (folder / "vocabulary.json").write_text('{"min_count": 1, "words": {"a": 1}, "tags": {"b": 2}}')
    return folder


@pytest.fixture
def dataset(good: Path, tmp_path: Path) -> Path:
    return copytree(good, tmp_path / "D")


def change(path: Path, place: tuple[str, ...], value: str) -> None:
    """Replace a value by JSON text."""
    content = json.loads(path.read_text())
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = "@"
    path.write_text(json.dumps(content).replace('"@"', value))


PLACES = [
    *(("dataset.json", (name,)) for name in ("version", "kind", "service", "classes", "counts")),
    *(("dataset.json", (name,)) for name in ("digest", "options", "excluded", "leakage")),
    *(("dataset.json", ("counts", "train", name)) for name in ("total", "labels", "subsets")),
    ("dataset.json", ("counts", "train")),
    ("dataset.json", ("options", "seed")),
    ("dataset.json", ("image_size",)),
    *(("vocabulary.json", (name,)) for name in ("words", "tags", "min_count")),
    ("vocabulary.json", ("words", "a")),
]


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_no_value_crashes_a_reader(dataset: Path, name: str, place: tuple[str, ...]) -> None:
    path = dataset / name
    good = path.read_text()
    for value in (HUGE, LONG, DEEP, NESTED, "NaN", "1e999", '"\\ud800"'):
        path.write_text(good)
        change(path, place, value)
        assert str(path) in refusal("inspect", dataset)


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_values_of_another_type_are_accepted_or_refused(
    dataset: Path, name: str, place: tuple[str, ...]
) -> None:
    path = dataset / name
    good = path.read_text()
    for value in ("null", "[]", "{}", '"x"', "-1", '["a", ["b"]]', "true"):
        path.write_text(good)
        change(path, place, value)
        if run("inspect", dataset).code:
            assert str(path) in refusal("inspect", dataset)


@pytest.mark.parametrize(
    "classes",
    [
        ["awe", "fear", "x" * 101],
        ["awe", "fear", ""],
        ["awe", "awe", "fear"],
        [str(n) for n in range(1001)],
    ],
)
def test_invalid_class_names(dataset: Path, classes: list[str]) -> None:
    change(dataset / "dataset.json", ("classes",), json.dumps(classes))
    assert str(dataset / "dataset.json") in refusal("inspect", dataset)


def own_posts(folder: Path, text: str) -> Callable[[], str]:
    path = folder / "posts.csv"
    path.write_text(text, encoding="utf-8")
    return lambda: refusal("build-splits", path, "--out", folder / "D")


class TestOwnPosts:
    """An invalid CSV of the user's own posts is reported in one line with file and row."""

    def test_an_unclosed_quote(self, tmp_path: Path) -> None:
        refused = own_posts(tmp_path, 'photo_id,label,text\n1,a,"b\n' + "2,a,word\n" * 200_000)
        assert "posts.csv, line " in refused()

    def test_an_endless_line(self, tmp_path: Path) -> None:
        refused = own_posts(tmp_path, "photo_id,label,text\n1,a," + "x" * 9_000_000)
        assert "posts.csv, line " in refused()

    @pytest.mark.parametrize("votes", [HUGE, "1e999", "-1", "9" * 17])
    def test_votes(self, tmp_path: Path, votes: str) -> None:
        refused = own_posts(
            tmp_path, f"photo_id,label,text,votes\n1,a,b c d,5\n2,a,b c d,{votes}\n"
        )
        assert "posts.csv, row 2: votes are" in refused()

    def test_a_label_that_is_too_long(self, tmp_path: Path) -> None:
        refused = own_posts(tmp_path, f"photo_id,label,text\n1,a,b\n2,{'x' * 101},b\n")
        assert "posts.csv, row 2: the label" in refused()
