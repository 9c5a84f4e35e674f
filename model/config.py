"""What a training run can be told, checked before anything is read or computed.

The defaults are the paper's settings (section 3.2). The command line imports this module to show
them, so it must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.recipes import (
    BEST,
    BEST_BATCH,
    BEST_IMAGES,
    BEST_RATE,
    BEST_WARM_UP,
    PAPER,
    PAPERS_BATCH,
    PAPERS_IMAGES,
    PAPERS_RATE,
    PAPERS_WARM_UP,
    PARTS,
    PICTURES,
    RATE,
    READERS,
    RECIPES,
)

ENSEMBLES = {"single-task": SUBSETS, "late-fusion": MODALITIES, "weighted-vote": MODALITIES}
"""Systems of several networks, each trained in a run of its own: the subsets of their networks."""

MODELS = (
    "multitask",
    *ENSEMBLES,
    "early-fusion",
    "joint-fusion",
    "common-space",
    "fasttext",
    "inception",
    "mmtrans-mt",
)

_IMAGE_ENCODERS = {"inception": "inception_v3"}
_READS = {"fasttext": ("text",), "inception": ("image",)}


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The settings of one training run."""

    model: str = "multitask"
    """One of ``MODELS``."""

    subset: str | None = None
    """Of ``single-task``: the one subset whose network is trained; all seven without it."""

    recipe: str = PAPER
    """``paper``, or ``best``: of ``multitask``, with what helps where posts are few."""

    without: tuple[str, ...] = ()
    """Parts of the best recipe that are left out, each one of ``PARTS``."""

    image_encoder: str = ""
    """A torchvision classification model, ``efficientnet_lite0`` or ``efficientnet_lite2``; several
    with ``+`` between. Empty for the model's own: ``inception_v3`` for ``inception``, two side by
    side in the best recipe, else the paper's ``densenet121``."""

    image_weights: str = "imagenet"
    """``imagenet``, ``none`` (random), or a state dict as ``.safetensors`` or ``.pth``."""

    finetune_image: bool = False
    """Whether the image backbone is trained too. Frozen by default: Adam at the paper's rate would
    destroy pretrained weights within a few steps, and frozen features are computed only once."""

    image_learning_rate: float = 1e-4
    """The rate of the backbone's own parameters with ``finetune_image``."""

    word_vectors: Path | None = None
    """A word2vec or GloVe file of 300 dimensions; random word vectors without one."""

    epochs: int = 30
    """Passes over the training posts at most; early stopping usually ends before."""

    batch_size: int = 0
    """Posts to a pass through the network, which several processes divide; 0 for the recipe's own:
    64, 128 in the best."""

    accumulate: int = 1
    """Passes to a step. Each head's loss is its mean over all posts of the step."""

    learning_rate: float | None = None
    """Adam's rate for everything but the image backbone; None for the recipe's own."""

    patience: int = 5
    """Epochs without a lower validation loss after which training ends."""

    seed: int = 0
    """Decides initial weights, dropout and the order of posts."""

    repeats: int = 1
    """Runs with the seeds ``seed``, ``seed + 1``, ...; metrics are then mean and deviation."""

    device: str = "auto"
    """``auto`` (CUDA where there is one), ``cpu``, ``cuda``, or one of several as ``cuda:1``."""

    decode: str = "cpu"
    """``cpu``, or ``gpu`` for nvJPEG, which keeps up with a GPU and rounds otherwise."""

    compile: bool = False
    """Whether the image backbone is compiled: it pays where it is trained, on a GPU."""

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ModelError(f"--model {self.model} is not known: give one of {', '.join(MODELS)}")
        if self.subset is not None:
            if self.model != "single-task":
                raise ModelError(
                    f"--subset is for --model single-task: leave it away with {self.model}"
                )
            if self.subset not in SUBSETS:
                raise ModelError(
                    f"--subset {self.subset} is not known: give one of {', '.join(SUBSETS)}"
                )
        self._check_recipe()
        if self.learning_rate is None:
            own = BEST_RATE if RATE in self.parts else PAPERS_RATE
            object.__setattr__(self, "learning_rate", own)
        if self.batch_size == 0:
            batch_size = BEST_BATCH if RATE in self.parts else PAPERS_BATCH
            object.__setattr__(self, "batch_size", batch_size)
        if not self.image_encoder:
            images = BEST_IMAGES if PICTURES in self.parts else PAPERS_IMAGES
            encoder = _IMAGE_ENCODERS.get(self.model, images)
            object.__setattr__(self, "image_encoder", encoder)
        for name in ("epochs", "batch_size", "accumulate", "patience", "repeats"):
            if getattr(self, name) < 1:
                raise ModelError(f"{_option(name)} is {getattr(self, name)}: it must be at least 1")
        for name in ("learning_rate", "image_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise ModelError(
                    f"{_option(name)} is {getattr(self, name)}: it must lie between 0 and 1"
                )
        if not 0 <= self.seed < 2**32:
            raise ModelError(f"--seed is {self.seed}: it must lie between 0 and 2**32 - 1")
        last = self.seed + self.repeats - 1
        if last >= 2**32:
            raise ModelError(
                f"--seed {self.seed} with --repeats {self.repeats} ends with the seed {last}: it "
                "must lie between 0 and 2**32 - 1"
            )

    def _check_recipe(self) -> None:
        if self.recipe not in RECIPES:
            raise ModelError(
                f"--recipe {self.recipe} is not known: give one of {', '.join(RECIPES)}"
            )
        if self.recipe == PAPER:
            if self.without:
                raise ModelError("--without takes parts of the best recipe away: add --recipe best")
            return
        if self.model != "multitask":
            raise ModelError(
                f"--recipe {self.recipe} is the multitask network's: leave --model {self.model} "
                "or the recipe away"
            )
        if self.finetune_image:
            raise ModelError(
                f"--recipe {self.recipe} reads the features of a frozen image encoder: leave "
                "--finetune-image or the recipe away"
            )
        if unknown := [part for part in self.without if part not in PARTS]:
            raise ModelError(
                f"--without {unknown[0]} is not known: give some of {', '.join(PARTS)}"
            )
        if not self.parts:
            raise ModelError("--without leaves nothing of the best recipe: give --recipe paper")

    @property
    def parts(self) -> frozenset[str]:
        """What the recipe adds to the paper's."""
        return frozenset(PARTS) - {*self.without} if self.recipe == BEST else frozenset()

    @property
    def rate(self) -> float:
        """Adam's rate."""
        assert self.learning_rate is not None
        return self.learning_rate

    @property
    def warm_up_steps(self) -> int:
        """Over how many steps the rate rises."""
        return BEST_WARM_UP if RATE in self.parts else PAPERS_WARM_UP

    @property
    def readers(self) -> tuple[str, ...]:
        """The frozen readers of texts and tags."""
        return tuple(reader for reader in READERS if reader in self.parts)

    @property
    def networks(self) -> tuple[str, ...]:
        """The subsets of the networks that are trained one by one; none where it is one network."""
        return () if self.subset else ENSEMBLES.get(self.model, ())

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the system reads of a post."""
        if self.subset:
            return tuple(self.subset.split("+"))
        return _READS.get(self.model, MODALITIES)

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "TrainingConfig":
        """Return the settings that a run's ``config.json`` names; others have their defaults.

        Raises ``TypeError`` where a value is of the wrong kind.
        """
        known = {field.name: field for field in fields(cls) if field.name in options}
        values = {name: options[name] for name in known}
        if values.get("word_vectors") is not None:
            values["word_vectors"] = Path(values["word_vectors"])
        if isinstance(values.get("without"), list):
            values["without"] = tuple(values["without"])
        for name, field in known.items():
            kind = type(field.default)
            if field.default is not None and not isinstance(values[name], kind):
                raise TypeError(f"{name} is no {kind.__name__}")
        return cls(**values)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
