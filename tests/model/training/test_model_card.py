"""The model card of a run says what its files say, and the Hub can read it."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import MODELS, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.metrics import (
    accuracy_interval,
    figures,
    weighted_f1_interval,
)
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.training.model_card import model_card
from flickr_emotion.model.training.training import train

QUICK = TrainingConfig(
    image_encoder="squeezenet1_1", image_weights="none", epochs=1, batch_size=64, device="cpu"
)


def header(card: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return content


def read(run: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return a run's card, its description and its metrics."""
    return (
        (run / "README.md").read_text(encoding="utf-8"),
        json.loads((run / "config.json").read_text(encoding="utf-8")),
        json.loads((run / "metrics.json").read_text(encoding="utf-8")),
    )


def table(card: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    below = card.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in below.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def mean(figure: Any) -> Any:
    return figure["mean"] if isinstance(figure, dict) else figure


def check_figures(card: str, metrics: dict[str, Any]) -> None:
    """Every number of the header and of the table is that of ``metrics.json``."""
    (model,) = header(card)["model-index"]
    (result,) = model["results"]
    said = {metric["name"]: (metric["type"], metric["value"]) for metric in result["metrics"]}
    expected = {}
    for subset in SUBSETS:
        for name, kind in (("accuracy", "accuracy"), ("macro_f1", "f1"), ("weighted_f1", "f1")):
            value = mean(metrics["test"][subset][name])
            if value is not None:
                expected[f"{name} of {subset}"] = (kind, value)
    assert said == expected
    rows = {row[0]: row[1:] for row in table(card, "Figures")}
    assert [*rows] == [*SUBSETS]
    for subset, (posts, accuracy, f1, macro, constant, constant_f1) in rows.items():
        found, majority = metrics["test"][subset], metrics["majority"]["test"][subset]
        assert int(posts) == found["count"]
        if mean(found["accuracy"]) is None:
            assert (accuracy, f1, macro) == ("-", "-", "-")
            continue
        value = mean(found["accuracy"])
        low, high = accuracy_interval(round(value * found["count"]), found["count"])
        assert re.fullmatch(
            rf"{100 * value:.2f}(±[\d.]+)? \({100 * low:.2f} to {100 * high:.2f}\)", accuracy
        )
        assert f1.startswith(f"{100 * mean(found['weighted_f1']):.2f}")
        assert macro.startswith(f"{100 * mean(found['macro_f1']):.2f}")
        assert constant == f"{100 * majority['accuracy']:.2f}"
        assert constant_f1 == f"{100 * majority['weighted_f1']:.2f}"
    for subset, temperature, before, after in table(card, "Calibration"):
        of = metrics["calibration"]["temperatures"][subset]
        assert temperature == f"{mean(of):.3f}"
        errors = metrics["calibration"]["test"][subset]
        assert before.startswith(
            "-" if mean(errors["before"]) is None else f"{100 * mean(errors['before']):.2f}"
        )
        assert after[0] == "-" or after.startswith(f"{100 * mean(errors['after']):.2f}")


def test_it_says_what_the_runs_files_say(run_folder: Path, dataset_folder: Path) -> None:
    card, description, metrics = read(run_folder)
    check_figures(card, metrics)
    said = header(card)
    assert (said["license"], said["library_name"]) == ("other", "flickr-emotion")
    assert said["tags"] == ["emotion", "sentiment", "multimodal", "flickr"]
    dataset = open_dataset(dataset_folder)
    (result,) = said["model-index"][0]["results"]
    assert result["dataset"]["revision"] == dataset.digest
    assert result["dataset"]["split"] == "test"
    origin = dict(table(card, "What it was trained on")[:3])
    assert origin["content digest of the data set"] == f"`{dataset.digest}`"
    lists = "digest of the lists, or of the manifest, that it was made from"
    assert origin[lists] == f"`{dataset.described['lists_digest']}`"
    for subset, count in description["training_posts"].items():
        assert f"| {subset} | {count} |" in card
    assert "| CC BY 2.0 | 40 |" in card
    assert "word vectors begin at random" in card
    assert "the image encoder is squeezenet1_1" in card
    assert str(dataset_folder) not in card  # a path of this machine
    for heading in ("What it must not be used for", "Absent modalities", "How to load it"):
        assert f"\n## {heading}\n" in card


def test_the_hub_reads_it(run_folder: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(run_folder / "README.md")
    _, _, metrics = read(run_folder)
    found = {one.metric_name: one.metric_value for one in card.data.eval_results}
    assert found["accuracy of image+tags"] == metrics["test"]["image+tags"]["accuracy"]
    assert card.data.license == "other"


def test_its_example_runs(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card, _, _ = read(run_folder)
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    code = code.replace('Path("R")', f'Path("{run_folder}"), device="cpu"')
    names: dict[str, Any] = {}
    exec(code.replace('image=Path("picture.jpg"), ', ""), names)
    assert names["answer"].label in ("anger", "awe")


@pytest.mark.parametrize("model", [pytest.param("single-task", marks=pytest.mark.slow), "fasttext"])
def test_of_repeats_ensembles_and_their_parts(
    model: str, dataset_folder: Path, tmp_path: Path
) -> None:
    config = replace(QUICK, model=model, repeats=2)
    out = tmp_path / "run"
    train(config, dataset=dataset_folder, out=out)
    parts = [path.parent for path in out.rglob("config.json")]
    assert len(parts) == {"single-task": 1 + 2 * 8, "fasttext": 1 + 2}[model]
    for part in parts:
        card, _, metrics = read(part)
        check_figures(card, metrics)
        assert "README.md" in json.loads((part / "digests.json").read_text())["files"]
    whole, _, metrics = read(out)
    assert (
        f"deviation of 2 trainings; the weights are those of seed {metrics['best_seed']}" in whole
    )
    assert verify_run(out) == []
    with (out / "seed-1" / "README.md").open("a", encoding="utf-8") as file:
        file.write("x")
    (damage,) = verify_run(out)
    assert "README.md has" in damage


@pytest.mark.parametrize("model", MODELS)
def test_every_system_says_how_it_treats_absence(
    model: str, run_folder: Path, dataset_folder: Path
) -> None:
    _, description, metrics = read(run_folder)
    description["options"]["model"] = model
    description["options"]["image_encoder"] = "densenet121"
    card = model_card(description, metrics, open_dataset(dataset_folder), selected=False)
    assert header(card)["model-index"][0]["name"] == model
    absent = card.split("\n## Absent modalities\n\n")[1].split("\n## ")[0]
    assert len(absent) > 60


class TestUntrusted:
    HOSTILE = ("*calm* |_x_", "---\nlicense: mit\n", "日本 👩‍🚀\u202e", "<script>", "[a](b)")

    @pytest.fixture
    def card(self, run_folder: Path, dataset_folder: Path) -> str:
        _, description, metrics = read(run_folder)
        metrics["majority"]["label"] = self.HOSTILE[1]
        dataset = open_dataset(dataset_folder)
        hostile = replace(
            dataset,
            service="own",
            classes=self.HOSTILE,
            options={"language": 'no: "one"\nlicense: mit'},
        )
        hostile.counts["train"]["licenses"] = dict.fromkeys(self.HOSTILE, 2)
        return model_card(description, metrics, hostile, selected=True)

    def test_names_are_no_markup(self, card: str) -> None:
        said = header(card)
        assert said["license"] == "other"
        assert said["tags"] == ["emotion", "sentiment", "multimodal"]
        assert r"| \*calm\* \|\_x\_ | 2 |" in card
        assert "| --- license: mit  | 2 |" in card
        assert "| &lt;script> | 2 |" in card
        assert "| \\[a](b) | 2 |" in card
        assert "\u202e" not in card
        assert "\n---\nlicense: mit" not in card

    def test_posts_of_ones_own_and_a_selection_are_called_so(self, card: str) -> None:
        assert "posts of one's own" in card
        assert "This training used a selection of them." in card


def test_the_interval_of_f1_is_the_bootstraps() -> None:
    """Close to that of drawing the posts themselves one by one."""
    confusion = np.array([[50, 10], [20, 40]])
    low, high = weighted_f1_interval(confusion, 120)
    posts = np.repeat(np.arange(4), confusion.flatten())
    random = np.random.default_rng(1)
    drawn = [
        figures(np.bincount(random.choice(posts, 120), minlength=4).reshape(2, 2))["weighted_f1"]
        for _ in range(1000)
    ]
    assert [low, high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)
    # Three repeats have summed confusions, but no more posts.
    assert weighted_f1_interval(3 * confusion, 120) == pytest.approx((low, high))


class TestOlderRuns:
    @pytest.fixture
    def older(self, run_folder: Path, tmp_path: Path) -> Path:
        """A run without a card, as earlier versions wrote it."""
        run = Path(shutil.copytree(run_folder, tmp_path / "older"))
        (run / "README.md").unlink()
        digests = json.loads((run / "digests.json").read_text())
        del digests["files"]["README.md"]
        (run / "digests.json").write_text(json.dumps(digests))
        return run

    def test_a_run_without_a_card_is_valid(self, older: Path) -> None:
        assert verify_run(older) == []
        RunFolder(older).check_replaceable()

    def test_somebodys_own_readme_is_not_removed(self, older: Path) -> None:
        (older / "README.md").write_text("my notes")
        assert verify_run(older) == []
        with pytest.raises(ModelError, match=r"holds 'README\.md', which is not part of a run"):
            RunFolder(older).check_replaceable()

    def test_a_card_is_replaced_with_its_run(self, run_folder: Path) -> None:
        RunFolder(run_folder).check_replaceable()
