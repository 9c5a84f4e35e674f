"""Graphs are kept in the user's cache, and a damaged one is made again."""

import os
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.model.engines import kept_graphs
from flickr_emotion.model.engines.kept_graphs import GRAPH, KeptGraph, user_cache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "flickr-emotion" / "graphs"


def write(folder: Path) -> dict[str, Any]:
    (folder / GRAPH).write_bytes(b"a graph")
    return {"features": 3}


def test_kept_under_a_digest() -> None:
    assert KeptGraph("a").about() is None
    assert KeptGraph("a").make(write)
    assert KeptGraph("a").about() == {"features": 3}
    assert KeptGraph("b").about() is None


@pytest.mark.parametrize("damage", [b"a grapH", b"", None])
def test_a_damaged_graph_counts_as_missing(damage: bytes | None) -> None:
    graph = KeptGraph("a")
    graph.make(write)
    if damage is None:
        (graph.folder / GRAPH).unlink()
    else:
        (graph.folder / GRAPH).write_bytes(damage)
    assert KeptGraph("a").about() is None
    assert KeptGraph("a").make(write)
    assert KeptGraph("a").about() == {"features": 3}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digests": [], "about": {}}', '{"digests": 1}'])
def test_a_damaged_description_counts_as_missing(text: str) -> None:
    graph = KeptGraph("a")
    graph.make(write)
    (graph.folder / "about.json").write_text(text)
    assert KeptGraph("a").about() is None


def test_nothing_is_left_of_a_graph_that_cannot_be_made(cache: Path) -> None:
    def fail(folder: Path) -> dict[str, Any]:
        write(folder)
        raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError):
        KeptGraph("a").make(fail)
    assert [entry.name for entry in cache.rglob("*") if entry.is_file()] == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not KeptGraph("a").make(write)
    said = capsys.readouterr().err
    assert "torch runs the encoder; free some space there" in said
    assert said.count("\n") == 1


def test_those_used_last_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_graphs, "MOST", 2)
    for number, name in enumerate("abc"):
        KeptGraph(name).make(write)
        if name != "c":
            os.utime(KeptGraph(name).folder / "about.json", (number, number))
        if name == "b":
            assert KeptGraph("a").about() is not None  # used now
    assert [name for name in "abc" if KeptGraph(name).about()] == ["a", "c"]
    assert len(list(cache.iterdir())) == 2


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_cache() == tmp_path / "cache" / "flickr-emotion"
    for unset in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert user_cache() == Path.home() / ".cache" / "flickr-emotion"
