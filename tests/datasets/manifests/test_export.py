"""``manifest export`` of real data set folders."""

import hashlib
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.manifests.digests import half_digests, tags_as_json
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.harvest.flickr.photo_url import parse_photo_url
from flickr_emotion.harvest.manifests.file import SCHEMA, open_manifest
from tests.datasets.manifest_folder import Row, row, write_dataset

ROWS = [
    *(row(number) for number in range(20)),
    row(20, photo_id="99", votes=4),
    row(21, text=None, split="train"),
    row(22, tags=[], split="train"),
    row(23, image_sha256=None, server=None, secret=None, farm=None, split="train"),
]


def half(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()[:16]


def exported(folder: Path, rows: list[Row], *, with_urls: bool = False) -> list[Row]:
    """Return the rows of the manifest of a data set with these posts."""
    write_dataset(folder / "D", rows)
    assert export_manifest(folder / "D", folder / "m", with_urls=with_urls) == len(rows)
    return [it for batch in open_manifest(folder / "m").batches() for it in batch.to_pylist()]


class TestRows:
    def test_rows_hold_the_facts_of_the_data_set(self, tmp_path: Path) -> None:
        found = exported(tmp_path, ROWS)
        by_id = {it["photo_id"]: it for it in ROWS}
        assert [it["photo_id"] for it in found] == sorted(by_id, key=int)
        for it in found:
            post = by_id[it["photo_id"]]
            for name in ("server", "farm", "secret", "label", "votes", "sentiment", "pair"):
                assert it[name] == post[name]
            assert it["split"] == post["split"]
            image = post["image_sha256"]
            assert it["image_sha256"] == (bytes.fromhex(image)[:16] if image else None)
            assert it["text_sha256"] == (half(post["text"]) if post["text"] else None)
            tags = json.dumps(post["tags"], ensure_ascii=False, separators=(",", ":"))
            assert it["tags_sha256"] == (half(tags) if post["tags"] else None)
        subsets = {it["photo_id"]: it["modalities"] for it in found}
        assert subsets["99"] == "image+text+tags"
        assert subsets[ROWS[21]["photo_id"]] == "image+tags"
        assert subsets[ROWS[22]["photo_id"]] == "image+text"
        assert subsets[ROWS[23]["photo_id"]] == "text+tags"

    def test_pairs_and_sentiments(self, tmp_path: Path) -> None:
        rows = [row(n, votes=None, sentiment=-1.25, pair="sad_dog") for n in range(5)]
        write_dataset(tmp_path / "D", rows, kind="sentiment", service="flickr")
        export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)
        manifest = open_manifest(tmp_path / "m")
        assert (manifest.description.kind, manifest.description.service) == ("sentiment", "flickr")
        (batch,) = manifest.batches()
        assert set(batch["pair"].to_pylist()) == {"sad_dog"}
        assert set(batch["sentiment"].to_pylist()) == {-1.25}

    def test_many_parts_give_one_sorted_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [row(number, photo_id=str(number**4 + 1)) for number in range(1, 400)]
        random.Random(0).shuffle(rows)
        monkeypatch.setattr("flickr_emotion.datasets.manifests.export._ROW_GROUP", 64)
        monkeypatch.setattr("flickr_emotion.datasets.manifests.export._ROWS_PER_BATCH", 50)
        found = exported(tmp_path, rows)
        assert [it["photo_id"] for it in found] == sorted((it["photo_id"] for it in rows), key=int)
        metadata = pq.read_metadata(tmp_path / "m")
        groups = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
        assert groups == [64] * 6 + [15]
        # No temporary file is left.
        assert sorted(path.name for path in tmp_path.iterdir()) == ["D", "m"]

    def test_it_is_never_written_into_a_data_set(self, tmp_path: Path) -> None:
        write_dataset(tmp_path / "D", ROWS, kind="votes", service="flickr")
        shard = tmp_path / "D" / "data" / "train-00000-of-00001.parquet"
        whole = shard.read_bytes()
        with pytest.raises(DatasetError, match="lies inside the data set"):
            export_manifest(tmp_path / "D", shard, with_urls=False)
        assert shard.read_bytes() == whole

    def test_urls_name_the_pictures(self, tmp_path: Path) -> None:
        exported(tmp_path, ROWS, with_urls=True)
        for it in pq.read_table(tmp_path / "m").to_pylist():
            if it["server"] is None:
                assert it["url"] is None
                continue
            assert it["url"].startswith("https://live.staticflickr.com/")
            place = parse_photo_url(it["url"])
            assert (place.photo_id, place.server, place.secret) == (
                it["photo_id"], it["server"], it["secret"],
            )  # fmt: skip


class TestBytes:
    def test_the_same_data_set_gives_the_same_bytes(self, tmp_path: Path) -> None:
        write_dataset(tmp_path / "D", ROWS)
        for name in ("a", "b"):
            export_manifest(tmp_path / "D", tmp_path / name, with_urls=False)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_the_order_within_the_data_set_does_not_matter(self, tmp_path: Path) -> None:
        digest = "1" * 64
        for name, rows in (("a", ROWS), ("b", ROWS[::-1])):
            write_dataset(tmp_path / name / "D", rows, digest=digest)
            export_manifest(tmp_path / name / "D", tmp_path / name / "m", with_urls=False)
        assert (tmp_path / "a" / "m").read_bytes() == (tmp_path / "b" / "m").read_bytes()

    def test_no_content_of_posts_is_in_it(self, tmp_path: Path) -> None:
        words = ["Xylophone", "quizzical", "zephyrwood", "jackdaws", "vexingly"]
        rows = [
            row(n, text=" ".join(words), tags=sorted(word.lower() for word in words),
                owner="feedfacedeadbeef", license="licence-words")
            for n in range(50)
        ]  # fmt: skip
        exported(tmp_path, rows, with_urls=True)
        stored = pq.read_table(tmp_path / "m")
        assert stored.column_names == [*SCHEMA.names, "url"]
        # The content is searched for both in the raw file and in its decompressed columns.
        values = " ".join(str(value) for column in stored.to_pydict().values() for value in column)
        pq.write_table(stored, tmp_path / "plain", compression="none", use_dictionary=False)
        raw = (tmp_path / "plain").read_bytes() + (tmp_path / "m").read_bytes() + values.encode()
        assert rows[0]["secret"].encode() in raw
        for word in (*words, "feedfacedeadbeef", "licence-words", "a picture"):
            assert word.lower().encode() not in raw.lower()


class TestRefused:
    def test_own_posts(self, tmp_path: Path) -> None:
        write_dataset(tmp_path / "D", [row(1)], kind="labels", service="own")
        with pytest.raises(DatasetError, match="posts that are not from Flickr"):
            export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)
        assert not (tmp_path / "m").exists()

    @pytest.mark.parametrize("unknown", ["server", "secret"])
    def test_no_photo_reference_is_known(self, tmp_path: Path, unknown: str) -> None:
        rows = [row(number, **{unknown: None}) for number in range(5)]
        write_dataset(tmp_path / "D", rows)
        with pytest.raises(DatasetError, match="has no photo reference for any post"):
            export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"secret": "not hexadecimal"}, "secret"),
            ({"photo_id": "my-photo"}, "photo id that is not one of Flickr's"),
            ({"photo_id": row(0)["photo_id"]}, "is a duplicate"),
            ({"image_sha256": "abc"}, "not a SHA-256"),
            ({"image_sha256": "é" * 64}, "not a SHA-256"),
            ({"votes": 20_000}, "votes 20000"),
        ],
    )
    def test_values_that_no_manifest_may_hold(self, tmp_path: Path, fields: Row, said: str) -> None:
        write_dataset(tmp_path / "D", [row(0), row(1, **fields)])
        (tmp_path / "m").write_text("the one from before")
        with pytest.raises(DatasetError, match=said) as refused:
            export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)
        assert "\n" not in str(refused.value)
        assert (tmp_path / "m").read_text() == "the one from before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["D", "m"]

    def test_references_of_another_data_set(self, tmp_path: Path) -> None:
        write_dataset(tmp_path / "D", ROWS)
        path = tmp_path / "D" / "references.parquet"
        references = pq.read_table(path)
        for other, said in (
            (references.take(pa.array(range(len(ROWS)))[::-1]), "does not match"),
            (references.slice(0, 10), "does not match"),
            (
                pa.concat_tables([references, references.slice(0, 1)]),
                "more posts than the shards hold",
            ),
            (references.drop_columns(["secret"]), "lacks the column secret"),
        ):
            pq.write_table(other, path)
            with pytest.raises(DatasetError, match=said):
                export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)
        path.unlink()
        with pytest.raises(DatasetError, match="build the splits again"):
            export_manifest(tmp_path / "D", tmp_path / "m", with_urls=False)

    def test_an_output_that_cannot_be_written(self, tmp_path: Path) -> None:
        write_dataset(tmp_path / "D", ROWS)
        with pytest.raises(DatasetError, match="cannot be written"):
            export_manifest(tmp_path / "D", tmp_path / "absent" / "m", with_urls=False)


class TestDigests:
    @given(
        st.lists(
            st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=4), max_size=5
        )
    )
    def test_tags_are_digested_as_json_writes_them(self, posts: list[list[str]]) -> None:
        tags = pa.array(posts, pa.list_(pa.string()))
        expected = [
            json.dumps(post, ensure_ascii=False, separators=(",", ":")) if post else None
            for post in posts
        ]
        assert tags_as_json(tags).to_pylist() == expected
        # A slice of an array, such as a batch, gives the same digests.
        assert tags_as_json(tags.slice(1)).to_pylist() == expected[1:]
        assert half_digests(tags_as_json(tags)).to_pylist() == [
            None if it is None else half(it) for it in expected
        ]
