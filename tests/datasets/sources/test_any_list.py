"""Whole crawls of lists of one's own, with labels and without, and the data sets from them."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.commands import Done, refusal, run
from tests.harvest.corpora import KEY, SECRET, post, url_of, write_votes

BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
COUNT = 36
POSTS = [
    *(post(number, owner=f"{number % 4}@N01") for number in range(COUNT)),
    post(COUNT, status="deleted"),
]
LABELS = ("calm", "wild", "calm")


def short(photo_id: str) -> str:
    number, code = int(photo_id), ""
    while number:
        number, digit = divmod(number, 58)
        code = BASE58[digit] + code
    return f"https://flic.kr/p/{code}"


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as running:
        yield running


def crawl(server: SandboxServer, published: Path, out: Path, *more: object) -> Done:
    done = run(
        *("crawl", published, "--out", out, "--flickr-url", server.url, "--quota", 0),
        *("--api-key", KEY, "--api-secret", SECRET, *more),
    )
    assert done.code == 0, done
    return done


def described(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    return found


def counts(harvest: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(run("status", harvest, "--json").out)
    return found


def labels_in(dataset: Path) -> dict[str, str]:
    rows = [
        row
        for path in dataset.glob("data/*.parquet")
        for row in pq.read_table(path, columns=["photo_id", "label"]).to_pylist()
    ]
    return {row["photo_id"]: row["label"] for row in rows}


def excluded(dataset: Path) -> dict[str, str]:
    rows = pq.read_table(dataset / "excluded.parquet").to_pylist()
    return {row["photo_id"] or row["source"]: row["reason"] for row in rows}


class TestWithoutLabelsAndSecrets:
    """Pages, short links and ids: a call for each photo, and labels from another file."""

    @pytest.fixture(scope="class")
    @staticmethod
    def harvest(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("unlabelled")
        forms = (
            lambda it: f"https://www.flickr.com/photos/{it.owner}/{it.photo_id}/in/photostream",
            lambda it: short(it.photo_id),
            lambda it: it.photo_id,
        )
        lines = [forms[number % 3](it) for number, it in enumerate(POSTS)]
        lines.append("http://instagram.com/p/abc")
        (folder / "list.txt").write_text("\n".join(lines), encoding="utf-8")
        plan = crawl(server, folder / "list.txt", folder / "harvest", "--plan")
        said = " ".join(plan.out.split())
        assert f"{len(POSTS)} photos are named without a secret, so each takes a call" in said
        assert "spent on this plan: 0 calls" in said
        done = crawl(server, folder / "list.txt", folder / "harvest")
        assert "list.txt: photos from column 1; no labels" in done.err
        return folder / "harvest"

    def test_every_post_and_picture_is_fetched(self, harvest: Path) -> None:
        found = counts(harvest)
        assert (found["api"]["ok"], found["api"]["gone"]) == (COUNT, 1)
        assert found["image"]["ok"] == COUNT
        assert found["calls"]["total"] <= len(POSTS) + 1  # One checks the key.
        with sqlite3.connect(harvest / "ledger.sqlite") as ledger:
            rejected = ledger.execute("SELECT reason FROM rejected").fetchall()
        ledger.close()
        assert rejected == [("not-flickr",)]

    def test_a_picture_that_can_never_be_requested_is_explained(self, harvest: Path) -> None:
        """`pending 1` after a complete crawl had no reason, and another crawl changed nothing."""
        assert counts(harvest)["image"]["pending"] == 1
        assert (
            "1 pictures stay pending: their posts are gone or private, and the list holds no "
            "secret to request them by"
        ) in run("status", harvest).out

    def test_without_labels_no_data_set_is_built(self, harvest: Path, tmp_path: Path) -> None:
        refused = refusal("build-splits", harvest, "--out", tmp_path / "d")
        assert "has no labels, because its list has none" in refused
        assert "--labels FILE" in refused

    @pytest.mark.parametrize("form", ["photo_id", "url"])
    def test_labels_of_another_file_are_joined(
        self, harvest: Path, tmp_path: Path, form: str
    ) -> None:
        with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow([form, "mood"])
            for number, it in enumerate(POSTS[2:]):
                rows.writerow(
                    [it.photo_id if form == "photo_id" else url_of(it), LABELS[number % 3]]
                )
            rows.writerow(["3799999999", "calm"])
        arguments = ("build-splits", harvest, "--labels", tmp_path / "labels.csv", "--out")
        done = run(*arguments, tmp_path / "d")
        assert done.code == 0, done
        assert f"labels of {COUNT - 1} of {COUNT + 1} photos from labels.csv" in done.err
        assert "1 of its photos are not in the harvest" in done.err
        assert labels_in(tmp_path / "d") == {
            it.photo_id: LABELS[number % 3] for number, it in enumerate(POSTS[2:-1])
        }
        reasons = excluded(tmp_path / "d")
        assert [reasons[it.photo_id] for it in POSTS[:2]] == ["no-label"] * 2
        assert reasons[POSTS[-1].photo_id] == "gone"
        content = described(tmp_path / "d")
        assert content["kind"] == "labels"
        text = (tmp_path / "labels.csv").read_text(encoding="utf-8")
        (tmp_path / "labels.csv").write_text(text.replace("wild", "free"), encoding="utf-8")
        assert run(*arguments, tmp_path / "e").code == 0
        assert described(tmp_path / "e")["lists_digest"] != content["lists_digest"]

    def test_the_columns_of_the_labels_can_be_named(self, harvest: Path, tmp_path: Path) -> None:
        rows = "".join(f"{n},{it.photo_id},{LABELS[n % 3]}\n" for n, it in enumerate(POSTS))
        (tmp_path / "labels.csv").write_text(f"label,p,q\n{rows}", encoding="utf-8")
        arguments = ("build-splits", harvest, "--out", tmp_path / "d", "--columns")
        refused = refusal(*arguments, "photo_id=p,label=q")
        assert "for posts of your own, or for the file of --labels" in refused
        labels = ("--labels", tmp_path / "labels.csv")
        assert run(*arguments, "photo_id=p,label=q", *labels).code == 0
        assert set(labels_in(tmp_path / "d").values()) == {"calm", "wild"}

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("photo_id,label\n3799999999,calm\n", "none of the 1 photos of"),
            ("photo_id,other\n3700000001,3\n", "has photos, but no labels"),
            ("name,label\nAnn,calm\n", "is not a published list"),
            (
                "photo_id,label\n" + "".join(f"37{n:08},{n}\n" for n in range(1001)),
                "1000 different",
            ),
        ],
    )
    def test_labels_that_cannot_be_joined(
        self, harvest: Path, tmp_path: Path, content: str, said: str
    ) -> None:
        (tmp_path / "labels.csv").write_text(content, encoding="utf-8")
        arguments = ("build-splits", harvest, "--out", tmp_path / "d")
        assert said in refusal(*arguments, "--labels", tmp_path / "labels.csv")
        assert not (tmp_path / "d").exists()


class TestWithLabels:
    """A CSV with labels and votes, crawled, built, and rebuilt from a manifest."""

    @pytest.fixture(scope="class")
    @staticmethod
    def harvest(server: SandboxServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("labelled")
        with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["", "image_url", "emotion", "n", "width"])
            for number, it in enumerate(POSTS):
                n = 2 if number == 0 else 6
                rows.writerow([number, url_of(it), LABELS[number % 3], n, 500])
        columns = "url=image_url,label=emotion,votes=n"
        done = crawl(server, folder / "list.csv", folder / "harvest", "--columns", columns)
        assert "photos from image_url; labels from emotion; votes from n; ignored" in done.err
        return folder / "harvest"

    def test_few_calls_are_spent_on_words_that_find_nothing(self, harvest: Path) -> None:
        found = counts(harvest)
        assert found["api"]["ok"] == COUNT
        assert found["calls"]["total"] <= COUNT + 8

    def test_it_is_built_and_rebuilt_from_its_manifest(
        self, server: SandboxServer, harvest: Path, tmp_path: Path
    ) -> None:
        done = run("build-splits", harvest, "--out", tmp_path / "d")
        assert done.code == 0, done
        expected = {it.photo_id: LABELS[n % 3] for n, it in enumerate(POSTS[:-1]) if n}
        assert labels_in(tmp_path / "d") == expected
        assert excluded(tmp_path / "d") == {POSTS[0].photo_id: "votes", POSTS[-1].photo_id: "gone"}
        content = described(tmp_path / "d")
        assert (content["kind"], content["classes"]) == ("labels", ["calm", "wild"])
        card = (tmp_path / "d" / "README.md").read_text(encoding="utf-8")
        assert "labelled by their collector" in card
        exported = run("manifest", "export", tmp_path / "d", "--out", tmp_path / "m.parquet")
        assert exported.code == 0, exported
        crawl(server, tmp_path / "m.parquet", tmp_path / "again")
        assert run("build-splits", tmp_path / "again", "--out", tmp_path / "e").code == 0
        assert described(tmp_path / "e")["digest"] == content["digest"]
        assert run("manifest", "verify", tmp_path / "m.parquet", tmp_path / "again").code == 0

    def test_another_reading_of_the_same_file_replaces_its_rows(
        self, server: SandboxServer, harvest: Path, tmp_path: Path
    ) -> None:
        given = harvest.parent / "list.csv"
        out = tmp_path / "h"
        assert "labels from emotion" in crawl(server, given, out, "--limit", 1).err
        crawl(server, given, out, "--limit", 1, "--columns", "url=image_url,label=n")
        with sqlite3.connect(out / "ledger.sqlite") as ledger:
            rows = ledger.execute("SELECT DISTINCT emotion FROM listed ORDER BY 1").fetchall()
        ledger.close()
        assert rows == [("2",), ("6",)]


def test_votes_for_each_class_give_the_label_with_most(
    server: SandboxServer, tmp_path: Path
) -> None:
    rows = [(4, 1), (2, 2), (1, 5), (0, 0), (3, 3)] + [(5, 0)] * 10
    lines = [f"{url_of(it)},{a},{b}" for it, (a, b) in zip(POSTS, rows, strict=False)]
    (tmp_path / "list.csv").write_text("url,happy,sad\n" + "\n".join(lines), encoding="utf-8")
    crawl(server, tmp_path / "list.csv", tmp_path / "h")
    assert run("build-splits", tmp_path / "h", "--out", tmp_path / "d").code == 0
    ids = [it.photo_id for it in POSTS]
    assert labels_in(tmp_path / "d") == {
        **{ids[0]: "happy", ids[2]: "sad"},
        **dict.fromkeys(ids[5:15], "happy"),
    }
    assert excluded(tmp_path / "d") == {ids[1]: "votes", ids[3]: "no-label", ids[4]: "tie"}


def test_words_of_labels_are_no_longer_searched_when_they_find_nothing(
    server: SandboxServer, tmp_path: Path
) -> None:
    """Each of the 18 labels would cost a call, and bring none of its two posts."""
    lines = [f"{url_of(it)},mood {number // 2}" for number, it in enumerate(POSTS[:COUNT])]
    (tmp_path / "list.csv").write_text("url,label\n" + "\n".join(lines), encoding="utf-8")
    crawl(server, tmp_path / "list.csv", tmp_path / "h")
    with sqlite3.connect(tmp_path / "h" / "ledger.sqlite") as ledger:
        searches = ledger.execute("SELECT count(*) FROM windows WHERE listing LIKE 'text:%'")
        assert 4 <= searches.fetchone()[0] <= 8  # Four threads may have begun one more each.
    ledger.close()


class TestOneHarvest:
    def test_a_list_without_labels_and_one_with_them(
        self, server: SandboxServer, tmp_path: Path
    ) -> None:
        """What one list names by id the other names with a secret, and with a label."""
        few = POSTS[:6]
        (tmp_path / "ids.txt").write_text("\n".join(it.photo_id for it in few), encoding="utf-8")
        lines = [f"{url_of(it)},{LABELS[number % 3]}" for number, it in enumerate(few)]
        (tmp_path / "list.csv").write_text("url,label\n" + "\n".join(lines), encoding="utf-8")
        crawl(server, tmp_path / "ids.txt", tmp_path / "h", tmp_path / "list.csv")
        assert counts(tmp_path / "h")["image"]["ok"] == len(few)
        assert run("build-splits", tmp_path / "h", "--out", tmp_path / "d").code == 0
        assert labels_in(tmp_path / "d") == {
            it.photo_id: LABELS[number % 3] for number, it in enumerate(few)
        }

    def test_votes_are_replaced_by_labels_of_ones_own(
        self, server: SandboxServer, tmp_path: Path
    ) -> None:
        crawl(server, write_votes(tmp_path / "list", POSTS[:6]), tmp_path / "h")
        lines = [f"{it.photo_id},{LABELS[number % 3]}" for number, it in enumerate(POSTS[:6])]
        labels = tmp_path / "labels.csv"
        labels.write_text("photo_id,label\n" + "\n".join(lines), encoding="utf-8")
        done = run("build-splits", tmp_path / "h", "--out", tmp_path / "d", "--labels", labels)
        assert done.code == 0, done
        content = described(tmp_path / "d")
        assert (content["kind"], content["classes"]) == ("labels", ["calm", "wild"])
        run("manifest", "export", tmp_path / "d", "--out", tmp_path / "m")
        crawl(server, tmp_path / "m", tmp_path / "again")
        for path, said in (("again", "was made from a manifest"), ("labels.csv", "has its own")):
            arguments = ("build-splits", tmp_path / path, "--out", tmp_path / "e")
            assert said in refusal(*arguments, "--labels", labels)

    def test_a_list_of_another_kind_is_refused(self, server: SandboxServer, tmp_path: Path) -> None:
        crawl(server, write_votes(tmp_path / "list", POSTS[:2]), tmp_path / "h")
        (tmp_path / "ids.txt").write_text(POSTS[0].photo_id, encoding="utf-8")
        refused = refusal(
            *("crawl", tmp_path / "ids.txt", "--out", tmp_path / "h", "--flickr-url", server.url),
            *("--api-key", KEY, "--api-secret", SECRET),
        )
        assert "contains a list of votes, but this one is of labels" in refused
