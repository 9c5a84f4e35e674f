"""A training in real Weights & Biases, offline."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.model.tracking.tracking import Tracking
from tests.model.tracking.runs import epoch, tracked
from tests.model.tracking.trainings import TINY, train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of libraries not ours
wandb = pytest.importorskip("wandb", reason="wandb is not installed (pip install wandb)")

HEADER, BLOCK = 7, 32768


def records(file: Path) -> Iterator[Any]:
    """Yield what an offline run has recorded: protocol buffers in LevelDB's log format."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part = file.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:  # the rest of a block is empty
            at += BLOCK - at % BLOCK
        _, size, kind = struct.unpack_from("<IHB", data, at)
        part += data[at + HEADER : at + HEADER + size]
        at += HEADER + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(part)
            part = b""


def kept(folder: Path) -> dict[str, Any]:
    """Parameters, curves, summary and artefact of an offline run."""
    (file,) = folder.glob("*.wandb")
    found: dict[str, Any] = {"id": file.stem, "summary": {}, "history": [], "files": {}}
    for record in records(file):
        if record.HasField("run"):
            found["name"] = record.run.display_name
            found["host"] = record.run.host
            found["config"] = {it.key: json.loads(it.value_json) for it in record.run.config.update}
        elif record.HasField("history"):
            items = record.history.item
            found["history"].append(
                {it.key or "/".join(it.nested_key): json.loads(it.value_json) for it in items}
            )
        elif record.HasField("summary"):
            found["summary"] |= {
                it.key or "/".join(it.nested_key): json.loads(it.value_json)
                for it in record.summary.update
            }
        elif record.HasField("artifact"):
            for it in record.artifact.manifest.contents:
                found["files"][it.path] = Path(it.local_path).read_text(encoding="utf-8")
        elif record.HasField("exit"):
            found["exit"] = record.exit.exit_code
        for private in ("environment", "output", "output_raw", "stats"):
            assert not record.HasField(private), record
    return found


def test_a_run_has_parameters_curves_figures_and_card(dataset_folder: Path, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": ""}
    done = train(dataset_folder, tmp_path, *TINY, "--log-to", "wandb", environment=home)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert f"run goes to {folder}; `wandb sync` would send it" in done.stderr
    found = kept(folder)
    run = tmp_path / "run"
    test = json.loads((run / "metrics.json").read_text())["test"]
    history = [json.loads(it) for it in (run / "history.jsonl").read_text().splitlines()]
    assert (found["name"], found["exit"]) == ("run", 0)
    assert (found["config"]["learning_rate"], found["config"]["seed"]) == (0.003, 0)
    for curve in ("train_loss", "validation_loss"):
        assert [it[curve] for it in found["history"]] == [it[curve] for it in history]
    assert found["history"][0]["validation_accuracy/image+text+tags"] is not None
    assert found["summary"]["test_accuracy/text"] == test["text"]["accuracy"]
    assert found["files"] == {
        name: (run / name).read_text(encoding="utf-8") for name in ("README.md", "metrics.json")
    }
    # Nothing of the machine, of the code or of what was printed is kept.
    assert found["host"] == "localhost"
    files = {it.name for it in folder.rglob("*") if it.is_file() and it.suffix != ".log"}
    assert files == {f"{found['id']}.wandb"}


def test_a_resumed_training_is_a_new_run_with_all_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Tracking(tracked(tmp_path), "wandb", [epoch(1), epoch(2)]) as tracking:
        tracking.add(epoch(3, loss=0.25))
    wandb.teardown()  # the file is whole when its writer, another process, has ended
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    found = kept(folder)
    assert [it["_step"] for it in found["history"]] == [1, 2, 3]
    assert [it["validation_loss"] for it in found["history"]] == [0.5, 0.5, 0.25]
    assert found["exit"] == 1  # it was interrupted again
