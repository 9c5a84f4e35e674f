"""A tiny data set and a network trained on it, made once for all tests that only read them."""

from itertools import cycle
from pathlib import Path

import pytest

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.training.training import train
from tests.model.dataset_folder import separable_post, write_dataset

# It has no batch statistics, so it tells colours apart even with random weights; and it is fast.
TINY = TrainingConfig(
    image_encoder="squeezenet1_1",
    image_weights="none",
    epochs=6,
    batch_size=16,
    learning_rate=0.003,
    device="cpu",
)


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, every subset in training, complete posts in validation and test."""
    labels = cycle(("anger", "awe"))
    subsets = [subset for subset in SUBSETS for _ in range(4)] + ["image+text+tags"] * 12
    numbers = iter(range(1000))
    return write_dataset(
        tmp_path_factory.mktemp("data") / "set",
        {
            "train": [separable_post(next(numbers), next(labels), subset) for subset in subsets],
            "validation": [separable_post(next(numbers), next(labels)) for _ in range(8)],
            "test": [separable_post(next(numbers), next(labels)) for _ in range(10)],
        },
    )


@pytest.fixture(scope="session")
def run_folder(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train(TINY, dataset=dataset_folder, out=out)
    return out
