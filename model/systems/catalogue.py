"""From the name of a system to the system: training and reading a run back build the same."""

from collections.abc import Sequence

from model.config import ENSEMBLES
from model.image_backbones import Backbone
from model.network import MultitaskNetwork
from model.posts import Encoding
from model.systems.common_space import CommonSpace
from model.systems.early_fusion import EarlyFusion
from model.systems.ensembles import Ensemble, LateFusion, WeightedVote
from model.systems.joint_fusion import JointFusion
from model.systems.recipe_network import RecipeNetwork
from model.systems.system import System
from model.systems.transformer_fusion import TransformerFusion
from model.systems.unimodal import fasttext, inception
from model.text_readers import TextReader

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
) -> System:
    """Build a system of one network, with new weights.

    ``backbone`` is None for a system that sees no pictures; ``parts`` are what the best recipe adds
    to the paper's, with the ``readers`` among them.
    """
    if parts:
        assert backbone is not None
        sizes = [reader.dimension for reader in readers]
        return RecipeNetwork(encoding, backbone, readers=sizes, parts=parts)
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
    """Put single-task networks together."""
    assert model in ENSEMBLES
    return _ENSEMBLES[model](networks)
