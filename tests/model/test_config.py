"""Settings are checked at once, and showing them does not load torch."""

import dataclasses
import subprocess
import sys

import pytest

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("accumulate", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("seed", -1),
    ],
)
def test_settings_that_make_no_sense(field: str, value: float) -> None:
    with pytest.raises(ModelError, match="--" + field.replace("_", "-")):
        TrainingConfig(**{field: value})  # type: ignore[arg-type]


def test_the_last_repeats_seed() -> None:
    TrainingConfig(seed=2**32 - 2, repeats=2)
    with pytest.raises(ModelError, match="--repeats 2 reaches seed 4294967296"):
        TrainingConfig(seed=2**32 - 1, repeats=2)


def test_the_papers_settings_are_the_defaults() -> None:
    config = TrainingConfig()
    assert (config.resolved_image_encoder, config.image_weights) == ("densenet121", "imagenet")
    assert (config.resolved_batch_size, config.resolved_learning_rate) == (64, 0.01)


@pytest.mark.parametrize("setting", [{"recipe": "best"}, {"model": "inception"}])
def test_what_follows_from_a_setting_changes_with_it(setting: dict[str, str]) -> None:
    changed = dataclasses.replace(TrainingConfig(), **setting)  # type: ignore[arg-type]
    assert changed == TrainingConfig(**setting)  # type: ignore[arg-type]
    assert changed.resolved_image_encoder != TrainingConfig().resolved_image_encoder


def test_a_run_records_resolved_settings() -> None:
    """A run keeps its resolved settings, whatever the recipes' defaults become."""
    options = TrainingConfig(recipe="best").options()
    assert options["image_encoder"] == "efficientnet_lite0_stages+efficientnet_lite2_stages"
    assert (options["batch_size"], options["learning_rate"]) == (128, 0.001)
    assert TrainingConfig.of_options(options).options() == options


def test_options_of_the_wrong_kind() -> None:
    for name, value in {"batch_size": "64", "image_encoder": 7, "without": "rate"}.items():
        with pytest.raises(TypeError, match=f"{name} is not of type "):
            TrainingConfig.of_options({name: value})


def test_torch_is_not_loaded() -> None:
    modules = "flickr_emotion.model.config, flickr_emotion.model.errors"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
