"""Reads how the losses of a run went, epoch by epoch (``history.jsonl``)."""

import json
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import HISTORY

Epochs = list[dict[str, Any]]


def read_histories(run: Path, metrics: dict[str, Any] | None) -> dict[str, Epochs]:
    """Return the epochs of each network of a run by its subset, or by ``""`` of its only network.

    ``metrics``: the content of its ``metrics.json``. Raises ``ModelError`` for a damaged file.
    """
    best = run / f"seed-{(metrics or {}).get('best_seed')}"
    if not (run / HISTORY).is_file() and best.is_dir():
        run = best  # a run of several seeds, each of several networks
    folders = {"": run} | {subset: run / f"network-{subset}" for subset in SUBSETS}
    return {
        subset: epochs
        for subset, folder in folders.items()
        if (folder / HISTORY).is_file() and (epochs := _epochs(folder))
    }


def _epochs(folder: Path) -> Epochs:
    """Read ``history.jsonl``."""
    path = folder / HISTORY
    check_file(folder, HISTORY)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [
            entry
            | {name: float(entry[name]) for name in ("epoch", "train_loss", "validation_loss")}
            for entry in map(json.loads, lines)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be read ({error!r}): train again") from None
