"""The comparison of loss curves sees a difference, and a missing epoch."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.training.same_losses import main


def run(folder: Path, losses: list[float]) -> str:
    folder.mkdir()
    epochs = [{"epoch": 1, "train_loss": it, "validation_loss": 2.0, "seconds": 3} for it in losses]
    text = "".join(f"{json.dumps(epoch)}\n" for epoch in epochs)
    (folder / "history.jsonl").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("newer", "tolerance", "said"),
    [
        ([1.5, 1.25], "0", None),
        ([1.5, 1.2500001], "0", "the curves differ by up to 1e-07"),
        ([1.5, 1.2500001], "1e-4", None),
        ([1.5], "0", "the older run has 2 epochs, the newer one 1"),
    ],
)
def test_two_curves(
    newer: list[float],
    tolerance: str,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [run(tmp_path / "older", [1.5, 1.25]), run(tmp_path / "newer", newer)]
    monkeypatch.setattr(sys, "argv", ["same_losses", *runs, "--tolerance", tolerance])
    if said is None:
        main()
        return
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == said
