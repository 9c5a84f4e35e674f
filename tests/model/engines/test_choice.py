"""Which engine runs an encoder, and what is said where it cannot."""

from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.model.config import AUTO, ONNXRUNTIME, TORCH
from flickr_emotion.model.engines import choice
from flickr_emotion.model.engines.choice import Encoder, check_equal, graph_for
from flickr_emotion.model.engines.kept_graphs import GRAPH
from flickr_emotion.model.errors import ModelError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(choice, "_REFUSED", set())


def write(folder: Path) -> dict[str, Any]:
    (folder / GRAPH).write_bytes(b"a graph")
    return {}


def fail(folder: Path) -> dict[str, Any]:
    raise ModelError("it cannot be written") from RuntimeError("no such operator\nand more")


def encoder(**others: Any) -> Encoder:
    given: dict[str, Any] = {
        "name": "--image-encoder small",
        "digest": "d",
        "write": write,
        "worthwhile": 100,
    }
    return Encoder(**given | others)


def test_auto_makes_a_graph_for_many_inputs_only() -> None:
    assert graph_for(encoder(), AUTO, inputs=99) is None
    assert graph_for(encoder(), AUTO, inputs=100) is not None
    assert graph_for(encoder(), AUTO, inputs=1) is not None  # it is kept now


def test_asked_for_it_is_made_for_any() -> None:
    assert graph_for(encoder(), ONNXRUNTIME, inputs=1) is not None


def test_torch_takes_no_graph(capsys: pytest.CaptureFixture[str]) -> None:
    graph_for(encoder(), ONNXRUNTIME, inputs=1)
    capsys.readouterr()
    assert graph_for(encoder(), TORCH, inputs=1000) is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("engine", [AUTO, ONNXRUNTIME])
def test_a_fallback_is_one_line(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph_for(encoder(write=fail), engine, inputs=100) is None
    assert graph_for(encoder(write=fail), engine, inputs=100) is None  # nothing is said again
    *_, line = capsys.readouterr().err.splitlines()
    assert line.endswith("torch runs --image-encoder small: onnxruntime cannot (no such operator)")


def test_on_a_gpu_torch_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert graph_for(encoder(), AUTO, inputs=1000, device="cuda") is None
    assert capsys.readouterr().err == ""
    assert graph_for(encoder(), ONNXRUNTIME, inputs=1000, device="cuda") is None
    assert "on cuda" in capsys.readouterr().err


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert graph_for(encoder(), AUTO, inputs=1000) is None
    with pytest.raises(ModelError, match=r"needs the package onnxruntime: pip install"):
        graph_for(encoder(), ONNXRUNTIME, inputs=1)


@pytest.mark.parametrize(("difference", "largest"), [(2e-5, 0.5), (2e-4, 10), (float("nan"), 1)])
def test_a_graph_with_other_features_is_not_taken(difference: float, largest: float) -> None:
    check_equal(0.9e-5 * max(1, largest), largest)
    with pytest.raises(ValueError, match="differ from torch's"):
        check_equal(difference, largest)
