"""Builds a system from its name, for training and for loading a run alike."""

from collections.abc import Sequence

from torch import nn

from flickr_emotion.model.config import ENSEMBLES
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.networks.common_space import CommonSpace
from flickr_emotion.model.networks.early_fusion import EarlyFusion
from flickr_emotion.model.networks.ensembles import Ensemble, LateFusion, WeightedVote
from flickr_emotion.model.networks.joint_fusion import JointFusion
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.networks.transformer_fusion import TransformerFusion
from flickr_emotion.model.networks.unimodal import fasttext, inception
from flickr_emotion.model.posts.posts import Encoding

_FUSIONS: dict[str, type[EarlyFusion | JointFusion | TransformerFusion]] = {
    "early-fusion": EarlyFusion,
    "joint-fusion": JointFusion,
    "common-space": CommonSpace,
    "mmtrans-mt": TransformerFusion,
}
_ENSEMBLES = {"single-task": Ensemble, "late-fusion": LateFusion, "weighted-vote": WeightedVote}


def build_system(
    model: str,
    subset: str | None,
    encoding: Encoding,
    backbone: Backbone | None,
    *,
    frozen_image: bool,
    parts: frozenset[str] = frozenset(),
    readers: Sequence[TextReader] = (),
    tuned: nn.Module | None = None,
) -> System:
    """Build a system of one network with new weights.

    ``backbone`` is None for a system that reads no pictures; ``parts`` are the best recipe's parts
    in use, ``readers`` the frozen text readers among them, and ``tuned`` the trained parts of the
    reader of `--finetune-text`.
    """
    if parts:
        assert backbone is not None
        sizes = [reader.dimension for reader in readers]
        return RecipeNetwork(encoding, backbone, readers=sizes, parts=parts, tuned=tuned)
    if model == "multitask":
        return MultitaskNetwork(encoding, backbone, frozen_image=frozen_image)
    if model == "single-task":
        assert subset is not None
        return MultitaskNetwork(encoding, backbone, frozen_image=frozen_image, subsets=(subset,))
    if model == "fasttext":
        return fasttext(encoding)
    if model == "inception":
        assert backbone is not None
        return inception(encoding, backbone, frozen_image=frozen_image)
    return _FUSIONS[model](encoding, backbone, frozen_image=frozen_image)


def build_ensemble(model: str, networks: dict[str, MultitaskNetwork]) -> Ensemble:
    """Combine single-task networks into an ensemble."""
    assert model in ENSEMBLES
    return _ENSEMBLES[model](networks)
