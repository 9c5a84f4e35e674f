"""The score of a split: each head's figures, and the loss by which training stops."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn.functional import cross_entropy

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.evaluation import answering
from flickr_emotion.model.evaluation.evaluation import evaluate, score
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.catalogue import build_system
from flickr_emotion.model.processes.distributed import World
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, network, split_of

Array = npt.NDArray[np.int64] | npt.NDArray[np.float64]
ALONE = World(device=torch.device("cpu"))
# So that no two heads have the same number of posts, and none has all of them.
UNEVEN = [*EVERY_SUBSET_TWICE, *["text"] * 3, *["image+text"] * 2, *["image+tags"] * 4, ""]


class TestLoss:
    def test_it_is_the_sum_of_the_heads_means_over_the_whole_split(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By hand, and in however many passes the split is read."""
        split, net = split_of(UNEVEN), network()
        whole = split.batch(np.arange(len(split.posts)))
        with torch.inference_mode():
            answers = net.eval()(whole)
        expected = 0.0
        for subset in SUBSETS:
            rows = [
                n for n, held in enumerate(UNEVEN) if {*subset.split("+")} <= {*held.split("+")}
            ]
            assert whole.rows[subset].tolist() == rows
            losses = cross_entropy(answers[subset].double(), whole.labels_B[rows])
            expected += losses.item()
        assert score(net, split, 3, ALONE).loss == pytest.approx(expected, rel=1e-5)
        monkeypatch.setattr(answering, "POSTS_PER_PASS", 5)
        assert score(net, split, 3, ALONE).loss == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("model", ["early-fusion", "joint-fusion", "fasttext"])
    def test_of_other_systems_too(self, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.manual_seed(0)
        net = build_system(
            model, None, ENCODING, build_backbone("squeezenet1_1"), frozen_image=True
        ).eval()
        split = split_of([held for held in UNEVEN if held])
        batch = split.batch(np.arange(len(split.posts)))
        with torch.inference_mode():
            sums = net.term_sums(net(batch), batch)
        taking_part = {"category": len(split.posts), "text": int(split.posts.present["text"].sum())}
        expected = sum(float(total) / taking_part[term] for term, total in sums.items())
        monkeypatch.setattr(answering, "POSTS_PER_PASS", 6)
        assert score(net, split, 3, ALONE).loss == pytest.approx(expected, rel=1e-5)

    def test_a_head_that_nobody_can_be_asked_adds_nothing(self) -> None:
        split, net = split_of(["text"] * 4), network()
        judged = score(net, split, 3, ALONE)
        logits = torch.from_numpy(judged.answers["text"].logits_NC)
        labels = torch.from_numpy(split.posts.labels)
        assert judged.loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-5)
        assert judged.figures()["tags"] == {
            **dict.fromkeys(("accuracy", "macro_f1", "weighted_f1")),
            "count": 0,
        }

    def test_the_sums_of_all_ranks_are_added(self) -> None:
        """With another rank that has the same sums, the loss is twice that of this one."""

        class Twice(World):
            def all_reduce(self, values: Array) -> None:
                values *= 2

        split, net = split_of(UNEVEN), network()
        loss = score(net, split, 3, Twice(device=torch.device("cpu"))).loss
        assert loss == pytest.approx(2 * score(net, split, 3, ALONE).loss)


class TestConfusions:
    def test_they_count_each_head_on_all_that_it_can_answer(self) -> None:
        split, net = split_of(UNEVEN), network()
        judged = score(net, split, 3, ALONE)
        for subset, head in judged.answers.items():
            confusion = judged.confusions[subset]
            assert confusion.sum() == len(head.labels_N)
            for true, answered in zip(head.labels_N, head.logits_NC.argmax(1), strict=True):
                confusion[true, answered] -= 1
            assert not confusion.any()


class TestEvaluate:
    def test_it_says_of_what_it_judged_whom(self, run_folder: Path, dataset_folder: Path) -> None:
        found = evaluate(run_folder, device="cpu")
        assert [*found] == [
            *("dataset", "dataset_digest", "same_dataset", "classes", "test", "validation"),
            *("confusions", "calibration"),
        ]
        assert found["dataset"] == str(open_dataset(dataset_folder).folder)
        assert found["dataset_digest"] == open_dataset(dataset_folder).digest
        assert found["same_dataset"] is True
        assert found["classes"] == ["anger", "awe"]
        assert [*found["confusions"]] == ["test", "validation"]
        assert [*found["confusions"]["test"]] == [*SUBSETS]
        assert [*found["calibration"]] == ["temperatures", "test", "validation"]

    def test_another_data_set_is_told_from_its_own(self, run_folder: Path, tmp_path: Path) -> None:
        posts = [separable_post(n, ("anger", "awe")[n % 2]) for n in range(12)]
        other = write_dataset(
            tmp_path / "set", {"train": posts[:4], "validation": posts[4:8], "test": posts[8:]}
        )
        found = evaluate(run_folder, other, device="cpu")
        assert found["same_dataset"] is False
        assert found["dataset"] == str(open_dataset(other).folder)
        assert found["test"]["text"]["count"] == 4
