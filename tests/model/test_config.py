"""Settings are checked at once, and showing them does not load torch."""

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
    with pytest.raises(ModelError, match="--repeats 2 ends with the seed 4294967296"):
        TrainingConfig(seed=2**32 - 1, repeats=2)


def test_the_papers_settings_are_the_defaults() -> None:
    config = TrainingConfig()
    assert (config.image_encoder, config.image_weights) == ("densenet121", "imagenet")
    assert (config.batch_size, config.learning_rate) == (64, 0.01)


def test_torch_is_not_loaded() -> None:
    modules = "flickr_emotion.model.config, flickr_emotion.model.errors"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
