"""`report`: its figures are those of the answers, and its page is complete and inert."""

import dataclasses
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flickr_emotion.common.modalities import COMPLETE, SUBSETS, subset_in_words
from flickr_emotion.common.presentation.drawing import write_drawing
from flickr_emotion.common.presentation.tables import Table, latex_table
from flickr_emotion.common.takedown.tombstones import Tombstone
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.evaluation.metrics import accuracy_interval
from flickr_emotion.model.report.accuracies import (
    OWN_HEAD,
    accuracy_table,
    class_table,
    confusions,
    heads_table,
)
from flickr_emotion.model.report.charts import confusion_chart
from flickr_emotion.model.report.comparison import differences
from flickr_emotion.model.report.content import contents
from flickr_emotion.model.report.curves import learning_charts
from flickr_emotion.model.report.judging import JudgedRun, judge
from flickr_emotion.model.report.page import report_page
from flickr_emotion.model.report.report import report
from flickr_emotion.model.report.surest_errors import surest_errors
from flickr_emotion.model.reproduction.uncertainty import sign_flip
from flickr_emotion.model.training.training import train
from tests.browser import NARROW, OpenPage, are_in_order, heading_levels, sideways
from tests.commands import refusal, run
from tests.datasets.inspect.test_inspection import Page
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.report.conftest import ATTACK

Judged = tuple[Dataset, list[JudgedRun]]


class TestFigures:
    def test_accuracies_are_those_of_evaluate(self, judged: Judged, run_folder: Path) -> None:
        run = judged[1][0]
        found = evaluate(run_folder, device="cpu")["test"]
        rows = {row[0]: row for row in accuracy_table(run).rows}
        for subset in SUBSETS:
            row = rows[subset_in_words(subset)]
            right = round(found[subset]["accuracy"] * 10)
            low, high = accuracy_interval(right, 10)
            assert row[1:4] == [
                "10",
                f"{10 * right:.2f}",
                f"{100 * low:.2f} to {100 * high:.2f}",
            ]
            assert row[4] == "50.00"  # five of ten test posts are of the majority class
        assert rows[OWN_HEAD][2] == rows[subset_in_words(COMPLETE)][2]

    def test_the_figures_of_a_class(self, judged: Judged) -> None:
        run = judged[1][0]
        rows = class_table(run, "x", np.array([[3, 1], [2, 4]])).rows
        assert rows == [
            ["anger", "4", "5", "60.00", "75.00", "66.67"],
            ["awe", "6", "5", "80.00", "66.67", "72.73"],
        ]
        assert class_table(run, "x", np.array([[0, 0], [0, 0]])).rows[0][3:] == ["-", "-", "-"]

    def test_what_each_head_gets_right_alone(self, judged: Judged) -> None:
        run = judged[1][0]
        table = heads_table(run)
        assert table is not None
        right = {subset: run.answers(subset) == run.labels_B for subset in SUBSETS}
        for row, subset in zip(table.rows, SUBSETS, strict=True):
            others = [right[other] for other in SUBSETS if other != subset]
            assert int(row[1]) == right[subset].sum()
            assert int(row[2]) == (right[subset] & ~np.any(others, axis=0)).sum()

    def test_a_system_with_one_answer_has_no_heads_to_compare(self, judged: Judged) -> None:
        run = judged[1][0]
        alone = {COMPLETE: run.score.answers[COMPLETE]}
        one = type(run)(
            **{
                **{name: getattr(run, name) for name in run.__dataclass_fields__},
                "score": type(run.score)(
                    answers=alone, confusions=run.score.confusions, loss=run.score.loss
                ),
            }
        )
        assert heads_table(one) is None

    def test_differences_are_paired(self, judged: Judged) -> None:
        first, second = judged[1]
        for found, subset in zip(differences(second, first), (*SUBSETS, COMPLETE), strict=True):
            ours = second.answers(subset) == second.labels_B
            theirs = first.answers(subset) == first.labels_B
            assert found.difference == pytest.approx(100 * (ours.mean() - theirs.mean()))
            assert found.p_value == sign_flip(ours.astype(int) - theirs.astype(int))
            assert found.posts == 10

    def test_the_surest_errors_are_wrong_and_sure(self, judged: Judged) -> None:
        dataset, (_, run) = judged
        errors = surest_errors(run, dataset)
        wrong = int(confusions(run)[OWN_HEAD].sum() - np.trace(confusions(run)[OWN_HEAD]))
        assert len(errors) == wrong > 0
        chances = [error.probability for error in errors]
        assert chances == sorted(chances, reverse=True)
        rows = [row for batch in dataset.batches("test", ["photo_id", "label"]) for row in batch]
        labels = {row["photo_id"]: row["label"] for row in rows}
        for error in errors:
            assert labels[error.sample.photo_id] == error.sample.label != error.answer
            assert (error.read, error.picture is None) == (COMPLETE, False)
            said = {words: (answer, chance) for words, answer, chance, _ in error.heads}
            assert said[subset_in_words(COMPLETE)] == (error.answer, error.probability)
        assert [error.sample for error in surest_errors(run, dataset, most=2)] == [
            error.sample for error in errors[:2]
        ]


class TestPage:
    def test_all_parts_are_there(self, page: Path, judged: Judged) -> None:
        content = page.read_text(encoding="utf-8")
        found = Page(content)
        shown = " ".join(found.texts)
        for part in (
            *("Side by side", "early minus run", "Accuracy", "majority", "95% interval"),
            *("precision", "recall", "Confusion matrix", "Losses", "Validation accuracy"),
            *("Reliability", "ECE before", "ECE after", "go missing", "Surest errors"),
            *("What each head gets right that others do not", "What each head said"),
        ):
            assert part in shown, part
        # Of each run eight matrices and seven other figures, and one of the difference.
        assert found.elements["svg"] == 2 * (8 + 6) + 1
        assert found.elements["svg"] == content.count('<svg role="img" aria-label="')
        errors = sum(len(surest_errors(run, judged[0])) for run in judged[1])
        assert found.elements["img"] == content.count('alt="Picture of post ') == errors > 0

    def test_nothing_can_act_or_is_fetched(self, page: Path) -> None:
        content = page.read_text(encoding="utf-8")
        found = Page(content)
        assert not found.elements.keys() & {"script", "link", "iframe", "object", "embed", "form"}
        assert all(re.match(r"data:image/jpeg;base64,|#", where) for where in found.addresses)
        assert "default-src 'none'" in content
        assert "url(http" not in content

    def test_hostile_posts_are_inert(
        self,
        run_folder: Path,
        hostile_data: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        report([run_folder], tmp_path / "page.html", dataset=hostile_data, device="cpu")
        assert "is not the data set that" in capsys.readouterr().err
        content = (tmp_path / "page.html").read_text(encoding="utf-8")
        page = Page(content)  # it refuses handlers
        assert not page.elements["script"]
        assert "<script" not in content
        assert f"{ATTACK} <img src=x onerror=alert(1)>" in "".join(page.texts)
        assert "\u202e" not in content
        assert "not of the data set that the run was trained on" in content


class TestFiles:
    def test_a_figure_is_svg_and_pdf_with_title_and_axes(
        self, judged: Judged, tmp_path: Path
    ) -> None:
        run = judged[1][0]
        matrix = confusion_chart(run, "image and tags", run.score.confusions["image+tags"])
        wanted = {
            matrix: ("Confusion matrix, image and tags (run)", "answer", "anger (5)", "per cent"),
            learning_charts(run)[0]: ("Losses (run)", "training", "validation", "loss", "epoch"),
        }
        for drawing, texts in wanted.items():
            write_drawing(tmp_path, drawing)
            svg = (tmp_path / f"{drawing.name}.svg").read_text(encoding="utf-8")
            assert ET.fromstring(svg).tag.endswith("svg")
            for said in texts:
                assert said in svg
            assert (tmp_path / f"{drawing.name}.pdf").read_bytes().startswith(b"%PDF")

    def test_each_table_is_latex(self, judged: Judged) -> None:
        text = latex_table(accuracy_table(judged[1][0]))
        assert r"\begin{tabular}{lrrrrrr}" in text
        assert r"95\% interval" in text
        assert text.count(r"\\") == 9
        hostile = Table(
            name="x", title="50 % & \\input{/etc/passwd}", head=["a_b"], rows=[["-1.5~$"]]
        )
        text = latex_table(hostile)
        assert r"\caption{50 \% \& \textbackslash{}input\{/etc/passwd\}}" in text
        assert r"a\_b" in text
        assert r"$-$1.5\textasciitilde{}\$" in text

    @pytest.mark.slow
    def test_the_command_writes_all_of_them_and_the_same_again(
        self, page: Path, run_folder: Path, second_run: Path, tmp_path: Path
    ) -> None:
        for out in (tmp_path / "a", tmp_path / "b"):
            out.mkdir()
            done = run(
                *("report", run_folder, second_run, "--html", out / "page.html"),
                *("--figures", out / "figures", "--latex", out / "tables", "--device", "cpu"),
            )
            assert done.code == 0, done
            assert f"{out / 'page.html'} (" in done.out
            assert (out / "page.html").read_bytes() == page.read_bytes()
            assert len(list((out / "figures").iterdir())) == 2 * (2 * (8 + 6) + 1)
            assert len(list((out / "tables").iterdir())) == 2 * (1 + 8 + 1 + 1) + 2
        for path in (tmp_path / "a").rglob("*.*"):
            again = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert again.read_bytes() == path.read_bytes()

    @pytest.mark.slow
    @pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
    def test_latex_reads_the_tables(self, judged: Judged, tmp_path: Path) -> None:
        tables = [accuracy_table(judged[1][0]), heads_table(judged[1][0])]
        body = "".join(latex_table(table) for table in tables if table)
        (tmp_path / "all.tex").write_text(
            "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\n"
            f"{body}\\end{{document}}\n"
        )
        command = ["pdflatex", "-halt-on-error", "all.tex"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


class TestRefusals:
    def test_a_folder_that_is_no_run(self, dataset_folder: Path, tmp_path: Path) -> None:
        said = refusal("report", dataset_folder, "--html", tmp_path / "page.html")
        assert "is not a run folder" in said

    def test_runs_of_other_classes_or_data(
        self, run_folder: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        other = shutil.copytree(run_folder, tmp_path / "other")
        (other / "digests.json").unlink()
        config = json.loads((other / "config.json").read_text())
        config["dataset"]["digest"] = "0" * 64
        (other / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match=r"another data set than .*--data"):
            report([run_folder, other], tmp_path / "page.html", device="cpu")
        with pytest.raises(ModelError, match=r"holds other posts than when .*--data"):
            report([other], tmp_path / "page.html", device="cpu")
        config["classes"] = ["anger", "joy"]
        (other / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match=r"other classes than .*anger, joy; not anger, awe"):
            report([run_folder, other], tmp_path / "page.html", device="cpu")

    def test_a_data_set_that_has_moved(
        self, run_folder: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        run = shutil.copytree(run_folder, tmp_path / "run")
        (run / "digests.json").unlink()
        config = json.loads((run / "config.json").read_text())
        config["dataset"]["folder"] = str(tmp_path / "gone")
        (run / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match=r"give its folder with --data"):
            report([run], tmp_path / "page.html", device="cpu")
        assert judge([run], dataset_folder, device="cpu")[1][0].own_dataset

    def test_places_that_cannot_be_written(
        self, run_folder: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        for html, said in (
            (tmp_path / "absent" / "page.html", "its folder is not there"),
            (tmp_path, "it is a folder"),
            (run_folder / "page.html", "lies inside the run"),
        ):
            with pytest.raises(ModelError, match=said):
                report([run_folder], html, device="cpu")
        with pytest.raises(DatasetError, match="lies inside the data set"):
            report([run_folder], dataset_folder / "page.html", device="cpu")
        (tmp_path / "file").write_text("")
        with pytest.raises(ModelError, match=r"--figures .* is a file"):
            report([run_folder], tmp_path / "page.html", figures=tmp_path / "file", device="cpu")
        assert not (run_folder / "page.html").exists()

    def test_no_test_posts(self, run_folder: Path, tmp_path: Path) -> None:
        posts = [separable_post(n, ("anger", "awe")[n % 2]) for n in range(4)]
        data = write_dataset(tmp_path / "d", {"train": posts, "validation": [], "test": []})
        with pytest.raises(ModelError, match="has no test posts"):
            report([run_folder], tmp_path / "page.html", dataset=data, device="cpu")


def test_withdrawn_posts_are_told(judged: Judged) -> None:
    dataset, (run, _) = judged
    stones = [
        Tombstone(digest=n * 64, what="post", date="2026-01-31", reason="a wish") for n in "ab"
    ]
    (part,) = contents(dataset, [dataclasses.replace(run, withdrawn=stones)])
    told = "2 posts were withdrawn since (2026-01-31)"
    assert told in report_page(dataset, [dataclasses.replace(part, sections=part.sections[:1])])


def test_a_damaged_history_is_named(run_folder: Path, tmp_path: Path) -> None:
    run = shutil.copytree(run_folder, tmp_path / "run")
    (run / "digests.json").unlink()
    (run / "history.jsonl").write_text('{"epoch": 1}\n')
    with pytest.raises(ModelError, match=r"history.jsonl cannot be read"):
        report([run], tmp_path / "page.html", device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "networks"),
    [
        ({"model": "late-fusion", "repeats": 2}, ["image", "text", "tags"]),
        ({"repeats": 2}, [""]),
        ({"model": "fasttext"}, [""]),
        ({"model": "single-task", "subset": "image"}, [""]),
    ],
)
def test_other_systems(
    dataset_folder: Path, tmp_path: Path, changed: dict[str, Any], networks: list[str]
) -> None:
    """Of several networks, several seeds, and few heads."""
    config = dataclasses.replace(TINY, epochs=1, **changed)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    dataset, (judged,) = judge([tmp_path / "run"], device="cpu")
    assert list(judged.histories) == networks
    (part,) = contents(dataset, [judged])
    keys = [section.key for section in part.sections]
    assert ("heads" in keys) == (len(judged.heads) > 1)
    assert ("all seeds" in accuracy_table(judged).head) == ("repeats" in changed)
    assert len(learning_charts(judged)) == 2 * len(networks)
    assert "<h3" in report_page(dataset, [part])


class TestInABrowser:
    """``test_pages_in_a_browser.py`` has more, which is slow."""

    def test_the_keyboard_alone_reads_it_on_a_telephone(
        self, open_page: OpenPage, page: Path
    ) -> None:
        with open_page(page.as_uri(), NARROW, "dark") as window:
            assert sideways(window) == 0
            assert are_in_order(heading_levels(window))
            window.keyboard.press("Tab")
            assert window.evaluate("document.activeElement.textContent") == "Skip to the content"
            window.keyboard.press("Tab")
            window.keyboard.press("Enter")
            assert window.url.endswith("#comparison")
            window.focus("summary")
            window.keyboard.press("Enter")
            assert window.evaluate("document.querySelector('details').open")
            window.focus(".frame")
            window.evaluate(
                "{ const frame = document.activeElement;"
                " window.scrolled = new Promise(done =>"
                " frame.addEventListener('scroll', () => done(frame.scrollLeft))); 0 }"
            )
            window.keyboard.press("ArrowRight")
            assert window.evaluate("window.scrolled") > 0
            assert sideways(window) == 0

    def test_a_screen_reader_finds_names(self, open_page: OpenPage, page: Path) -> None:
        with open_page(page.as_uri()) as window:
            assert window.get_by_role("main").count() == 1
            assert window.get_by_role("navigation", name="Contents").count() == 1
            assert window.get_by_role("heading", name="Surest errors").count() == 2
            table = window.get_by_role("table", name="Accuracy and F1").first
            assert table.get_by_role("rowheader").count() == 8
            assert table.get_by_role("columnheader").count() == 7
            unnamed = (
                "[...document.querySelectorAll('svg, img')]"
                ".filter(it => !(it.getAttribute('aria-label') || it.alt)).length"
            )
            assert window.evaluate(unnamed) == 0
