"""Predictions for every subset of the modalities, and for files of posts."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from PIL import Image

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.report import prediction_table
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.file_prediction import predict_file
from flickr_emotion.model.prediction.post_files import open_rows, open_writer
from flickr_emotion.model.prediction.prediction import Predictor, predict_one
from flickr_emotion.model.prediction.torch_run import TorchRun
from tests.model.dataset_folder import COLOURS, WORDS, picture


def parts(label: str, subset: str) -> dict[str, Any]:
    text, tags = WORDS[label]
    everything = {"image": picture(COLOURS[label]), "text": text, "tags": tags}
    return {modality: everything[modality] for modality in subset.split("+")}


class TestOnePost:
    @pytest.mark.parametrize("subset", SUBSETS)
    def test_every_subset(self, run_folder: Path, subset: str) -> None:
        for label in ("anger", "awe"):
            answer = predict_one(run_folder, **parts(label, subset))
            assert answer["subset"] == subset
            assert set(answer["probabilities"]) == {"anger", "awe"}
            assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
            if subset == "image+text+tags":
                assert answer["label"] == label

    def test_a_picture_of_a_path(self, run_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(picture(COLOURS["awe"]))
        by_path = predict_one(run_folder, image=tmp_path / "a.jpg")
        assert by_path == predict_one(run_folder, image=picture(COLOURS["awe"]))

    def test_a_picture_that_is_none_is_named_by_its_path(
        self, run_folder: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "a.jpg").write_text("<html>Not found</html>")
        with pytest.raises(ModelError) as caught:
            predict_one(run_folder, image=tmp_path / "a.jpg")
        assert str(caught.value).startswith(
            f"the picture of the post ({tmp_path}/a.jpg) cannot be read (it is a web page): give a "
        )

    def test_a_logo_on_nothing_is_a_logo_on_white(self, run_folder: Path) -> None:
        logo = Image.new("RGBA", (80, 80))
        logo.paste((200, 0, 0, 255), (20, 20, 60, 60))
        white = Image.new("RGBA", logo.size, "white")
        answers = []
        for shown in (logo, Image.alpha_composite(white, logo).convert("RGB")):
            data = io.BytesIO()
            shown.save(data, "PNG")
            answers.append(predict_one(run_folder, image=data.getvalue()))
        assert answers[0] == answers[1]

    def test_tags_in_any_spelling(self, run_folder: Path) -> None:
        plain = predict_one(run_folder, tags=["peak", "stars"])
        assert predict_one(run_folder, tags=["Stars!", "  Peak"]) == plain

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "has no modality"),
            ({"text": ""}, "has no word in it"),
            ({"text": " :-) http://example.org "}, "has no word in it"),
            ({"tags": []}, "have no letter in them"),
            ({"tags": ["!!"]}, "have no letter in them"),
            ({"image": b"no picture"}, "the picture of the post cannot be read"),
            ({"image": Path("absent.jpg"), "text": "storm"}, r"absent\.jpg is not there\)"),
        ],
    )
    def test_refused(self, run_folder: Path, given: dict[str, Any], message: str) -> None:
        with pytest.raises(ModelError, match=message) as caught:
            predict_one(run_folder, **given)
        assert "\n" not in str(caught.value)


class TestExplained:
    @pytest.mark.parametrize("subset", SUBSETS)
    def test_all_heads_that_can_answer_do(self, run_folder: Path, subset: str) -> None:
        """Each head's answer is what the post would get with the head's modalities only."""
        post = parts("awe", subset)
        answer = predict_one(run_folder, **post, explain=True)
        held = set(subset.split("+"))
        assert list(answer["heads"]) == [s for s in SUBSETS if held.issuperset(s.split("+"))]
        for head, opinion in answer["heads"].items():
            alone = predict_one(run_folder, **{m: post[m] for m in head.split("+")})
            assert opinion["label"] == alone["label"]
            expected = max(alone["probabilities"].values())
            assert opinion["probability"] == pytest.approx(expected, abs=1e-5)
        assert "heads" not in predict_one(run_folder, **post)

    def test_the_table(self, run_folder: Path) -> None:
        answer = predict_one(run_folder, **parts("awe", "text+tags"), explain=True)
        lines = prediction_table(answer).splitlines()
        assert [line.split()[0] for line in lines[-3:]] == ["text", "tags", "text+tags"]
        assert lines[-1].split()[1] == answer["label"]
        del answer["heads"]
        assert prediction_table(answer).splitlines() == lines[:3]

    @pytest.mark.parametrize("ending", ["parquet", "csv"])
    def test_a_column(self, run_folder: Path, tmp_path: Path, ending: str) -> None:
        (tmp_path / "in.csv").write_text('photo_id,text,tags\n1,storm rage,"protest, riot"\n2,,\n')
        out = tmp_path / f"out.{ending}"
        predict_file(run_folder, input=tmp_path / "in.csv", out=out, explain=True)
        rows = pq.read_table(out) if ending == "parquet" else pa_csv.read_csv(out)
        assert rows.column_names[-3:] == ["heads", "warning", "error"]
        first, second = rows["heads"].to_pylist()
        alone = predict_one(run_folder, text="storm rage", tags=["protest", "riot"], explain=True)
        assert json.loads(first).keys() == alone["heads"].keys()
        assert json.loads(first)["text"]["label"] == alone["heads"]["text"]["label"]
        assert not second


def test_a_network_without_some_heads(run_folder: Path) -> None:
    """The head with most of the post's modalities answers; if there is none, an error says so."""
    predictor = Predictor(run_folder, device="cpu", engine="torch")
    assert isinstance(predictor._network, TorchRun)
    network = predictor._network.run.network
    assert isinstance(network, MultitaskNetwork)
    heads = network.heads
    for subset in SUBSETS:
        if subset not in ("text", "image+text"):
            del heads[subset]
    predictor._network.ranking = ("text", "image+text")
    everything = RawPost(name="photo 1", **parts("awe", "image+text+tags"))
    mute = RawPost(name="photo 2", **parts("awe", "image+tags"))
    answered, refused = predictor.predict([everything, mute])
    assert isinstance(answered, Prediction)
    assert answered.subset == "image+text"
    assert list(answered.heads) == ["text", "image+text"]
    assert str(refused).startswith("photo 2 has image and tags, which the run was not trained")


class TestFiles:
    COLUMNS = (
        *("photo_id", "subset", "label", "probability_anger", "probability_awe"),
        *("warning", "error"),
    )

    def test_parquet(self, run_folder: Path, tmp_path: Path) -> None:
        awe, anger = (parts(label, "image+text+tags") for label in ("awe", "anger"))
        rows = [
            {"photo_id": "1", "image": {"bytes": awe["image"], "path": None}, **rest(awe)},
            {"photo_id": "2", "image": {"bytes": b"broken", "path": None}, **rest(anger)},
            {"photo_id": "3", "image": None, "text": None, "tags": anger["tags"]},
            {"photo_id": "4", "image": None, "text": "", "tags": []},
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
        counts = predict_file(
            run_folder, input=tmp_path / "in.parquet", out=tmp_path / "out.parquet"
        )
        assert counts == {
            "posts": 4,
            "predicted": 3,
            "warnings": 1,
            "errors": 1,
            "modalities": {"image": 1, "text": 2, "tags": 3},
            "out": str(tmp_path / "out.parquet"),
        }
        table = pq.read_table(tmp_path / "out.parquet")
        assert tuple(table.column_names) == self.COLUMNS
        found = table.to_pylist()
        assert [row["subset"] for row in found] == ["image+text+tags", "text+tags", "tags", None]
        assert [row["label"] for row in found[:3]] == ["awe", "anger", "anger"]
        assert found[0]["error"] is None
        assert found[0]["warning"] is None
        assert "photo 2" in found[1]["warning"]
        assert found[1]["error"] is None
        assert "photo 4 has no modality" in found[3]["error"]
        alone = predict_one(run_folder, **awe)["probabilities"]
        assert found[0]["probability_awe"] == pytest.approx(alone["awe"], abs=1e-5)

    def test_what_is_left_of_a_post_answers(self, run_folder: Path) -> None:
        """A picture that cannot be read costs an answer only if there is nothing else."""
        predictor = Predictor(run_folder, device="cpu")
        broken = RawPost(name="photo 1", image=b"broken", text=WORDS["awe"][0])
        alone = RawPost(name="photo 2", image=b"broken")
        answered, refused = predictor.predict([broken, alone], partly=True)
        assert isinstance(answered, Prediction)
        assert answered.subset == "text"
        assert "photo 1" in (answered.warning or "")
        assert answered.content(explain=False)["warning"] == answered.warning
        assert isinstance(refused, ModelError)
        # Who gives one post by hand is told of the picture.
        strict, _ = predictor.predict([broken, alone])
        assert isinstance(strict, ModelError)

    def test_csv(self, run_folder: Path, tmp_path: Path) -> None:
        """Picture paths are relative to the file's folder; tags are joined by commas."""
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "a.jpg").write_bytes(picture(COLOURS["anger"]))
        with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file)
            writer.writerow(["photo_id", "image", "text", "tags", "note"])
            writer.writerow(["1", "pictures/a.jpg", WORDS["anger"][0], "protest, riot", "kept out"])
            writer.writerow(["2", "", "", "peak", ""])
            writer.writerow(["3", "pictures/absent.jpg", "", "", ""])
        predict_file(run_folder, input=tmp_path / "in.csv", out=tmp_path / "out.csv")
        with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        assert tuple(found[0]) == self.COLUMNS
        assert [row["subset"] for row in found] == ["image+text+tags", "tags", ""]
        assert found[0]["label"] == "anger"
        assert "absent.jpg" in found[2]["error"]

    def test_a_data_sets_shard(
        self, run_folder: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        shard = dataset_folder / "data" / "test-00000-of-00001.parquet"
        predict_file(run_folder, input=shard, out=tmp_path / "out.parquet")
        found = pq.read_table(tmp_path / "out.parquet")["label"].to_pylist()
        assert found == pq.read_table(shard)["label"].to_pylist()

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("in.parquet", b"no parquet", "cannot be read"),
            ("in.csv", b"\xff\xfe\x00", "cannot be read"),
            ("in.csv", b"photo_id,comment\n1,hello\n", "has none of the columns image, text"),
            ("in.csv", b"", "is empty: give a table of posts"),
            ("in.xlsx", b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
            ("in.csv", b"photo_id,text,tags\n1,a,b\n2,storm, light,x\n", "line 3, has 4 cells"),
            ("in.csv", b"photo_id,text,tags\n1,a\n", "line 2, has 2 cells and the header 3"),
            ("in.csv", b'photo_id,text\n1,"storm\n2,light\n', "cannot be read"),
            ("in.csv", b'photo_id,text\n1,"storm" light\n', "cannot be read"),
            ("in.csv", b"photo_id,text,text\n1,storm,light\n", "has two columns 'text'"),
            ("in.csv", b"photo_id,photo_id,text\n1,2,light\n", "has two columns 'photo_id'"),
        ],
    )
    def test_refused_input(
        self, run_folder: Path, tmp_path: Path, name: str, content: bytes, message: str
    ) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=message):
            predict_file(run_folder, input=tmp_path / name, out=tmp_path / "out.csv")

    @pytest.mark.parametrize(
        ("column", "values", "message"),
        [
            ("photo_id", [1.5], "photo_id is double: it must be string or integer"),
            ("image", [7], "image is int64: it must be binary"),
            ("image", [{"url": "a"}], "image is struct<url: string>: it must be binary"),
            ("text", [7], "text is int64: it must be string"),
            ("text", [0.5], "text is double: it must be string"),
            ("tags", [7], "tags is int64: it must be a list"),
            ("tags", [[7]], r"tags is list<.*int64>: it must be a list of strings"),
        ],
    )
    def test_columns_of_another_type(
        self, tmp_path: Path, column: str, values: list[Any], message: str
    ) -> None:
        rows = {"photo_id": ["1"], "text": ["storm"], column: values}
        pq.write_table(pa.table(rows), tmp_path / "in.parquet")
        with pytest.raises(ModelError, match=f"the column {message}"):
            predict_file(
                tmp_path / "no run", input=tmp_path / "in.parquet", out=tmp_path / "out.csv"
            )
        assert [entry.name for entry in tmp_path.iterdir()] == ["in.parquet"]

    @pytest.mark.parametrize("ending", ["parquet", "csv"])
    def test_absent_values(self, run_folder: Path, tmp_path: Path, ending: str) -> None:
        """A null id stays null; pandas turns a column of absent texts into NaN."""
        rows = {
            "photo_id": pa.array([4711, None], pa.int64()),
            "text": [float("nan"), None],
            "tags": pa.array(["peak", None]).dictionary_encode(),
        }
        pq.write_table(pa.table(rows), tmp_path / "in.parquet")
        out = tmp_path / f"out.{ending}"
        predict_file(run_folder, input=tmp_path / "in.parquet", out=out)
        if ending == "parquet":
            first, second = pq.read_table(out).to_pylist()
            assert second["photo_id"] is None
        else:
            with out.open(newline="", encoding="utf-8") as file:
                first, second = csv.DictReader(file)
            assert second["photo_id"] == ""
        assert (first["photo_id"], first["subset"]) == ("4711", "tags")
        assert second["error"].startswith("the post of row 2 has no modality")

    def test_a_text_without_words_is_none(self, run_folder: Path, tmp_path: Path) -> None:
        """As in a data set; the post's other modalities are used."""
        (tmp_path / "in.csv").write_text(
            "photo_id,text,tags\n1,http://example.org :-),peak\n2,storm,!!\n3,...,!\n"
        )
        predict_file(run_folder, input=tmp_path / "in.csv", out=tmp_path / "out.parquet")
        found = pq.read_table(tmp_path / "out.parquet").to_pylist()
        assert [row["subset"] for row in found] == ["tags", "text", None]
        assert "photo 3 has no modality" in found[2]["error"]

    def test_blank_lines_and_columns_that_do_not_count(
        self, run_folder: Path, tmp_path: Path
    ) -> None:
        """As in the CSV of a data set: blank lines are skipped, unused columns may be doubled."""
        (tmp_path / "in.csv").write_text(
            'photo_id,note,text,note\n\n1,x,"storm\nlight",y\n\n2,,mountain,\n'
        )
        counts = predict_file(run_folder, input=tmp_path / "in.csv", out=tmp_path / "out.csv")
        assert counts["predicted"] == counts["posts"] == 2

    def test_a_flipped_bit_in_parquet(self, run_folder: Path, tmp_path: Path) -> None:
        """Answers carry page checksums, and those of input files are checked."""
        (tmp_path / "in.csv").write_text("photo_id,text\n1,storm light\n")
        out = tmp_path / "out.parquet"
        predict_file(run_folder, input=tmp_path / "in.csv", out=out)
        rows = pa.table({"photo_id": ["a" * 500], "text": ["storm light " * 50]})
        pq.write_table(rows, tmp_path / "in.parquet", write_page_checksum=True, compression="none")
        for path in (out, tmp_path / "in.parquet"):
            content = bytearray(path.read_bytes())
            column = pq.read_metadata(path).row_group(0).column(0)
            first = column.dictionary_page_offset or column.data_page_offset
            content[first + column.total_compressed_size - 1] ^= 1
            path.write_bytes(content)
        with (
            pytest.raises(OSError, match="CRC"),
            pq.ParquetFile(out, page_checksum_verification=True) as file,
        ):
            file.read()
        with pytest.raises(ModelError, match=r"in\.parquet cannot be read"):
            predict_file(run_folder, input=tmp_path / "in.parquet", out=tmp_path / "new.csv")
        assert not (tmp_path / "new.csv").exists()

    def test_a_row_group_is_read_in_pieces(self, tmp_path: Path) -> None:
        """However it was written: pandas makes one row group of a million posts."""
        random = np.random.default_rng(0)
        pictures = [random.bytes(50_000) for _ in range(800)]
        rows = {"photo_id": [str(number) for number in range(800)], "image": pictures}
        pq.write_table(
            pa.table(rows), tmp_path / "in.parquet", use_dictionary=False, write_batch_size=64
        )
        assert pq.read_metadata(tmp_path / "in.parquet").num_row_groups == 1
        del rows
        before = pa.total_allocated_bytes()
        found = open_rows(tmp_path / "in.parquet")
        most = 0
        for number, row in enumerate(found.rows):
            assert row["image"] == pictures[number]
            most = max(most, pa.total_allocated_bytes() - before)
        assert found.count == number + 1 == 800
        assert most < 800 * 50_000 / 2

    def test_refused_output(self, run_folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "in.csv"
        path.write_text("photo_id,text\n1,storm light\n")
        with pytest.raises(ModelError, match="is also the input"):
            predict_file(run_folder, input=path, out=path)
        # Before the run is loaded.
        with pytest.raises(ModelError, match=r"neither \.parquet nor \.csv"):
            predict_file(tmp_path / "no run", input=path, out=tmp_path / "out.txt")
        with pytest.raises(ModelError, match=r"cannot be written \(its folder does not exist\)"):
            predict_file(tmp_path / "no run", input=path, out=tmp_path / "absent" / "out.csv")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in.csv"]

    def test_no_temporary_name_is_shown(self, tmp_path: Path) -> None:
        out = tmp_path / "absent" / "out.csv"
        with pytest.raises(ModelError) as caught, open_writer(out, pa.schema([])):
            pass
        assert str(caught.value) == (
            f"--out {out} cannot be written (its folder is not there): give another file"
        )

    def test_a_folder_as_output(self, tmp_path: Path) -> None:
        path = tmp_path / "in.csv"
        path.write_text("photo_id,text\n1,storm light\n")
        (tmp_path / "out.csv").mkdir()
        with pytest.raises(ModelError, match="it is a folder"):
            predict_file(tmp_path / "no run", input=path, out=tmp_path / "out.csv")


def rest(post: dict[str, Any]) -> dict[str, Any]:
    return {"text": post["text"], "tags": post["tags"]}
