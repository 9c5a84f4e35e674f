"""Training of section 3.2: Adam on the sum of seven losses, early stopping on the same sum.

Where the paper is silent: the learning rate rises linearly over the first steps; the validation
loss is taken over the whole split, not averaged over batches; the weights of the best epoch are
kept; all posts of the training split take part, whatever modalities they hold.
"""

import copy
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.modalities import SUBSETS
from datasets.progress import ProgressReport
from datasets.reading import open_dataset
from model.batches import Split, training_order
from model.config import TrainingConfig
from model.errors import ModelError
from model.evaluation import JUDGED, score
from model.image_backbones import Backbone
from model.journal import Journal
from model.material import Material, for_seed, prepare
from model.metrics import majority, over_repeats, spread
from model.network import MultitaskNetwork
from model.optimisers import LazyAdam
from model.posts import Encoding
from model.run_folder import RunFolder, describe
from model.word_vectors import WordVectors

# Adam's first steps move every weight by the full rate, whatever the gradient. At the paper's rate
# of 0.01 they drive most feature maps of the text encoder below zero for good: its head then
# answers with the majority class (docs/measurements.md has the figures).
WARM_UP_STEPS = 200


def train(config: TrainingConfig, *, dataset: Path, out: Path) -> dict[str, Any]:
    """Train on a data set folder, write the run folder ``out`` and return its metrics.

    With ``repeats``, ``out`` holds a run for each seed, and itself the network of the seed with
    the lowest validation loss.
    """
    root = RunFolder(out)
    root.check_replaceable()
    material = prepare(config, open_dataset(dataset), out)
    if config.repeats == 1:
        return _train_once(config, material, root)
    metrics, runs = [], []
    for repeat in range(config.repeats):
        run = RunFolder(out / f"seed-{config.seed + repeat}")
        once = replace(config, seed=config.seed + repeat, repeats=1)
        if repeat:
            material = for_seed(material, once, out)
        metrics.append(_train_once(once, material, run, replaces=root if repeat == 0 else None))
        runs.append(run)
    best = min(range(config.repeats), key=lambda repeat: metrics[repeat]["validation_loss"])
    root.copy_network(runs[best])
    summary = {
        **{
            split: {s: over_repeats([m[split][s] for m in metrics]) for s in SUBSETS}
            for split in JUDGED
        },
        "majority": metrics[0]["majority"],
        "seeds": [m["seed"] for m in metrics],
        "best_seed": metrics[best]["seed"],
        "best_epoch": spread([m["best_epoch"] for m in metrics]),
        "validation_loss": spread([m["validation_loss"] for m in metrics]),
    }
    root.write_metrics(summary)
    return summary


def build_network(
    config: TrainingConfig, encoding: Encoding, backbone: Backbone, vectors: WordVectors
) -> MultitaskNetwork:
    """Build the network as it is before its first step."""
    torch.manual_seed(config.seed)
    network = MultitaskNetwork(
        encoding, copy.deepcopy(backbone), frozen_image=not config.finetune_image
    )
    generator = torch.Generator().manual_seed(config.seed)
    with torch.no_grad():
        network.text_encoder.embedding.weight.copy_(vectors.matrix(encoding.words, generator))
    return network


def _train_once(
    config: TrainingConfig, material: Material, run: RunFolder, replaces: RunFolder | None = None
) -> dict[str, Any]:
    """Train with one seed and write a run folder.

    ``replaces`` is the folder around it that makes room together with it.
    """
    network = build_network(config, material.encoding, material.backbone, material.vectors)
    network.to(material.device)
    history = _fit(config, material, network, Journal(run, replaces))
    best = min(history, key=lambda epoch: epoch["validation_loss"])
    run.read_network(network)
    classes = material.encoding.classes
    scores = {
        name: score(network, material.splits[name], len(classes), material.device)
        for name in JUDGED
    }
    answer = int(np.bincount(material.splits["train"].posts.labels).argmax())
    metrics: dict[str, Any] = {
        **{name: judged.figures() for name, judged in scores.items()},
        # What an F1 or an accuracy is worth shows beside that of always answering the same.
        "majority": {
            "label": classes[answer],
            **{
                name: {s: majority(judged.confusions[s], answer) for s in SUBSETS}
                for name, judged in scores.items()
            },
        },
        "seed": config.seed,
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "validation_loss": best["validation_loss"],
    }
    run.write_metrics(metrics)
    return metrics


def _fit(
    config: TrainingConfig, material: Material, network: MultitaskNetwork, journal: Journal
) -> list[dict[str, Any]]:
    """Train until the validation loss stops falling; the journal's run gets the best weights."""
    optimiser = _optimiser(network, config)
    warm_up = torch.optim.lr_scheduler.LinearLR(
        optimiser, start_factor=1 / WARM_UP_STEPS, total_iters=WARM_UP_STEPS
    )
    order = np.random.default_rng(config.seed)
    train_split, validation = material.splits["train"], material.splits["validation"]
    classes, device = len(material.encoding.classes), material.device
    description = describe(
        config,
        material.encoding,
        material.dataset,
        words_with_vector=len(material.vectors.vectors),
        warm_up_steps=WARM_UP_STEPS,
    )
    best_loss, best_epoch = math.inf, 0
    posts = len(train_split.posts) * config.epochs
    with journal, ProgressReport(f"training (seed {config.seed})", posts, "posts") as report:
        for epoch in range(1, config.epochs + 1):
            started = time.monotonic()
            train_loss = _epoch(
                network, optimiser, warm_up, train_split, config, order, device, report
            )
            seconds = time.monotonic() - started
            judged = score(network, validation, classes, device)
            if not math.isfinite(train_loss + judged.loss):
                raise ModelError(
                    f"the loss is no longer finite after epoch {epoch}: lower --learning-rate "
                    f"(it is {config.learning_rate})"
                )
            journal.add(
                {
                    "epoch": epoch,
                    "train_loss": train_loss,
                    "validation_loss": judged.loss,
                    "validation": judged.figures(),
                    "seconds": round(seconds, 3),
                }
            )
            report.say(journal.line(config.epochs))
            if judged.loss < best_loss:
                best_loss, best_epoch = judged.loss, epoch
                journal.run.write_network(network, description)
            elif epoch - best_epoch >= config.patience:
                break
    return journal.epochs


def _optimiser(network: MultitaskNetwork, config: TrainingConfig) -> LazyAdam:
    backbone = [p for p in network.backbone.parameters() if p.requires_grad]
    known = set(map(id, network.backbone.parameters()))
    groups = [{"params": [p for p in network.parameters() if id(p) not in known]}]
    if backbone:
        groups.append({"params": backbone, "lr": config.image_learning_rate})  # type: ignore[dict-item]
    return LazyAdam(groups, lr=config.learning_rate)


def _epoch(
    network: MultitaskNetwork,
    optimiser: torch.optim.Optimizer,
    warm_up: torch.optim.lr_scheduler.LRScheduler,
    split: Split,
    config: TrainingConfig,
    order: np.random.Generator,
    device: torch.device,
    report: ProgressReport,
) -> float:
    """Take a step on each batch; return the mean loss of a batch."""
    network.train()
    total = torch.zeros((), device=device)
    batches = training_order(split.posts.text_lengths, config.batch_size, order)
    for indices in batches:
        batch = split.batch(indices).to(device)
        loss = network.loss(network(batch), batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        warm_up.step()
        total += loss.detach()
        report.advance(len(indices))
    return float(total) / len(batches)
