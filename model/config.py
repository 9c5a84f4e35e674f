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
from flickr_emotion.common.options import check_options, option
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

    model: str = option("multitask", choices=MODELS, help="The system.")
    subset: str | None = option(
        None,
        choices=SUBSETS,
        default_help="a network for each of the 7",
        help="Of single-task: the one subset whose network is trained, such as image+text.",
    )
    recipe: str = option(
        PAPER,
        choices=RECIPES,
        help="paper, or best: of multitask, with what helps where posts are few (docs/model.md).",
    )
    without: tuple[str, ...] = option(
        (),
        choices=tuple(PARTS),
        metavar="PART",
        help=f"Of the best recipe, leave out a part; once for each: {', '.join(PARTS)}.",
    )
    image_encoder: str | None = option(
        None,
        metavar="NAME",
        default_help=f"{PAPERS_IMAGES}; inception_v3 for inception; {BEST_IMAGES} with "
        "--recipe best",
        help="A torchvision classification model, efficientnet_lite0 or efficientnet_lite2; "
        "several with + between.",
    )
    image_weights: str = option(
        "imagenet",
        metavar="NAME|FILE",
        help="imagenet, none (random), or a .safetensors or .pth state dict.",
    )
    # Frozen by default: Adam at the paper's rate would destroy pretrained weights within a few
    # steps, and frozen features are computed only once.
    finetune_image: bool = option(False, negatable=True, help="Train the image encoder too.")
    image_learning_rate: float = option(
        1e-4, between=(0, 1), help="The image encoder's rate with --finetune-image."
    )
    word_vectors: Path | None = option(
        None,
        metavar="FILE",
        default_help="random vectors",
        help="A word2vec or GloVe file of 300 dimensions.",
    )
    epochs: int = option(
        30, minimum=1, help="Passes over the training posts at most; early stopping ends before."
    )
    batch_size: int | None = option(
        None,
        minimum=1,
        default_help=f"{PAPERS_BATCH}; {BEST_BATCH} with --recipe best",
        help="Posts per batch, which several processes divide.",
    )
    accumulate: int = option(1, minimum=1, help="Batches per step: a large step in little memory.")
    learning_rate: float | None = option(
        None,
        between=(0, 1),
        default_help=f"{PAPERS_RATE:g}; {BEST_RATE:g} with --recipe best",
        help="Adam's rate for everything but the image encoder.",
    )
    patience: int = option(
        5, minimum=1, help="Epochs without a lower validation loss before training ends."
    )
    seed: int = option(
        0,
        minimum=0,
        maximum=2**32 - 1,
        help="Decides initial weights, dropout and the order of posts.",
    )
    repeats: int = option(
        1, minimum=1, help="Runs with successive seeds; metrics are their mean and deviation."
    )
    device: str = option(
        "auto",
        # Torch knows more, such as ``meta``, on which nothing is computed.
        pattern=r"auto|cpu|cuda(:[0-9]{1,2})?",
        metavar="auto, cpu, cuda or cuda:N",
        help="Where the network runs; auto is CUDA where there is one.",
    )
    # nvJPEG keeps up with a GPU, and rounds otherwise than the CPU's decoder.
    decode: str = option(
        "cpu", choices=("cpu", "gpu"), help="What decodes pictures: cpu, or gpu for nvJPEG."
    )
    compile: bool = option(
        False, help="Compile the image encoder (torch.compile), which pays where it is trained."
    )

    def __post_init__(self) -> None:
        check_options(self, ModelError)
        if self.subset is not None and self.model != "single-task":
            raise ModelError(f"--subset is for --model single-task: omit it with {self.model}")
        self._check_recipe()
        last = self.seed + self.repeats - 1
        if last >= 2**32:
            raise ModelError(
                f"--seed {self.seed} with --repeats {self.repeats} ends with the seed {last}: give "
                "seeds from 0 to 2**32 - 1"
            )

    def _check_recipe(self) -> None:
        if self.recipe == PAPER:
            if self.without:
                raise ModelError("--without leaves out parts of the best recipe: add --recipe best")
            return
        if self.model != "multitask":
            raise ModelError(
                f"--recipe {self.recipe} is for --model multitask: omit it with {self.model}"
            )
        if self.finetune_image:
            raise ModelError(
                f"--recipe {self.recipe} reads features of a frozen image encoder: omit "
                "--finetune-image or the recipe"
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
