"""What a training run can be told, checked before anything is read or computed.

A field is what the user has set; None leaves it to the recipe. What then holds is a property
(``resolved_...``), so that a setting that changes the recipe changes all that follows from it. The
defaults are the paper's settings (section 3.2). The command line imports this module to show them,
so it must not import torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

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

    image_encoder: str | None = None
    """A torchvision classification model, ``efficientnet_lite0`` or ``efficientnet_lite2``; several
    with ``+`` between. None for the model's own: ``inception_v3`` for ``inception``, two side by
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

    batch_size: int | None = None
    """Posts to a pass through the network, which several processes divide; None for the recipe's
    own: 64, 128 in the best."""

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
        for name in ("epochs", "batch_size", "accumulate", "patience", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ModelError(f"{_option(name)} is {value}: it must be at least 1")
        for name in ("learning_rate", "image_learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ModelError(f"{_option(name)} is {value}: it must lie between 0 and 1")
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
    def resolved_image_encoder(self) -> str:
        """The image encoder that is used."""
        if self.image_encoder is not None:
            return self.image_encoder
        images = BEST_IMAGES if PICTURES in self.parts else PAPERS_IMAGES
        return _IMAGE_ENCODERS.get(self.model, images)

    @property
    def resolved_batch_size(self) -> int:
        """How many posts a batch has."""
        if self.batch_size is not None:
            return self.batch_size
        return BEST_BATCH if RATE in self.parts else PAPERS_BATCH

    @property
    def resolved_learning_rate(self) -> float:
        """Adam's rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return BEST_RATE if RATE in self.parts else PAPERS_RATE

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

    def options(self) -> dict[str, Any]:
        """Return all settings by name, resolved: what a run records.

        A run that is read back does not depend on what the recipes' defaults are by then.
        """
        return asdict(self) | {
            "image_encoder": self.resolved_image_encoder,
            "batch_size": self.resolved_batch_size,
            "learning_rate": self.resolved_learning_rate,
        }

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "TrainingConfig":
        """Return the settings that a run's ``config.json`` names; others have their defaults.

        Raises ``TypeError`` where a value is of the wrong kind.
        """
        values = {field.name: options[field.name] for field in fields(cls) if field.name in options}
        if values.get("word_vectors") is not None:
            values["word_vectors"] = Path(values["word_vectors"])
        if isinstance(values.get("without"), list):
            values["without"] = tuple(values["without"])
        hints = get_type_hints(cls)
        for name, value in values.items():
            kind = get_origin(hints[name]) if name == "without" else hints[name]
            if not isinstance(value, kind):
                named = getattr(kind, "__name__", str(kind).removesuffix(" | None"))
                raise TypeError(f"{name} is no {named}")
        return cls(**values)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
