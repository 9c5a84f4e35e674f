"""A run judged on labelled posts of one's own, and posts in forms that `build-splits` reads too."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flickr_emotion.commands.main import app
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.report import judged_posts
from flickr_emotion.model.prediction.file_evaluation import evaluate_file
from flickr_emotion.model.prediction.file_prediction import predict_file
from tests.model.dataset_folder import COLOURS, WORDS, picture


def labelled(folder: Path, **columns: Any) -> Path:
    """Six posts as a CSV in Excel's manner; two lack a modality, one a label."""
    rows = []
    for number, label in enumerate(["awe", "anger", "awe", "anger", "awe", "awe"]):
        text, tags = WORDS[label]
        (folder / f"{number}.jpg").write_bytes(picture(COLOURS[label]))
        rows.append(
            {
                "id": number,
                "image_path": f"{number}.jpg" if number != 3 else "",
                "caption": text if number != 4 else "",
                "hashtags": " ".join(f"#{tag}" for tag in tags),
                "emotion": label if number != 5 else "",
                "note": "é",
            }
        )
    path = folder / "posts.csv"
    pd.DataFrame(rows).to_csv(path, sep=";", index=False, encoding="cp1252")
    return path


class TestEvaluation:
    def test_heads_and_answers(self, run_folder: Path, tmp_path: Path) -> None:
        judged = evaluate_file(run_folder, input=labelled(tmp_path), device="cpu")
        assert (judged["posts"], judged["unlabelled"], judged["errors"]) == (6, 1, 0)
        assert judged["all"]["count"] == 5
        assert {name: it["count"] for name, it in judged["figures"].items()} == {
            "image": 4,
            "text": 4,
            "tags": 5,
            "image+text": 3,
            "image+tags": 4,
            "text+tags": 4,
            "image+text+tags": 3,
        }
        assert judged["figures"]["image+text+tags"]["accuracy"] == 1
        assert sum(map(sum, judged["confusions"]["all"])) == 5

    def test_on_the_command_line(self, run_folder: Path, tmp_path: Path) -> None:
        path = labelled(tmp_path)
        given = ["evaluate", str(run_folder), "--input", str(path), "--device", "cpu"]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 0
        assert "5 of 6 posts judged; left out: 1 without a label" in done.stdout
        assert "id as photo_id, emotion as label, caption as text, hashtags as tags" in done.stderr
        assert "ignored: note" in done.stderr
        assert "read as cp1252" in done.stderr
        assert CliRunner().invoke(app, [*given, "--missing"]).exit_code == 2

    def test_votes_beside_the_probabilities(
        self, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Against votes that are the probabilities themselves, nothing is missing."""
        path = tmp_path / "posts.csv"
        path.write_text("id,text\n1,storm rage fury\n2,calm sea\n3,rage\n")
        answers = tmp_path / "answers.csv"
        predict_file(run_folder, input=path, out=answers, device="cpu")
        posts = pd.read_csv(path).assign(label="awe")
        given = pd.read_csv(answers).filter(like="probability_")
        posts[given.columns] = given
        posts["probability_joy"] = 0
        posts.loc[2, [*given.columns]] = float("nan")
        posts.to_csv(path, index=False)
        columns = "distribution=probability_*"
        whole = evaluate_file(run_folder, input=path, columns=columns, device="cpu")["all"]
        assert whole["distributions"] == 2
        assert whole["kl_divergence"] == pytest.approx(0, abs=1e-6)
        assert whole["cosine"] == pytest.approx(1)
        command = ["evaluate", str(run_folder), "--input", str(path), "--columns", columns]
        command += ["--device", "cpu"]
        done = CliRunner().invoke(app, command)
        assert "beside the votes on 2 posts: KL 0.000, Chebyshev 0.000, cosine 1.000" in done.stdout
        assert "votes for joy do not count" in done.stderr
        path.write_text(
            "text,label,v_awe,v_anger\nsea,awe,1,-2\nsea,awe,1,3\nsea,awe,9e307,1e308\n"
        )
        whole = evaluate_file(run_folder, input=path, columns="distribution=v_*", device="cpu")
        assert (whole["errors"], whole["all"]["count"], whole["all"]["distributions"]) == (0, 3, 1)
        assert "the votes of 2 posts do not count, the first: " in capsys.readouterr().err
        without = evaluate_file(run_folder, input=path, device="cpu")["all"]
        assert "kl_divergence" not in without

    def test_a_label_that_the_run_does_not_know(self, run_folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "posts.csv"
        path.write_text("id,text,label\n1,storm,awe\n2,storm,joy\n")
        with pytest.raises(
            ModelError, match=r"row 2: the label 'joy' is not a class of .* anger, awe"
        ):
            evaluate_file(run_folder, input=path, device="cpu")

    def test_no_post_that_can_be_judged(self, run_folder: Path, tmp_path: Path) -> None:
        """A table of dashes and exit code 0 were the answer."""
        path = tmp_path / "posts.csv"
        path.write_text("id,text,image,label\n1,storm,,\n2,,gone.jpg,awe\n")
        with pytest.raises(
            ModelError, match=r"1 have no label, and 1 cannot .*gone\.jpg is not there"
        ):
            evaluate_file(run_folder, input=path, device="cpu")


def test_a_file_of_which_no_post_is_answered(run_folder: Path, tmp_path: Path) -> None:
    """ "0 of 2 posts" was no error, and the reason was in the output alone."""
    path, out, said = tmp_path / "posts.csv", tmp_path / "out.csv", list[str]()
    path.write_text("id,text,image\n1,,gone.jpg\n2,,https://example.org/a.jpg\n")
    with pytest.raises(ModelError, match=r"no post of .*posts\.csv was answered"):
        predict_file(run_folder, input=path, out=out, device="cpu", say=said.append)
    assert "gone.jpg is not there" in said[-1]
    assert "is a URL" in out.read_text()


def test_titles_and_descriptions_are_read(run_folder: Path, tmp_path: Path) -> None:
    """They were silently ignored, and the posts answered without their texts."""
    text = WORDS["awe"][0]
    first, rest = text.split(" ", 1)
    (tmp_path / "a.csv").write_text(f"photo_id,text,tags\n1,{text},peak\n")
    (tmp_path / "b.csv").write_text(f"photo_id,title,description,tags\n1,{first},{rest},#peak\n")
    answers = []
    for name in "ab":
        out = tmp_path / f"{name}.parquet"
        counts = predict_file(
            run_folder, input=tmp_path / f"{name}.csv", out=out, say=lambda line: None
        )
        assert counts["modalities"] == {"image": 0, "text": 1, "tags": 1}
        answers.append(pq.read_table(out).to_pylist())
    assert answers[0] == answers[1]
    assert answers[0][0]["subset"] == "text+tags"


def test_pictures_that_are_not_there_are_said(run_folder: Path, tmp_path: Path) -> None:
    """The posts are answered from the rest; a wrong folder must not go unnoticed."""
    path, out, said = tmp_path / "posts.csv", tmp_path / "out.csv", list[str]()
    path.write_text("id,text,image,label\n1,storm rage,gone.jpg,anger\n2,sky light,gone.jpg,awe\n")
    counts = predict_file(run_folder, input=path, out=out, device="cpu", say=said.append)
    assert (counts["predicted"], counts["warnings"], counts["errors"]) == (2, 2, 0)
    assert said[-1].startswith("answered without the picture, among others: ")
    assert "gone.jpg is not there" in said[-1]
    judged = evaluate_file(run_folder, input=path, device="cpu")
    assert (judged["all"]["count"], judged["warnings"]) == (2, 2)
    assert "2 without their picture, which cannot be read" in judged_posts(judged)
