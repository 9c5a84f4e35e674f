"""Builds a network before its first step, and checks that a checkpoint's frozen parts are the same.

All that the seed decides about a new network is drawn here: its initial weights, and the vectors of
words that no file has. Runs with the same settings start from the same numbers, whether separate or
part of another run.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.split_names import TRAIN
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.networks.catalogue import build_system
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.runs.checkpoints import Checkpoint
from flickr_emotion.model.training.material import Material

POSTS_PER_SCALE = 20_000
"""Enough posts for the scale of frozen features and the regression on them; more would fill the
memory."""


def build_network(config: TrainingConfig, material: Material) -> System:
    """Build the network of a run, on the CPU."""
    # Before the seed is set, because the first time it is loaded random numbers are drawn.
    tuned = copy.deepcopy(material.tuned.network.tuned()) if material.tuned else None
    torch.manual_seed(config.seed)
    network = build_system(
        config.model,
        config.subset,
        material.encoding,
        copy.deepcopy(material.backbone) if "image" in config.modalities else None,
        frozen_image=not config.finetune_image,
        parts=config.parts,
        readers=material.readers,
        tuned=tuned,
    )
    network.leave_out_untaught(material.training_posts)
    if isinstance(network, RecipeNetwork):
        split = material.splits[TRAIN]
        step = 1 + len(split.posts) // POSTS_PER_SCALE
        network.fit_frozen(split.batch(np.arange(0, len(split.posts), step)))
    generator = torch.Generator().manual_seed(config.seed)
    if network.word_embedding:
        with torch.no_grad():
            vectors = material.vectors.matrix(material.encoding.words, generator)
            network.word_embedding.weight.copy_(vectors)
    return network


def check_frozen_parts(checkpoint: Checkpoint, network: System, config: TrainingConfig) -> None:
    """Refuse to resume with features of a different backbone, or of another tuned reader.

    Raises ``ModelError``.
    """
    if not config.finetune_image and network.backbone is not None:
        prefix, held = "encoders.image.backbone.", network.backbone.state_dict()
        if not _same(checkpoint, prefix, held):
            raise ModelError(
                f"--image-weights {config.image_weights} differ from those that the training began "
                "with: train again"
            )
    tuned = network.tuned if isinstance(network, RecipeNetwork) else None
    if tuned is not None and not _same(checkpoint, "tuned.", tuned.state_dict()):
        raise ModelError(
            "the sentence encoder of --finetune-text is not the one that the training began with, "
            "because its kept layers are gone: train again"
        )


def _same(checkpoint: Checkpoint, prefix: str, expected: Mapping[str, Tensor]) -> bool:
    held = checkpoint.network
    return all(
        prefix + name in held and torch.equal(held[prefix + name], tensor.cpu())
        for name, tensor in expected.items()
    )
