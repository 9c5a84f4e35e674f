"""Builds a network before its first step, and checks that a checkpoint's backbone is the same.

All that the seed decides about a new network is drawn here: its initial weights, and the vectors of
words that no file has. Runs with the same settings start from the same numbers, whether separate or
part of another run.
"""

import copy

import numpy as np
import torch

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
    torch.manual_seed(config.seed)
    network = build_system(
        config.model,
        config.subset,
        material.encoding,
        copy.deepcopy(material.backbone) if "image" in config.modalities else None,
        frozen_image=not config.finetune_image,
        parts=config.parts,
        readers=material.readers,
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


def check_backbone(checkpoint: Checkpoint, network: System, config: TrainingConfig) -> None:
    """Refuse to resume with features of a different backbone.

    Raises ``ModelError``.
    """
    if config.finetune_image or network.backbone is None:
        return
    prefix = "encoders.image.backbone."
    for name, tensor in network.backbone.state_dict().items():
        held = checkpoint.network.get(prefix + name)
        if held is None or not torch.equal(held, tensor.cpu()):
            raise ModelError(
                f"--image-weights {config.image_weights} differ from those that the training began "
                "with: train again"
            )
