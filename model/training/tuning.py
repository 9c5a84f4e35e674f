"""Trains MiniLM's layers on a data set's training posts (`train --finetune-text`).

This happens once, before the network is trained: the network then reads the scores as it reads the
features of frozen encoders. The trained layers are kept beside the data set's features, so that
another seed, a resumed training and the next run with the same posts need not train them again.

Shapes in names: N posts, B posts of a batch, C classes.
"""

# ruff: noqa: N806 (shapes in names)

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.split_names import TRAIN
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TORCH
from flickr_emotion.model.features.feature_files import GrowingFile, kept_or_made
from flickr_emotion.model.features.texts.readers import READ
from flickr_emotion.model.features.texts.sentences import SentenceReader
from flickr_emotion.model.features.texts.tuned import (
    TunedReader,
    contiguous,
    new_tuned_text,
    published_encoder,
    shapes_of_tuned_text,
)
from flickr_emotion.model.features.texts.tuned_text import TunedText
from flickr_emotion.model.features.texts.views import joined_text
from flickr_emotion.model.inputs.batches import Split, training_order
from flickr_emotion.model.recipes import TUNED
from flickr_emotion.model.training.optimisers import LazyAdam

EPOCHS = 2
POSTS_PER_STEP = 16
RATE, RATE_OF_SCORES = 5e-5, 1e-3
"""Of the encoder's layers, and of the scores above them, which begin at zero."""
WARM_UP = 0.1
"""The part of the steps in which the rates rise; then they fall to zero (Devlin et al. 2019)."""
LONGEST_GRADIENT = 1.0
_SEED = 0
"""The same for every seed of a training, so that repeats share the encoder."""
_VERSION = 1
"""To be raised when the same posts would give other layers."""


def tuned_reader(
    dataset: Dataset, split: Split, *, folders: Sequence[Path], device: torch.device
) -> TunedReader:
    """Return MiniLM trained on the posts of ``split``, the training posts in use.

    It is trained only if none of the ``folders`` keeps it, and then kept in the first that can be
    written.
    """
    base, classes = published_encoder(), len(dataset.classes)
    shapes = dict(sorted(shapes_of_tuned_text(classes).items()))
    sizes = [math.prod(shape) for shape in shapes.values()]
    kept = kept_or_made(
        folders,
        [f"{TUNED}-layers", f"{base.digest()} {_VERSION} {_digest(split)}", dataset.digest],
        {TUNED: (1, sum(sizes))},
        partial(_train_into, base=base, dataset=dataset, split=split, device=device),
    )
    pieces = zip(shapes.items(), torch.split(kept[TUNED][0], sizes), strict=True)
    weights = {name: piece.view(shape) for (name, shape), piece in pieces}
    # A graph for ONNX Runtime would be made for this run alone.
    return TunedReader(contiguous(weights), classes, TORCH)


def _digest(split: Split) -> str:
    """Return a digest of which posts are trained on, with what of them, and of what they teach."""
    posts = split.posts
    digest = hashlib.sha256()
    for values in (_places(split), *(posts.present[modality] for modality in READ)):
        digest.update(np.ascontiguousarray(values).tobytes())
    if split.by_distribution:
        digest.update(posts.targets(np.arange(len(posts))).tobytes())
    return digest.hexdigest()


def _places(split: Split) -> np.typing.NDArray[np.int64]:
    """Return the position of each post among the data set's training posts, (N,)."""
    places = split.posts.places
    return np.arange(len(split.posts)) if places is None else places


def _train_into(
    files: dict[str, Path],
    *,
    base: SentenceReader,
    dataset: Dataset,
    split: Split,
    device: torch.device,
) -> None:
    network = new_tuned_text(base, len(dataset.classes)).to(device)
    tune(network, base, texts_read(dataset, split), split, device)
    tensors = network.tuned().state_dict()
    flat = torch.cat([tensors[name].flatten().float().cpu() for name in sorted(tensors)])
    with GrowingFile(files[TUNED], (1, len(flat))) as file:
        file.fill([flat[None]])


def texts_read(dataset: Dataset, split: Split) -> list[str]:
    """Return what is read of each post, (N,); empty where it is used without text and tags."""
    rows = [row for batch in dataset.batches(TRAIN, ("text", "tags")) for row in batch]
    has_text, has_tags = (split.posts.present[modality].tolist() for modality in READ)
    return [
        joined_text(rows[place]["text"] if text else None, rows[place]["tags"] if tags else None)
        for place, text, tags in zip(_places(split).tolist(), has_text, has_tags, strict=True)
    ]


def tune(
    network: TunedText,
    base: SentenceReader,
    texts: Sequence[str],
    split: Split,
    device: torch.device,
) -> None:
    """Train a network on the texts (N,) of the posts of ``split``; empty ones teach nothing."""
    has_any = np.flatnonzero([text != "" for text in texts])
    if not len(has_any):
        return
    targets: Tensor = torch.from_numpy(
        split.posts.targets(np.arange(len(split.posts)))
        if split.by_distribution
        else split.posts.labels
    ).to(device)
    torch.manual_seed(_SEED)
    generator = np.random.default_rng(_SEED)
    tuned = network.tuned().requires_grad_(True)
    network.train()
    rates = {"layers": RATE, "scores": RATE_OF_SCORES}
    optimiser = LazyAdam(
        [{"params": list(tuned[part].parameters()), "lr": rate} for part, rate in rates.items()],
        lr=RATE,
    )
    lengths = np.array([len(texts[post]) for post in has_any.tolist()])
    batches = [
        has_any[batch]
        for _ in range(EPOCHS)
        for batch in training_order(lengths, POSTS_PER_STEP, generator)
    ]
    with ProgressReport("tuning the sentence encoder", EPOCHS * len(has_any), "posts") as report:
        for step, posts in enumerate(batches):
            for group, rate in zip(optimiser.param_groups, rates.values(), strict=True):
                group["lr"] = rate * _share_of_rate(step, len(batches))
            tokens = base.tokens([texts[post] for post in posts.tolist()]).to(device)
            logits_BC = network(tokens["input_ids"], tokens["attention_mask"])
            optimiser.zero_grad()
            cross_entropy(logits_BC, targets[posts]).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(tuned.parameters(), LONGEST_GRADIENT)
            optimiser.step()
            report.advance(len(posts))
    network.eval()


def _share_of_rate(step: int, steps: int) -> float:
    """Return what multiplies the rates in a step: it rises, then falls to zero."""
    rising = max(1, int(WARM_UP * steps))
    return min((step + 1) / rising, (steps - step) / max(1, steps - rising))
