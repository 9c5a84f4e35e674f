"""Steps in parts, prefetched batches, the profile of a step."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.image_features import FeatureTable
from flickr_emotion.model.inputs.batches import Batch, Split
from flickr_emotion.model.inputs.prefetching import ready_batches
from flickr_emotion.model.posts.posts import Integers, Post, encode
from flickr_emotion.model.processes.profiling import STEPS_BEFORE, StepProfile
from flickr_emotion.model.training.fitting import ShardLoss
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import ENCODING, batch_of, network

CPU = torch.device("cpu")


def features_of(images: int) -> FeatureTable:
    return FeatureTable(torch.randn(images, 512, generator=torch.Generator().manual_seed(0)))


def split_of(subsets: Sequence[str]) -> Split:
    posts = encode(
        (
            Post(
                photo_id=str(number),
                text=f"w{number} w1 w2" if "text" in subset else "",
                tags=[f"t{number % 30}", "t3"] if "tags" in subset else [],
                has_image="image" in subset,
                label="abc"[number % 3],
            )
            for number, subset in enumerate(subsets)
        ),
        ENCODING,
    )
    return Split(posts=posts, images=features_of(posts.images))


def gradients(loss: Tensor, module: ShardLoss) -> dict[str, Tensor]:
    module.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {
        name: parameter.grad.to_dense()
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }


class TestPartsOfAStep:
    def test_losses_and_gradients_add_up(self) -> None:
        """However a step is divided: even if a part lacks a modality or has no post."""
        split = split_of([*SUBSETS, "text", "text", "tags", *SUBSETS])
        module = ShardLoss(network()).eval()
        everything = np.arange(len(split.posts))
        whole = split.batch(everything)
        counts = {subset: len(rows) for subset, rows in whole.rows.items()}
        expected = module(whole, counts)
        assert torch.allclose(expected, module.network.loss(module.network(whole), whole, counts))
        parts = [everything[:1], everything[1:8], everything[8:8], everything[8:]]
        found = torch.stack([module(split.batch(part), counts) for part in parts]).sum()
        assert torch.allclose(found, expected, atol=1e-6)
        ours, theirs = gradients(found, module), gradients(expected, module)
        assert ours.keys() == theirs.keys()
        assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in ours)

    def test_an_empty_shard_gives_no_other_parameters_a_gradient(self) -> None:
        split = split_of(["text", "text", "tags"])
        module = ShardLoss(network()).eval()
        counts = dict.fromkeys(SUBSETS, 0) | {"text": 2, "tags": 1}
        loss = module(split.batch(np.arange(0)), counts)
        assert loss.item() == 0
        found = gradients(loss, module)
        assert {name.split(".")[2] for name in found} == {"text"}
        assert not any(gradient.any() for gradient in found.values())


class TestBatchesMadeAhead:
    def test_in_order(self) -> None:
        split = split_of(SUBSETS * 3)
        chosen = [np.array([5, 1]), np.array([], dtype=np.int64), np.arange(10), np.array([20])]
        batches = list(ready_batches(split, chosen, CPU))
        assert [batch.labels_B.tolist() for batch in batches] == [
            split.posts.labels[indices].tolist() for indices in chosen
        ]

    def test_a_picture_that_cannot_be_read(self) -> None:
        class Damaged:
            def rows(self, rows: Sequence[int]) -> Tensor:
                raise ModelError("the picture of photo 7 cannot be read")

        split = Split(posts=split_of(["image"]).posts, images=Damaged())
        with pytest.raises(ModelError, match="photo 7"):
            list(ready_batches(split, [np.arange(1)], CPU))

    def test_no_further_than_a_few(self) -> None:
        """Pictures are large, so only the next few batches are held."""
        split = split_of(["text"] * 50)
        asked = []

        def chosen() -> Iterator[Integers]:
            for number in range(50):
                asked.append(number)
                yield np.array([number])

        batches = ready_batches(split, chosen(), CPU)
        next(batches)
        assert len(asked) <= 4
        batches.close()
        assert len(asked) <= 4

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_on_a_gpu(self) -> None:
        split, device = split_of(SUBSETS * 3), torch.device("cuda", 0)
        chosen = [np.arange(start, start + 7) for start in (0, 7, 14)]
        for found, indices in zip(ready_batches(split, chosen, device), chosen, strict=True):
            expected: Batch = split.batch(indices)
            assert found.labels_B.device == device
            assert torch.equal(found.labels_B.cpu(), expected.labels_B)


class TestProfile:
    def test_the_trace_names_the_parts_of_a_step(
        self, dataset_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        config = dataclasses.replace(TINY, epochs=2, batch_size=8)
        out = tmp_path / "run"
        train(config, dataset=dataset_folder, out=out, profile=True)
        trace = json.loads((out / "trace.json").read_text())
        names = [event.get("name") for event in trace["traceEvents"]]
        for part in ("batch", "forward", "loss", "backward", "optimiser"):
            assert part in names
        said = capfd.readouterr().err
        assert "Self CPU" in said
        assert f"open {out / 'trace.json'} in Perfetto" in said
        assert not [path for path in out.iterdir() if path.name.startswith(".")]
        # It belongs to the run: the next one replaces it.
        train(dataclasses.replace(config, epochs=1), dataset=dataset_folder, out=out)
        assert not (out / "trace.json").exists()

    def test_too_few_steps(self, tmp_path: Path) -> None:
        profile = StepProfile(CPU)
        for _ in range(STEPS_BEFORE):
            profile.step()
        profile.stop()
        assert profile.write(tmp_path / "trace.json") is None
        assert list(tmp_path.iterdir()) == []


def test_passes_of_a_step_are_its_posts(dataset_folder: Path, tmp_path: Path) -> None:
    """Two passes of half an epoch each are one step of all posts, apart from dropout."""
    one = dataclasses.replace(TINY, epochs=1, batch_size=40)
    two = dataclasses.replace(TINY, epochs=1, batch_size=20, accumulate=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flickr_emotion.model.networks.encoders.WORD_DROPOUT", 0.0)
        losses = []
        for number, config in enumerate((one, two)):
            out = tmp_path / str(number)
            train(config, dataset=dataset_folder, out=out)
            (line,) = (out / "history.jsonl").read_text().splitlines()
            losses.append(json.loads(line))
    for name in ("train_loss", "validation_loss"):
        assert losses[0][name] == pytest.approx(losses[1][name], rel=1e-5)


@pytest.mark.slow
def test_a_compiled_backbone_trains_like_an_uncompiled_one(tmp_path: Path) -> None:
    """In separate processes: the compiler's warnings are not ours to fix."""
    posts = [separable_post(n, label) for n, label in enumerate(("anger", "awe") * 4)]
    folder = write_dataset(
        tmp_path / "set", {"train": posts, "validation": posts[:2], "test": posts[2:]}
    )
    losses = []
    for out, more in ((tmp_path / "compiled", ["--compile"]), (tmp_path / "plain", [])):
        options = "--image-encoder squeezenet1_1 --image-weights none --epochs 1 --finetune-image"
        subprocess.run(
            [sys.executable, "cli.py", "train", folder, "--out", out, *options.split(), *more],
            cwd=PROJECT,
            check=True,
        )
        losses.append(json.loads((out / "metrics.json").read_text())["validation_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_batch_of_every_subset_has_a_loss_for_each_head() -> None:
    batch = batch_of(list(SUBSETS))
    assert ShardLoss(network())(batch, dict.fromkeys(SUBSETS, 1)) > 0
