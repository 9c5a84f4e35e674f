"""Temperatures and the expected calibration error, by their definitions and on a trained run."""

# ruff: noqa: N803, N806 (shapes in names)

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.calibration import (
    UNCALIBRATED,
    calibrate,
    calibration_errors,
    calibration_over_repeats,
    expected_calibration_error,
    fitted_temperature,
    probabilities,
    read_calibration,
)
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.prediction.prediction import predict_one
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset

Numbers = npt.NDArray[np.floating[Any]]


def drawn(posts: int, too_sure: float, seed: int = 0) -> HeadAnswers:
    """Labels drawn with the logits' probabilities; then the logits are multiplied."""
    random = np.random.default_rng(seed)
    honest_NC = random.normal(size=(posts, 4)) * 2
    cumulative_NC = softmax(honest_NC, axis=1).cumsum(1)
    labels_N = (random.random((posts, 1)) > cumulative_NC[:, :-1]).sum(1)
    return HeadAnswers(
        posts_N=np.arange(posts),
        labels_N=labels_N,
        logits_NC=(honest_NC * too_sure).astype(np.float32),
    )


class TestTemperature:
    @pytest.mark.parametrize("too_sure", [0.5, 1.0, 3.0])
    def test_it_recovers_the_factor_of_the_logits(self, too_sure: float) -> None:
        head = drawn(4000, too_sure)
        found = fitted_temperature(head.logits_NC, head.labels_N)
        assert found == pytest.approx(too_sure, rel=0.05)

    def test_other_posts_become_calibrated_and_keep_their_labels(self) -> None:
        calibration = calibrate({"text": drawn(4000, 3.0)})
        other = drawn(4000, 3.0, seed=1)
        errors = calibration_errors({"text": other}, calibration)["text"]
        assert errors["before"] is not None
        assert errors["after"] is not None
        assert errors["before"] > 0.15
        assert errors["after"] < 0.03
        answers_N = calibration.probabilities("text", other.logits_NC).argmax(1)
        assert (answers_N == other.answers_N).all()

    def test_few_posts_are_not_calibrated(self, capsys: pytest.CaptureFixture[str]) -> None:
        calibration = calibrate({"text": drawn(49, 3.0), "tags": drawn(50, 3.0)})
        assert calibration.temperatures["text"] == 1.0
        assert calibration.temperatures["tags"] > 1.5
        assert calibration.posts == {"text": 49, "tags": 50}
        assert calibration.content() == {
            "temperatures": calibration.temperatures,
            "posts": calibration.posts,
            "least_posts": 50,
        }
        assert capsys.readouterr().err == (
            "probabilities are not calibrated for subsets held by fewer than 50 validation posts: "
            "text (49)\n"
        )

    def test_nothing_is_said_where_all_are_calibrated(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        calibrate({"text": drawn(50, 1.0)})
        assert capsys.readouterr().err == ""

    def test_probabilities_are_the_softmax_of_logits_over_the_temperature(self) -> None:
        logits_NC = np.array([[4.0, 0.0], [0.0, 0.0]], dtype=np.float32)
        calibration = dataclasses.replace(UNCALIBRATED, temperatures={"text": 2.0})
        sure = 1 / (1 + np.exp(-2.0))
        found_NC = calibration.probabilities("text", logits_NC)
        assert found_NC.dtype == np.float64
        assert found_NC == pytest.approx(np.array([[sure, 1 - sure], [0.5, 0.5]]))
        uncalibrated = calibration.probabilities("tags", logits_NC)
        assert uncalibrated[0, 0] == pytest.approx(1 / (1 + np.exp(-4.0)))

    def test_all_that_have_few_are_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        calibrate({"image": drawn(1, 3.0), "text": drawn(7, 3.0), "tags": drawn(0, 3.0)})
        assert capsys.readouterr().err.endswith("validation posts: image (1), text (7)\n")

    def test_of_two_classes_by_hand(self) -> None:
        """Three of four are right by a margin of 2: odds of 3, so the temperature is 2 / ln 3."""
        logits_NC = np.tile(np.array([[2.0, 0.0]], dtype=np.float32), (60, 1))
        labels_N = np.arange(60) % 4 // 3
        assert fitted_temperature(logits_NC, labels_N) == pytest.approx(2 / np.log(3), rel=1e-5)

    @pytest.mark.parametrize(("right", "expected"), [(True, 0.1), (False, 10.0)])
    def test_temperatures_are_limited(self, right: bool, expected: float) -> None:
        logits_NC = np.tile(np.array([[2.0, 0.0]], dtype=np.float32), (60, 1))
        labels_N = np.full(60, 0 if right else 1)
        assert fitted_temperature(logits_NC, labels_N) == pytest.approx(expected, rel=1e-3)


def by_definition(probabilities_NC: Numbers, labels_N: npt.NDArray[np.int64]) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    total = 0.0
    for m in range(1, 16):
        members = [
            (max(row), int(np.argmax(row)) == label)
            for row, label in zip(probabilities_NC.tolist(), labels_N, strict=True)
            if (m - 1) / 15 < max(row) <= m / 15
        ]
        if members:
            accuracy = sum(right for _, right in members) / len(members)
            confidence = sum(sure for sure, _ in members) / len(members)
            total += len(members) / len(labels_N) * abs(accuracy - confidence)
    return total


class TestExpectedCalibrationError:
    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.floats(0.1, 8))
    def test_the_definition(self, seed: int, posts: int, too_sure: float) -> None:
        head = drawn(posts, too_sure, seed)
        probabilities_NC = probabilities(head.logits_NC, 1.0)
        found = expected_calibration_error(probabilities_NC, head.labels_N)
        assert found == pytest.approx(by_definition(probabilities_NC, head.labels_N), abs=1e-9)

    def test_by_hand(self) -> None:
        """Two posts share a bin (0.81 and 0.82, one right), one has its own (1.0, right)."""
        probabilities_NC = np.array([[0.81, 0.19], [0.18, 0.82], [1.0, 0.0]])
        found = expected_calibration_error(probabilities_NC, np.array([0, 0, 0]))
        assert found == pytest.approx(abs(1 - 0.81 - 0.82) / 3)

    def test_a_bin_holds_its_upper_end_and_not_its_lower(self) -> None:
        """9/15 = 0.6 belongs with 0.58, not with 0.62: else right and wrong would cancel out."""
        probabilities_NC = np.array([[0.6, 0.4], [0.62, 0.38]])
        found = expected_calibration_error(probabilities_NC, np.array([0, 1]))
        assert found == pytest.approx((0.4 + 0.62) / 2)
        probabilities_NC = np.array([[0.6, 0.4], [0.58, 0.42]])
        found = expected_calibration_error(probabilities_NC, np.array([0, 1]))
        assert found == pytest.approx((0.58 - 0.4) / 2)

    def test_the_first_and_the_last_bin_have_no_neighbour(self) -> None:
        """A hundred classes can all be unlikely; and a certain answer has no bin above."""
        unlikely_C = np.full(100, 0.01)
        certain_C = np.eye(100)[0]
        found = expected_calibration_error(np.stack([unlikely_C, certain_C]), np.array([1, 1]))
        assert found == pytest.approx((0.01 + 1.0) / 2)

    def test_no_posts(self) -> None:
        none = np.zeros((0, 4))
        assert expected_calibration_error(none, np.zeros(0, dtype=np.int64)) is None


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run in which every fourth label of validation and test is wrong."""
    label = ("anger", "awe")
    train_posts = [separable_post(n, label[n % 2], "text+tags") for n in range(40)]
    held_out = [
        dataclasses.replace(
            separable_post(100 + n, label[n % 2], "text+tags"),
            label=label[(n + (n % 8 < 2)) % 2],
        )
        for n in range(120)
    ]
    folder = tmp_path_factory.mktemp("noisy")
    dataset = write_dataset(
        folder / "set",
        {"train": train_posts, "validation": held_out[:60], "test": held_out[60:]},
    )
    config = dataclasses.replace(TINY, epochs=8, patience=8, learning_rate=0.01, repeats=2)
    train(config, dataset=dataset, out=folder / "run")
    return dataset, folder / "run"


class TestRuns:
    def test_a_run_is_calibrated(self, noisy: tuple[Path, Path]) -> None:
        _, run = noisy
        root = json.loads((run / "metrics.json").read_text())
        seeds = [json.loads((run / f"seed-{n}" / "metrics.json").read_text()) for n in (0, 1)]
        best = json.loads((run / f"seed-{root['best_seed']}" / "calibration.json").read_text())
        assert json.loads((run / "calibration.json").read_text()) == best
        for seed in seeds:
            errors = seed["calibration"]["test"]["text+tags"]
            assert errors["after"] < errors["before"]
            assert seed["calibration"]["test"]["image"] == {"before": None, "after": None}
        spread = root["calibration"]["test"]["text+tags"]["after"]
        assert spread["values"] == [s["calibration"]["test"]["text+tags"]["after"] for s in seeds]
        assert root["calibration"]["temperatures"]["image"]["values"] == [1.0, 1.0]
        summed = np.array(root["confusions"]["test"]["text"])
        assert (summed == np.sum([s["confusions"]["test"]["text"] for s in seeds], axis=0)).all()
        assert summed.sum() == 2 * 60

    def test_answers_and_evaluation_use_it(self, noisy: tuple[Path, Path], tmp_path: Path) -> None:
        dataset, run = noisy
        root = json.loads((run / "metrics.json").read_text())
        seed = run / f"seed-{root['best_seed']}"
        metrics = json.loads((seed / "metrics.json").read_text())
        assert evaluate(run, dataset)["calibration"] == metrics["calibration"]
        post: dict[str, Any] = {"text": "storm shout broken rage street", "tags": ["protest"]}
        calibrated = predict_one(run, **post)
        plain = Path(shutil.copytree(run, tmp_path / "plain"))
        (plain / "calibration.json").unlink()
        uncalibrated = predict_one(plain, **post)
        assert calibrated["label"] == uncalibrated["label"]
        odds = {
            name: np.log(answer["probabilities"]["anger"] / answer["probabilities"]["awe"])
            for name, answer in (("with", calibrated), ("without", uncalibrated))
        }
        temperature = metrics["calibration"]["temperatures"]["text+tags"]
        assert abs(np.log(temperature)) > 0.1
        assert odds["without"] / odds["with"] == pytest.approx(temperature, rel=1e-3)

    def test_a_run_without(
        self, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert read_calibration(run_folder).temperatures == dict.fromkeys(SUBSETS, 1.0)
        assert read_calibration(tmp_path) == UNCALIBRATED
        assert capsys.readouterr().err == (
            f"{tmp_path} has no calibration.json: its probabilities are not calibrated\n"
        )

    def test_what_is_in_the_file_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "calibration.json").write_text(
            '{"temperatures": {"text": 2, "tags": 1e-3}, "posts": {"text": 60, "tags": 7}}'
        )
        found = read_calibration(tmp_path)
        assert found.temperatures == {"text": 2.0, "tags": 0.001}
        assert found.posts == {"text": 60, "tags": 7}

    def test_a_file_that_was_changed_after_the_training(
        self, run_folder: Path, tmp_path: Path
    ) -> None:
        run = Path(shutil.copytree(run_folder, tmp_path / "run"))
        content = json.loads((run / "calibration.json").read_text())
        content["temperatures"]["text"] = 2.0
        (run / "calibration.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match=r"calibration\.json"):
            read_calibration(run)

    @pytest.mark.parametrize("temperature", ["0", "-1.0"])
    def test_a_temperature_that_divides_no_logits(self, tmp_path: Path, temperature: str) -> None:
        path = tmp_path / "calibration.json"
        path.write_text(f'{{"temperatures": {{"text": {temperature}}}, "posts": {{}}}}')
        with pytest.raises(ModelError) as caught:
            read_calibration(tmp_path)
        assert str(caught.value) == (
            f"{path} has the invalid temperature {float(temperature)}: train again"
        )

    @pytest.mark.parametrize(
        "content",
        [
            "{",
            "[]",
            '{"temperatures": 1}',
            '{"temperatures": {"text": NaN}, "posts": {}}',
        ],
    )
    def test_a_damaged_file(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "calibration.json").write_text(content)
        with pytest.raises(ModelError, match=r"calibration\.json .*: train again"):
            read_calibration(tmp_path)


def test_over_repeats() -> None:
    repeats = [{"temperatures": {"text": t}, "test": {"text": {"before": t}}} for t in (1.0, 3.0)]
    found = calibration_over_repeats(repeats)
    assert found["temperatures"]["text"]["mean"] == 2.0
    assert found["test"]["text"]["before"]["values"] == [1.0, 3.0]
