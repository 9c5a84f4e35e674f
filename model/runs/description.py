"""What a run folder says of its network, read without torch: the first step of every command.

``model/runs/loading.py`` builds the network with torch; ``model/prediction/plain_network.py``
computes its answers without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flickr_emotion.common.replacing import standing
from flickr_emotion.datasets.folder.classes import class_names
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.recipes import BEST, PAPER, TUNED
from flickr_emotion.model.runs.files import CONFIG, read_config

Kind = TypeVar("Kind", bool, dict[str, Any], str)

_KINDS: dict[type, str] = {bool: "not true or false", dict: "not an object", str: "not a string"}


@dataclass(frozen=True, kw_only=True)
class Description:
    """The content of ``config.json``, checked."""

    folder: Path
    """Where the run stands."""
    content: dict[str, Any]
    encoding: Encoding
    config: TrainingConfig
    """The settings that decide how the network is built."""
    dataset_folder: Path
    dataset_digest: str

    @property
    def path(self) -> Path:
        """The file, for error messages."""
        return self.folder / CONFIG

    @property
    def hub(self) -> dict[str, Any]:
        """By name, what is needed to build the image encoders of the hub."""
        return _entry({"hub": {}} | self.content, "hub", dict, self.path)

    @property
    def networks(self) -> tuple[str, ...]:
        """The subsets of an ensemble's networks."""
        return _names(self.content, "networks", self.path)


def read_description(folder: Path) -> Description:
    """Read what a run folder says of its network.

    Raises ``ModelError`` if it is not what the training wrote.
    """
    folder = standing(folder)
    content = read_config(folder)
    path = folder / CONFIG
    encoding = Encoding(
        words=_names(content, "words", path),
        tags=_names(content, "tags", path),
        classes=_classes(content, path),
    )
    dataset = _entry(content, "dataset", dict, path)
    dataset_folder = Path(_entry(dataset, "folder", str, path))
    dataset_digest = _entry(dataset, "digest", str, path)
    check_recipe(content, folder)
    return Description(
        folder=folder,
        content=content,
        encoding=encoding,
        config=_config(content, path),
        dataset_folder=dataset_folder,
        dataset_digest=dataset_digest,
    )


def check_readers(content: dict[str, Any], readers: Sequence[TextReader], path: Path) -> None:
    """Refuse readers whose weights differ from those that the run was trained with."""
    digests = _entry({"readers": {}} | content, "readers", dict, path)
    for reader in readers:
        if digests.get(reader.name) != reader.digest():
            if reader.name == TUNED:
                raise ModelError(
                    f"{path}: the run's own sentence encoder is damaged, or was made from another "
                    "MiniLM than is on this machine: train again"
                )
            raise ModelError(
                f"{path}: the run was trained with other weights of the reader "
                f"{reader.name!r} than are on this machine: install those, or train again"
            )


def check_recipe(content: dict[str, Any], folder: Path) -> None:
    """Refuse a run of an earlier version's best recipe, which did not record its parts."""
    if content.get("recipe") == BEST and "parts" not in content:
        raise ModelError(
            f"{folder} was trained by an earlier version, whose best recipe built another network: "
            "train again, or use that version"
        )


def _config(content: dict[str, Any], path: Path) -> TrainingConfig:
    """Return the settings that decide how the network is built."""
    settings: dict[str, Any] = {
        "model": _entry(content, "model", str, path),
        # Runs of earlier versions lack the following.
        "subset": content.get("subset"),
        "recipe": _entry({"recipe": PAPER} | content, "recipe", str, path),
        "without": _names({"without": []} | content, "without", path),
        "finetune_image": _entry(content, "finetune_image", bool, path),
        "image_encoder": _entry(content, "image_encoder", str, path),
        "text_encoder": _text_encoder(content, path),
        "finetune_text": _entry({"finetune_text": False} | content, "finetune_text", bool, path),
    }
    try:
        return TrainingConfig(**settings)
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None


def _text_encoder(content: dict[str, Any], path: Path) -> str | None:
    named = content.get("text_encoder")
    return named if named is None else _entry({"text_encoder": named}, "text_encoder", str, path)


def _entry(content: dict[str, Any], name: str, kind: type[Kind], path: Path) -> Kind:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    value = content[name]
    if not isinstance(value, kind):
        raise ModelError(f"{path}: {name!r} is {_KINDS[kind]}: train again")
    return value


def _classes(content: dict[str, Any], path: Path) -> tuple[str, ...]:
    try:
        return class_names(content.get("classes"))
    except ValueError as error:
        raise ModelError(f"{path}: {error}: train again") from None


def _names(content: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    names = content[name]
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise ModelError(f"{path}: {name!r} is not a list of names: train again")
    return tuple(names)
