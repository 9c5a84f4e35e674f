"""`reproduce`: every table and figure, kept cells, and the content of the files."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats
from typer.testing import CliRunner

from flickr_emotion.commands.main import app
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import COMPLETE, SUBSETS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.reproduction import paper
from flickr_emotion.model.reproduction.cell import Cell, train_cell
from flickr_emotion.model.reproduction.cells import Cells
from flickr_emotion.model.reproduction.reproduce import EXPERIMENTS, reproduce
from tests.model.conftest import TINY

SETTINGS = dataclasses.replace(TINY, epochs=2, repeats=2)
OPTIONS = [
    *("--image-encoder", "squeezenet1_1", "--image-weights", "none", "--learning-rate", "0.003"),
    *("--epochs", "2", "--batch-size", "16", "--device", "cpu", "--repeats", "2"),
]


@pytest.fixture(scope="module")
def results(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tables and figures of the tiny data set, made by one call."""
    out = tmp_path_factory.mktemp("results")
    text = reproduce("all", dataset=dataset_folder, out=out, settings=SETTINGS)
    titles = [line for line in (text or "").splitlines() if line.startswith("# ")]
    assert titles == [f"# {EXPERIMENTS[target].title}" for target in paper.TARGETS]
    return out


def content(results: Path, target: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / f"{target}.json").read_text(encoding="utf-8"))
    return found


def times(out: Path) -> dict[str, int]:
    """Return when each cell was finished."""
    return {
        path.parent.name: path.stat().st_mtime_ns for path in (out / "cells").glob("*/cell.json")
    }


class TestFiles:
    @pytest.mark.parametrize("target", EXPERIMENTS)
    def test_all_six_are_there(self, results: Path, target: str) -> None:
        assert content(results, target)["target"] == target
        assert f"# {EXPERIMENTS[target].title}" in (results / f"{target}.md").read_text()
        with Image.open(results / f"{target}.png") as picture:
            assert len(np.unique(np.asarray(picture))) > 2
        assert ET.parse(results / f"{target}.svg").getroot().tag.endswith("svg")
        assert (results / f"{target}.pdf").read_bytes().startswith(b"%PDF")
        latex = (results / f"{target}.tex").read_text()
        assert latex.count(r"\begin{tabular}") == latex.count(r"\end{table}") >= 1
        assert EXPERIMENTS[target].title.partition(":")[0] in latex

    def test_the_same_again(self, results: Path, dataset_folder: Path) -> None:
        """Nothing is trained, and every file is the same to the byte."""
        trained = times(results)
        files = {p.name: p.read_bytes() for p in results.iterdir() if p.is_file()}
        for target in EXPERIMENTS:
            reproduce(target, dataset=dataset_folder, out=results, settings=SETTINGS)
        assert times(results) == trained
        assert {p.name: p.read_bytes() for p in results.iterdir() if p.is_file()} == files

    @pytest.mark.parametrize("target", ["table1", "table2", "table3"])
    def test_the_markdown_says_what_the_json_holds(self, results: Path, target: str) -> None:
        rows = content(results, target)["rows"]
        text = (results / f"{target}.md").read_text()
        lines = [line for line in text.splitlines() if line.startswith("| I+T+# |")]
        complete = next(row for row in rows if row["subset"] == COMPLETE)
        for name, printed in getattr(paper, f"TABLE_{target[-1]}").items():
            cell = complete["systems"][name]
            assert (cell["paper"]["mean"], cell["paper"]["std"]) == printed[COMPLETE]
            assert f"{printed[COMPLETE].mean:.2f}±{printed[COMPLETE].std:.2f}" in lines[0]
            assert f"{cell['ours']['mean']:.2f}±{cell['ours']['std']:.2f}" in lines[0]
            low, high = cell["ours"]["run_intervals"][0]
            assert f"{low:.2f} to {high:.2f}" in lines[1]
            low, high = cell["ours"]["mean_interval"]
            assert f"{low:.2f} to {high:.2f}" in lines[1]
        assert f"{complete['difference']['difference']:+.2f}" in lines[2]
        numbers = re.findall(r"[\d.]+", lines[2].split("|")[-2])
        assert float(numbers[0]) == pytest.approx(complete["difference"]["p_value"], abs=0.00051)
        for claim in content(results, target)["claims"]:
            assert f"{claim['verdict']} |" in text


class TestPictures:
    """A picture has a title, names and units of its axes, and subsets in words."""

    @pytest.mark.parametrize(
        ("target", "texts"),
        [
            ("figure3", ("paper (Flickr Emotion)", "this data set", "8,674", "in per cent")),
            ("figure4", ("anger (10)", "awe (10)", "per cent of the label", "answer")),
            ("figure5", ("logarithmic", "in per cent", "test accuracy, %", "multitask, ours")),
            ("table1", ("image, text and tags", "multitask, paper", "in per cent")),
        ],
    )
    def test_what_it_says(self, results: Path, target: str, texts: tuple[str, ...]) -> None:
        svg = (results / f"{target}.svg").read_text(encoding="utf-8")
        for text in (EXPERIMENTS[target].title[:30], *texts):
            assert text in svg, text

    def test_small_fractions_lie_apart(self, results: Path) -> None:
        """On a linear axis 1, 5 and 10% lay within a tenth of it."""
        found = content(results, "figure5")
        found["points"] = [
            found["points"][-1] | {"fraction": fraction} for fraction in (0.01, 0.05, 0.1, 1.0)
        ]
        figure = Figure()
        EXPERIMENTS["figure5"].draw(found, figure)
        (axes,) = figure.axes
        low, high = (axes.transData.transform((x, 1))[0] for x in (1, 100))
        places = [axes.transData.transform((x, 1))[0] for x in (1, 5, 10)]
        gaps = np.diff(places) / (high - low)
        assert min(gaps) > 0.14
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "5", "10", "100"]


class TestNumbers:
    def test_they_are_those_of_the_cells(self, results: Path) -> None:
        """Counted again from the answers on disk."""
        row = content(results, "table1")["rows"][SUBSETS.index("text+tags")]
        ours = row["systems"]["multitask"]["ours"]
        values, counts = [], []
        for seed in (0, 1):
            (folder,) = (results / "cells").glob(f"multitask-complete-posts-seed-{seed}-*")
            table = pq.read_table(folder / "answers.parquet").to_pandas()
            right = table["text+tags"] == table["label"]
            values.append(100 * right.mean())
            counts.append(int(right.sum()))
            metrics = json.loads((folder / "cell.json").read_text())["metrics"]
            assert metrics["test"]["text+tags"]["accuracy"] == pytest.approx(right.mean())
            assert metrics["test"]["text+tags"]["count"] == ours["posts"] == len(table)
        assert ours["values"] == pytest.approx(values)
        assert ours["mean"] == pytest.approx(np.mean(values))
        assert ours["std"] == pytest.approx(np.std(values, ddof=1))
        wilson = stats.binomtest(counts[0], ours["posts"]).proportion_ci(method="wilson")
        assert ours["run_intervals"][0] == pytest.approx([100 * wilson.low, 100 * wilson.high])

    def test_the_confusion_matrix_is_of_the_complete_head(self, results: Path) -> None:
        found = content(results, "figure4")
        counted = np.zeros((2, 2), dtype=int)
        for folder in (results / "cells").glob("multitask-all-posts-*"):
            for row in pq.read_table(folder / "answers.parquet").to_pylist():
                label, answer = (found["classes"].index(row[k]) for k in ("label", COMPLETE))
                counted[label, answer] += 1
        assert found["confusion"] == counted.tolist()
        assert np.sum(found["row_shares"], axis=1) == pytest.approx([100, 100])

    def test_the_composition(self, results: Path, dataset_folder: Path) -> None:
        found, counts = content(results, "figure3"), open_dataset(dataset_folder).counts
        assert {name: row["ours"] for name, row in found["subsets"].items()} == counts["train"][
            "subsets"
        ]
        assert found["labels"]["awe"]["train"] == counts["train"]["labels"]["awe"]
        assert found["settings"] is None

    def test_fractions_without_a_complete_post_are_omitted(self, results: Path) -> None:
        """With eight complete posts per class, 1% and 5% of them are none."""
        found = content(results, "figure5")
        assert [point["fraction"] for point in found["points"]] == [0.1, 0.25, 0.5, 0.75, 1.0]
        assert found["claims"][0]["claim"].startswith("with 10% of the posts complete")


class TestCells:
    def test_tables_and_figures_share_them(self, results: Path) -> None:
        names = [name.rpartition("-")[0] for name in times(results)]
        assert len(names) == len(set(names))
        assert {name for name in names if name.startswith("multitask-complete-posts")} == {
            "multitask-complete-posts-seed-0",
            "multitask-complete-posts-seed-1",
        }

    def test_a_cells_name_covers_what_determines_it(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        dataset = open_dataset(dataset_folder)
        vectors = tmp_path / "vectors.txt"
        vectors.write_text("one\n")
        cell = Cell(system="multitask", seed=0)
        settings = [
            SETTINGS,
            dataclasses.replace(SETTINGS, epochs=3),
            dataclasses.replace(SETTINGS, word_vectors=vectors),
            dataclasses.replace(SETTINGS, image_weights="imagenet"),
        ]
        names = {Cells(tmp_path, dataset, one).name(cell) for one in settings}
        names.add(Cells(tmp_path, dataclasses.replace(dataset, digest="x"), SETTINGS).name(cell))
        assert len(names) == len(settings) + 1
        same = dataclasses.replace(SETTINGS, device="cuda", repeats=9)
        assert Cells(tmp_path, dataset, same).name(cell) in names

    def test_it_covers_the_content_of_files(self, dataset_folder: Path, tmp_path: Path) -> None:
        """Another file of the same name and size is another file; the same one may be moved."""
        dataset = open_dataset(dataset_folder)
        cell = Cell(system="multitask", seed=0)
        names = []
        for folder, content in (("a", "one\n"), ("b", "two\n"), ("c", "one\n")):
            for option, name in (("word_vectors", "v.txt"), ("image_weights", "w.pth")):
                path = tmp_path / folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(content)
                changed: dict[str, Any] = {option: path if option == "word_vectors" else str(path)}
                settings = dataclasses.replace(SETTINGS, **changed)
                names.append(Cells(tmp_path, dataset, settings).name(cell))
        assert len(set(names)) == 4
        assert names[:2] == names[4:]

    def test_it_covers_the_vocabulary(self, dataset_folder: Path, tmp_path: Path) -> None:
        """`--min-count` changes no post, and decides which words a network knows."""
        names = []
        for min_count in (1, 2):
            folder = tmp_path / str(min_count)
            shutil.copytree(dataset_folder, folder)
            vocabulary = json.loads((folder / "vocabulary.json").read_text())
            changed = vocabulary | {"min_count": min_count}
            (folder / "vocabulary.json").write_text(json.dumps(changed))
            cells = Cells(tmp_path, open_dataset(folder), SETTINGS)
            names.append(cells.name(Cell(system="multitask", seed=0)))
        assert names[0] != names[1]

    def test_only(self, dataset_folder: Path, tmp_path: Path) -> None:
        def run(only: str | None) -> str | None:
            return reproduce(
                "figure4", dataset=dataset_folder, out=tmp_path, settings=SETTINGS, only=only
            )

        assert run("seed-1") is None
        assert [name.rpartition("-")[0] for name in times(tmp_path)] == [
            "multitask-all-posts-seed-1"
        ]
        assert not (tmp_path / "figure4.md").exists()
        first = times(tmp_path)
        assert run("multitask-all-*-seed-0-*") is not None
        assert first.items() < times(tmp_path).items()

    def test_only_some_cells_of_all(
        self, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What needs no other cell is written; the rest says what it lacks."""
        only = "late-fusion-*-seed-0-*"
        found = reproduce("all", dataset=dataset_folder, out=tmp_path, settings=SETTINGS, only=only)
        assert found is None
        assert [name.rpartition("-")[0] for name in times(tmp_path)] == [
            "late-fusion-all-posts-seed-0"
        ]
        assert [path.name for path in tmp_path.glob("*.md")] == ["figure3.md"]
        assert (
            "5 of the 6 cells of table3 are not trained yet: no table3" in capsys.readouterr().err
        )

    def test_only_that_matches_nothing(self, dataset_folder: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"--only x matches no cell.*multitask-all-posts"):
            reproduce("figure4", dataset=dataset_folder, out=tmp_path, settings=SETTINGS, only="x")

    @pytest.mark.slow
    def test_stopped_in_the_second_cell_it_resumes(
        self, dataset_folder: Path, results: Path, tmp_path: Path
    ) -> None:
        # 40 posts in batches of 16, two epochs: six steps per cell.
        out = tmp_path / "out"
        command = ["reproduce", "figure4", str(dataset_folder), "--out", str(out), *OPTIONS]
        stopped = subprocess.run(
            [sys.executable, "-m", "tests.model.stopping_training", "SIGTERM", "8", *command],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert stopped.returncode == 130, stopped.stderr
        assert "keeps the finished ones" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        kept = times(out)
        assert [name.rpartition("-")[0] for name in kept] == ["multitask-all-posts-seed-0"]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert kept.items() < times(out).items()
        # The result is that of an uninterrupted run.
        assert content(out, "figure4") == content(results, "figure4")
        assert not list((out / "cells").glob("*/run"))

    def test_a_training_that_was_finished_is_kept(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        """If only its answers are missing after a kill or a full disk, nothing is retrained."""
        cells = Cells(tmp_path, open_dataset(dataset_folder), SETTINGS)
        cell = Cell(system="fasttext", seed=0)
        folder = tmp_path / cells.name(cell)
        train_cell(cell, open_dataset(dataset_folder), SETTINGS, folder / "run")
        metrics = json.loads((folder / "run" / "metrics.json").read_text())
        metrics["of"] = "that training"
        (folder / "run" / "metrics.json").write_text(json.dumps(metrics))
        (folder / ".run.training").mkdir()
        (folder / ".run.training" / "lock").touch()
        (done,) = cells.train([cell])
        assert done
        assert done.record["metrics"]["of"] == "that training"
        assert sorted(p.name for p in folder.iterdir()) == ["answers.parquet", "cell.json", "lock"]
        # Killed before the network was removed.
        (folder / "run").mkdir()
        cells.train([cell])
        assert not (folder / "run").exists()

    def test_features_are_shared_where_the_data_set_cannot_keep_them(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(dataset_folder, tmp_path / "set", ignore=shutil.ignore_patterns("features"))
        (tmp_path / "set" / "features").write_text("a file refuses writing to root as well")
        cells = Cells(tmp_path / "cells", open_dataset(tmp_path / "set"), SETTINGS)
        cells.train([Cell(system="single-task", subset="image", seed=0)])
        assert len(list((tmp_path / "cells" / "features").glob("*/test.npy"))) == 1

    def test_a_damaged_cell_is_named(self, dataset_folder: Path, tmp_path: Path) -> None:
        once = dataclasses.replace(SETTINGS, repeats=1, epochs=1)
        reproduce("figure4", dataset=dataset_folder, out=tmp_path, settings=once)
        (answers,) = (tmp_path / "cells").glob("*/answers.parquet")
        answers.write_bytes(b"PAR1")
        with pytest.raises(ModelError, match=r"answers\.parquet cannot be read.*train it again"):
            reproduce("figure4", dataset=dataset_folder, out=tmp_path, settings=once)


def test_an_unknown_target(dataset_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'table9' is not known: give table1"):
        reproduce("table9", dataset=dataset_folder, out=tmp_path, settings=SETTINGS)
