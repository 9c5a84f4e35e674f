"""A training's runs, and which of them are unfinished, are known before anything is trained."""

from dataclasses import replace

import pytest

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.training.run_tree import Kind, RunSpec, plan_runs, unfinished


def all_runs(run: RunSpec) -> list[RunSpec]:
    return [run, *(inner for part in run.parts for inner in all_runs(part))]


def folders(tree: RunSpec, *finished: str) -> list[str]:
    """Return the folders in the order of the walk, where those in ``finished`` are done."""
    chains = unfinished(tree, lambda run: str(run.folder) in finished)
    return [str(chain[-1].folder) for chain in chains]


def test_one_network() -> None:
    config = TrainingConfig(seed=3)
    tree = plan_runs(config)
    assert tree == RunSpec(folder=tree.folder, config=config)
    assert (str(tree.folder), tree.kind) == (".", Kind.NETWORK)


def test_a_run_for_each_seed() -> None:
    tree = plan_runs(TrainingConfig(seed=3, repeats=2, epochs=7))
    assert tree.kind is Kind.REPEATS
    assert [(str(part.folder), part.kind) for part in tree.parts] == [
        ("seed-3", Kind.NETWORK),
        ("seed-4", Kind.NETWORK),
    ]
    assert [part.config for part in tree.parts] == [
        TrainingConfig(seed=seed, epochs=7) for seed in (3, 4)
    ]


@pytest.mark.parametrize(
    ("model", "subsets"),
    [("single-task", SUBSETS), ("late-fusion", MODALITIES), ("weighted-vote", MODALITIES)],
)
def test_a_run_for_each_network_of_an_ensemble(model: str, subsets: tuple[str, ...]) -> None:
    """Its settings are those of the single-task network trained separately."""
    tree = plan_runs(TrainingConfig(model=model, image_encoder="resnet18"))
    assert tree.kind is Kind.ENSEMBLE
    assert [str(part.folder) for part in tree.parts] == [f"network-{s}" for s in subsets]
    for part, subset in zip(tree.parts, subsets, strict=True):
        alone = TrainingConfig(model="single-task", subset=subset, image_encoder="resnet18")
        assert plan_runs(alone) == replace(part, folder=plan_runs(alone).folder)


def test_a_network_without_posts_has_no_run() -> None:
    tree = plan_runs(TrainingConfig(model="late-fusion"), trainable=["text"])
    assert [str(part.folder) for part in tree.parts] == ["network-text"]


def test_repeats_of_an_ensemble() -> None:
    """Parts come before the run they belong to; the runs of a seed are consecutive."""
    tree = plan_runs(TrainingConfig(model="late-fusion", repeats=2), trainable=["image", "tags"])
    networks = ["network-image", "network-tags"]
    assert folders(tree) == [
        *(f"seed-0/{name}" for name in networks),
        "seed-0",
        *(f"seed-1/{name}" for name in networks),
        "seed-1",
        ".",
    ]
    assert {run.config.seed for run in all_runs(tree.parts[1])} == {1}


def test_a_chain_lists_the_enclosing_runs() -> None:
    tree = plan_runs(TrainingConfig(model="late-fusion", repeats=2))
    first = next(unfinished(tree, lambda _: False))
    assert [str(run.folder) for run in first] == [".", "seed-0", "seed-0/network-image"]
    assert first[0] is tree


class TestGoingOn:
    TREE = plan_runs(TrainingConfig(model="late-fusion", repeats=2), trainable=["image", "tags"])

    def test_a_finished_run_is_skipped_with_its_parts(self) -> None:
        assert folders(self.TREE, "seed-0", "seed-1/network-image") == [
            "seed-1/network-tags",
            "seed-1",
            ".",
        ]

    def test_is_finished_is_called_when_the_walk_reaches_a_run(self) -> None:
        """A finished run's parts are not visited."""
        asked = []

        def is_finished(run: RunSpec) -> bool:
            asked.append(str(run.folder))
            return str(run.folder) == "seed-0"

        walk = unfinished(self.TREE, is_finished)
        next(walk)
        assert asked == [".", "seed-0", "seed-1", "seed-1/network-image"]
        list(walk)
        assert asked == [".", "seed-0", "seed-1", "seed-1/network-image", "seed-1/network-tags"]
