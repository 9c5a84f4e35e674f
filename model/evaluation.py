"""How good a network's seven heads are on a split.

A subset's head is judged on every post that holds the subset's modalities, whatever else the post
holds: on the paper's test sets, where all posts are complete, all seven see the same posts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datasets.modalities import SUBSETS
from datasets.reading import open_dataset
from model.batches import Split, reading_order
from model.devices import choose_device
from model.distributed import World
from model.metrics import Confusion, confusion_matrix, figures
from model.network import MultitaskNetwork
from model.prefetching import ready_batches
from model.splits import open_splits
from model.trained_run import load_run

POSTS_TO_A_PASS = 256
JUDGED = ("test", "validation")


@dataclass(frozen=True, kw_only=True)
class Score:
    """What the heads make of a split."""

    confusions: dict[str, Confusion]
    """By subset; all zeros where no post holds it."""
    loss: float
    """Section 3.2's loss over the whole split."""

    def figures(self) -> dict[str, Any]:
        """Return accuracy, macro and weighted F1 and count by subset."""
        return {subset: figures(confusion) for subset, confusion in self.confusions.items()}


def evaluate(run: Path, dataset: Path | None = None, *, device: str = "auto") -> dict[str, Any]:
    """Judge a run on a data set's test and validation posts; by default on its own data set.

    ``same_dataset`` says whether it is the one that the run was trained on.
    """
    chosen = choose_device(device)
    trained = load_run(run, chosen)
    alone = World(device=chosen)
    opened = open_dataset(dataset or trained.dataset_folder)
    splits = open_splits(
        opened,
        JUDGED,
        trained.encoding,
        trained.network.backbone,
        finetuned=trained.finetuned,
        run_folder=run,
        device=chosen,
    )
    return {
        "dataset": str(opened.folder),
        "dataset_digest": opened.digest,
        "same_dataset": opened.digest == trained.dataset_digest,
        **{
            name: score(trained.network, split, len(trained.encoding.classes), alone).figures()
            for name, split in splits.items()
        },
    }


@torch.inference_mode()
def score(network: MultitaskNetwork, split: Split, classes: int, world: World) -> Score:
    """Let a network answer a split's posts; several processes divide them and all get the score."""
    network.eval()
    # Batch statistics are each process's own until they are judged.
    world.same(network, buffers_only=True)
    losses = torch.zeros(len(SUBSETS), dtype=torch.float64, device=world.device)
    pairs: dict[str, list[Tensor]] = {subset: [] for subset in SUBSETS}
    passes = list(reading_order(split.posts.text_lengths, POSTS_TO_A_PASS))
    for batch in ready_batches(split, passes[world.rank :: world.size], world.device):
        for subset, logits in network(batch).items():
            labels = batch.labels_B[batch.rows[subset]]
            losses[SUBSETS.index(subset)] += torch.nn.functional.cross_entropy(
                logits, labels, reduction="sum"
            )
            pairs[subset].append(torch.stack((labels, logits.argmax(1))))
    # Only here is waited for the device.
    confusions = np.stack([_confusion(pairs[subset], classes) for subset in SUBSETS])
    sums = losses.cpu().numpy()
    world.add_up(confusions)
    world.add_up(sums)
    counts = np.maximum(confusions.sum((1, 2)), 1)
    return Score(
        confusions=dict(zip(SUBSETS, confusions, strict=True)),
        loss=float((sums / counts).sum()),
    )


def _confusion(pairs: list[Tensor], classes: int) -> Confusion:
    if not pairs:
        return np.zeros((classes, classes), dtype=np.int64)
    labels, answers = torch.cat(pairs, dim=1).cpu().numpy()
    return confusion_matrix(labels, answers, classes)
