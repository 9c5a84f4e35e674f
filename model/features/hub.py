"""Models of the hub by `hub:NAME`: where their files are, and which of them are read.

A folder of one's own is taken as it is; a name is looked up in the hub's cache on this machine, and
fetched only with ``--download``. Models are strangers' files: weights are read as safetensors
only, because reading pickled ones can execute code, and code that comes with a model is never run.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.packages import check_transformers
from flickr_emotion.model.recipes import HUB

_FETCHED = ("*.json", "*.safetensors", "*.txt", "*.model")
WEIGHTS = "*.safetensors"


def hub_folder(option: str, name: str, needed: Sequence[str], *, download: bool) -> Path:
    """Return the folder with the files of ``hub:NAME``; ``option`` is named in errors.

    ``needed``: patterns of the names of files that must be there, alternatives joined by ``|``.
    Raises ``ModelError`` if one is neither there nor fetched.
    """
    check_transformers()
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    given = name.removeprefix(HUB)
    folder = Path(given).expanduser()
    if not given or not folder.is_dir():
        found = _fetched(option, name, given, download=False)
        if download and (found is None or _lacks(found, needed)):
            found = _fetched(option, name, given, download=True)
        if found is None:
            raise ModelError(
                f"{option} {name} is not on this machine: give `train` --download to fetch it, or "
                "hub:FOLDER with the path of its files"
            )
        folder = found
    if lacking := _lacks(folder, needed):
        advice = (
            "pickled weights (.bin) are not read, because they can execute code: give a model "
            "with safetensors"
            if lacking == WEIGHTS
            else "give a whole model, or --download"
        )
        raise ModelError(
            f"{option} {name}: {folder} has no {lacking.replace('|', ' or ')}: {advice}"
        )
    return folder


def _lacks(folder: Path, needed: Sequence[str]) -> str | None:
    """Return the patterns of a file that is not there; None if all are."""
    for patterns in needed:
        if not any(path for pattern in patterns.split("|") for path in folder.glob(pattern)):
            return patterns
    return None


def _fetched(option: str, name: str, given: str, *, download: bool) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                given,
                local_files_only=not download,
                allow_patterns=list(_FETCHED),
                ignore_patterns=["*/*"],
            )
        )
    except HFValidationError:
        raise ModelError(
            f"{option} {name} is neither a folder nor a name of the hub, such as hub:OWNER/MODEL"
        ) from None
    except LocalEntryNotFoundError as error:
        if not download:
            return None
        raise _not_fetched(option, name, error) from None
    # What is raised depends on the HTTP client, and on what the hub answers.
    except Exception as error:
        raise _not_fetched(option, name, error) from None


def _not_fetched(option: str, name: str, error: Exception) -> ModelError:
    return ModelError(f"{option} {name} cannot be fetched ({first_line(error)}): try again later")


@contextmanager
def readable_model(option: str, name: str) -> Iterator[None]:
    """Turn what transformers raises on a model that it cannot read into a ``ModelError``."""
    try:
        yield
    except ModelError:
        raise
    # What is raised depends on the model's type: there are hundreds.
    except Exception as error:
        raise ModelError(
            f"{option} {name} cannot be used ({type(error).__name__}: {first_line(error)}): give "
            "another model"
        ) from None


@dataclass(frozen=True, kw_only=True)
class TowerPlan:
    """What transformers builds for one tower: a model, or a part of one."""

    config: Any
    """The model's configuration."""
    part: str | None
    """The part's name; None if the model is the tower."""

    def build(self) -> Any:
        """Build the tower with random weights."""
        from transformers import AutoModel

        model = AutoModel.from_config(  # type: ignore[no-untyped-call]
            self.config, trust_remote_code=False
        )
        return self.of(model)

    def of(self, model: Any) -> Any:
        """Return the tower of a built model."""
        return getattr(model, self.part) if self.part else model


def plan_tower(folder: Path, tower: str) -> TowerPlan:
    """Return how a folder's model is built, or one tower of an image-text encoder.

    ``tower``: vision or text.
    """
    from transformers import MODEL_MAPPING, AutoConfig

    whole = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    own = getattr(whole, f"{tower}_config", None)
    if own is None:
        return TowerPlan(config=whole, part=None)
    if type(own) in MODEL_MAPPING:
        return TowerPlan(config=own, part=None)
    return TowerPlan(config=whole, part=f"{tower}_model")


def load_tower(folder: Path, plan: TowerPlan) -> tuple[Any, bool]:
    """Load a tower with its weights; return it, and whether it has a pooler.

    Weights without a pooler would get a random one, so that it is taken off. Raises ``ValueError``
    if other weights are missing.
    """
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    before = logging.get_verbosity()
    # It would report the other tower's weights.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        model, report = AutoModel.from_pretrained(
            folder,
            config=plan.config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    finally:
        logging.set_verbosity(before)
    missing = [*map(str, report["missing_keys"]), *map(str, report["mismatched_keys"])]
    if others := sorted(key for key in missing if not key.startswith("pooler.")):
        raise ValueError(f"its weights lack {others[0]}")
    tower = plan.of(model)
    if missing:
        tower.pooler = None
    return tower.eval(), not missing


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
