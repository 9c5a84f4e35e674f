"""The settings of a training run, validated before anything is read or computed.

A field holds what the user has set; None means that the recipe decides. The value in effect is a
property (``resolved_...``), so that it follows when the recipe changes. The defaults are the
paper's settings (section 3.2) but for the word vectors, and where it says nothing (docs/model.md).
The command line imports this module to show them, so it must not import torch.
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
    BEST_TEXT,
    BEST_WARM_UP,
    HUB,
    LEXICON,
    PAPER,
    PAPERS_BATCH,
    PAPERS_IMAGES,
    PAPERS_RATE,
    PAPERS_WARM_UP,
    PARTS,
    PICTURES,
    RATE,
    RECIPES,
    SENTENCES,
    TEXT_ENCODERS,
)

ENSEMBLES = {"single-task": SUBSETS, "late-fusion": MODALITIES, "weighted-vote": MODALITIES}
"""The systems of several networks, each trained in its own run, and their networks' subsets."""

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

AUTO, ONNXRUNTIME, TORCH = "auto", "onnxruntime", "torch"
ENGINES = (AUTO, ONNXRUNTIME, TORCH)

LABEL, DISTRIBUTION = "label", "distribution"
TARGETS = (LABEL, DISTRIBUTION)
_COMPARE_LABELS = {
    "common-space": "its ranking loss compares labels",
    "mmtrans-mt": "its second task follows from the label",
}
"""The systems that cannot learn distributions, and why."""

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
        help="With single-task: train the network of this subset only, such as image+text.",
    )
    recipe: str = option(
        PAPER,
        choices=RECIPES,
        help="paper (docs/model.md says what of it is not the paper's), or best: multitask with "
        "additions for small data sets.",
    )
    without: tuple[str, ...] = option(
        (),
        choices=tuple(PARTS),
        metavar="PART",
        help=f"Omit a part of the best recipe; repeatable: {', '.join(PARTS)}.",
    )
    target: str = option(
        LABEL,
        choices=TARGETS,
        help="What a post teaches: its label, or the distribution of all votes on it, where it has "
        "one.",
    )
    image_encoder: str | None = option(
        None,
        metavar="NAME",
        default_help=f"{PAPERS_IMAGES}; inception_v3 for inception; {BEST_IMAGES} with "
        "--recipe best",
        help="A torchvision classification model, efficientnet_lite0 or efficientnet_lite2 (also "
        "with _stages), or hub:NAME for a vision tower of the hub or of a folder; join several "
        "with +.",
    )
    image_weights: str = option(
        "imagenet",
        metavar="NAME|FILE",
        help="imagenet (of hub:NAME its own), none (random), or a .safetensors or .pth state dict.",
    )
    # Frozen by default: Adam at the paper's rate would destroy pretrained weights within a few
    # steps, and frozen features are computed only once.
    finetune_image: bool = option(False, negatable=True, help="Train the image encoder too.")
    image_learning_rate: float = option(
        1e-4, between=(0, 1), help="The image encoder's rate with --finetune-image."
    )
    text_encoder: str | None = option(
        None,
        pattern="|".join((*TEXT_ENCODERS, f"{HUB}.+")),
        metavar=f"{', '.join(TEXT_ENCODERS)} or {HUB}NAME",
        default_help=f"{BEST_TEXT} with --recipe best",
        help="The sentence encoder of --recipe best; use is the fast one. hub:NAME is a text "
        "encoder, or the text tower of an image-text encoder, of the hub or of a folder.",
    )
    finetune_text: bool = option(
        False,
        negatable=True,
        help="Train MiniLM on the posts' texts and tags too, and join its answer with that of "
        "--recipe best: minutes for thousands of posts, and better answers.",
    )
    download: bool = option(
        False, help="Fetch the models of hub:NAME that are not on this machine."
    )
    word_vectors: Path | None = option(
        None,
        metavar="FILE",
        default_help="random vectors; the paper's are pretrained word2vec",
        help="A word2vec or GloVe file of 300 dimensions, also as .gz or .zip.",
    )
    epochs: int = option(
        30, minimum=1, help="Most passes over the training posts; early stopping may end sooner."
    )
    batch_size: int | None = option(
        None,
        minimum=1,
        default_help=f"{PAPERS_BATCH}; {BEST_BATCH} with --recipe best",
        help="Posts per batch; several processes share it.",
    )
    accumulate: int = option(1, minimum=1, help="Batches per step (gradient accumulation).")
    learning_rate: float | None = option(
        None,
        between=(0, 1),
        default_help=f"{PAPERS_RATE:g}; {BEST_RATE:g} with --recipe best",
        help="Adam's learning rate, except for the image encoder.",
    )
    patience: int = option(
        5, minimum=1, help="Epochs without a lower validation loss before training stops."
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
        # Torch knows more devices, such as ``meta``, on which nothing is computed.
        pattern=r"auto|cpu|cuda(:[0-9]{1,2})?",
        metavar="auto, cpu, cuda or cuda:N",
        help="Where the network runs; auto is CUDA if available.",
    )
    engine: str = option(
        AUTO,
        choices=ENGINES,
        help="What runs frozen encoders of pictures and texts on a CPU: onnxruntime is faster, "
        "torch is the reference; auto takes onnxruntime where that saves time.",
    )
    # nvJPEG keeps up with a GPU but rounds differently from the CPU's decoder.
    decode: str = option(
        "cpu", choices=("cpu", "gpu"), help="The picture decoder: cpu, or gpu for nvJPEG."
    )
    compile: bool = option(
        False, help="Compile the image encoder (torch.compile); worthwhile with --finetune-image."
    )

    def __post_init__(self) -> None:
        check_options(self, ModelError)
        if self.subset is not None and self.model != "single-task":
            raise ModelError(f"--subset is for --model single-task: omit it with {self.model}")
        if self.target == DISTRIBUTION and self.model in _COMPARE_LABELS:
            raise ModelError(
                f"--target distribution is not for --model {self.model}, because "
                f"{_COMPARE_LABELS[self.model]}: omit it"
            )
        self._check_recipe()
        if self.text_encoder is not None and SENTENCES not in self.parts:
            raise ModelError(
                f"--text-encoder {self.text_encoder} is for --recipe best with its part "
                f"{SENTENCES}: give that recipe, or omit --text-encoder"
            )
        if self.finetune_text and SENTENCES not in self.parts:
            raise ModelError(
                f"--finetune-text is for --recipe best with its part {SENTENCES}: give that "
                "recipe, or omit --finetune-text"
            )
        last = self.seed + self.repeats - 1
        if last >= 2**32:
            raise ModelError(
                f"--seed {self.seed} with --repeats {self.repeats} reaches seed {last}: give seeds "
                "from 0 to 2**32 - 1"
            )

    def _check_recipe(self) -> None:
        if self.recipe == PAPER:
            if self.without:
                raise ModelError("--without omits parts of the best recipe: add --recipe best")
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
            raise ModelError("--without omits every part of the best recipe: give --recipe paper")

    @property
    def parts(self) -> frozenset[str]:
        """The best recipe's parts that are in use; none with the paper's recipe."""
        return frozenset(PARTS) - {*self.without} if self.recipe == BEST else frozenset()

    @property
    def resolved_image_encoder(self) -> str:
        """The image encoder in use."""
        if self.image_encoder is not None:
            return "+".join(map(_with_whole_path, self.image_encoder.split("+")))
        images = BEST_IMAGES if PICTURES in self.parts else PAPERS_IMAGES
        return _IMAGE_ENCODERS.get(self.model, images)

    @property
    def resolved_batch_size(self) -> int:
        """The number of posts per batch."""
        if self.batch_size is not None:
            return self.batch_size
        return BEST_BATCH if RATE in self.parts else PAPERS_BATCH

    @property
    def resolved_learning_rate(self) -> float:
        """Adam's learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return BEST_RATE if RATE in self.parts else PAPERS_RATE

    @property
    def warm_up_steps(self) -> int:
        """The number of steps over which the learning rate rises."""
        return BEST_WARM_UP if RATE in self.parts else PAPERS_WARM_UP

    @property
    def resolved_text_encoder(self) -> str | None:
        """The sentence encoder in use; None if words are read."""
        if SENTENCES not in self.parts:
            return None
        return _with_whole_path(self.text_encoder or BEST_TEXT)

    @property
    def readers(self) -> tuple[str, ...]:
        """The frozen text readers, for texts and tags: the sentence encoder and the lexicon."""
        encoder = self.resolved_text_encoder
        return (*((encoder,) if encoder else ()), *((LEXICON,) if LEXICON in self.parts else ()))

    @property
    def networks(self) -> tuple[str, ...]:
        """The subsets of an ensemble's networks; empty for a system of one network."""
        return () if self.subset else ENSEMBLES.get(self.model, ())

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the system reads."""
        if self.subset:
            return tuple(self.subset.split("+"))
        return _READS.get(self.model, MODALITIES)

    def options(self) -> dict[str, Any]:
        """Return all settings by name with their resolved values, as a run records them.

        Recording them resolved keeps a run readable after the recipes' defaults have changed.
        """
        return asdict(self) | {
            "image_encoder": self.resolved_image_encoder,
            "text_encoder": self.resolved_text_encoder,
            "batch_size": self.resolved_batch_size,
            "learning_rate": self.resolved_learning_rate,
        }

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "TrainingConfig":
        """Return the settings recorded in a run's ``config.json``; missing ones get their defaults.

        Raises ``TypeError`` if a value has the wrong type.
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
                raise TypeError(f"{name} is not of type {named}")
        return cls(**values)


def _with_whole_path(name: str) -> str:
    """Return an encoder's name; of a folder with its absolute path, by which a run finds it."""
    if not name.startswith(HUB):
        return name
    folder = Path(name.removeprefix(HUB)).expanduser()
    return f"{HUB}{folder.resolve()}" if folder.is_dir() else name
