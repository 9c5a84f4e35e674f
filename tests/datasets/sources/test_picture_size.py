"""The size of the pictures is recorded in a data set, its manifest and a harvest made from it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from flickr_emotion.commands.main import app
from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.manifests.export import export_manifest
from flickr_emotion.datasets.manifests.verify import verify_manifest
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.flickr.photo_url import SIZES, size_in_words
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.manifests.description import KEY
from flickr_emotion.harvest.manifests.digest import DIGEST_KEY, RowsDigest
from flickr_emotion.harvest.manifests.file import open_manifest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.datasets.manifest_folder import row, write_dataset
from tests.harvest.corpora import KEY as API_KEY
from tests.harvest.corpora import SECRET, jpeg, options, post, write_votes

LARGE = [post(number, image=jpeg(number, 1200, 900)) for number in range(24)]
# No size of this photo is larger than 500 pixels, so every size gives the same picture.
SMALL = post(24, image=jpeg(24, 400, 300))
POSTS = [*LARGE, SMALL]


def harvest(
    out: Path, published: Path, size: str = "", posts: Sequence[Post] = POSTS
) -> tuple[Path, list[str]]:
    """Crawl a list or a manifest; return the harvest and the messages."""
    said: list[str] = []
    with SandboxServer(Corpus(list(posts)), keys={API_KEY: SECRET}) as server:
        crawl(options(published, out, server, image_size=size), said.append)
    return out, said


def build(source: Path, out: Path, said: list[str] | None = None) -> Path:
    build_splits(source, out, BuildOptions(), (said if said is not None else []).append)
    return out


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set ``d`` of large pictures, and its manifest ``m.parquet``."""
    folder = tmp_path_factory.mktemp("sender")
    published = write_votes(folder / "list", POSTS, ("awe", "fear"))
    harvest(folder / "h", published, "b")
    build(folder / "h", folder / "d")
    export_manifest(folder / "d", folder / "m.parquet", with_urls=False)
    return folder


def redescribed(manifest: Path, out: Path, **fields: object) -> Path:
    """The manifest with other metadata; ``...`` leaves a field out."""
    table = pq.read_table(manifest)
    content = json.loads(table.schema.metadata[KEY.encode()]) | fields
    kept = {name: value for name, value in content.items() if value is not ...}
    raw = json.dumps(kept)
    if kept["version"] < 3:
        table = table.drop_columns("vote_distribution")
    digest = RowsDigest(table.schema.names)
    digest.add(table)
    said = {KEY: raw} | ({DIGEST_KEY: digest.of(raw.encode())} if kept["version"] > 1 else {})
    pq.write_table(table.replace_schema_metadata(said), out)
    return out


class TestOfTheManifest:
    def test_the_documented_commands_give_the_same(self, sender: Path, tmp_path: Path) -> None:
        with SandboxServer(Corpus(POSTS), keys={API_KEY: SECRET}) as server:
            done = command(
                *("crawl", sender / "m.parquet", "--out", tmp_path / "h", "--quota", 0),
                *("--flickr-url", server.url, "--api-key", API_KEY, "--api-secret", SECRET),
                *("--quota", "0"),
            )
        assert done.exit_code == 0
        assert "of 1024 pixels (--image-size b), which are fetched" in done.stderr
        done = command("manifest", "verify", sender / "m.parquet", tmp_path / "h")
        assert (done.exit_code, done.stdout.split()[:2]) == (0, ["same", "25"])
        said: list[str] = []
        built = build(tmp_path / "h", tmp_path / "d", said)
        assert not [line for line in said if "another" in line]
        assert open_dataset(built).digest == open_dataset(sender / "d").digest
        export_manifest(built, tmp_path / "m.parquet", with_urls=False)
        assert (tmp_path / "m.parquet").read_bytes() == (sender / "m.parquet").read_bytes()

    def test_the_manifest_takes_it_from_the_data_set(self, sender: Path) -> None:
        assert open_dataset(sender / "d").image_size == "b"
        description = open_manifest(sender / "m.parquet").description
        assert (description.version, description.image_size) == (3, "b")

    def test_the_same_command_continues(self, sender: Path, tmp_path: Path) -> None:
        harvest(tmp_path / "h", sender / "m.parquet")
        harvest(tmp_path / "h", sender / "m.parquet", "b")
        assert harvest(tmp_path / "h", sender / "m.parquet")[0].is_dir()

    def test_a_plan_takes_it_too(self, sender: Path, tmp_path: Path) -> None:
        with SandboxServer(Corpus(POSTS), keys={API_KEY: SECRET}) as server:
            arguments = (
                *("crawl", sender / "m.parquet", "--out", tmp_path / "h"),
                *("--flickr-url", server.url, "--api-key", API_KEY, "--api-secret", SECRET),
                *("--quota", "0"),
            )
            assert command(*arguments, "--plan").exit_code == 0
            assert command(*arguments).exit_code == 0
        assert verify_manifest(sender / "m.parquet", tmp_path / "h").all_same


class TestAnotherSize:
    def test_a_different_picture_is_unknown_and_never_edited(
        self, sender: Path, tmp_path: Path
    ) -> None:
        now = [replace(LARGE[0], title="Another house on a hill"), *LARGE[1:], SMALL]
        folder, said = harvest(tmp_path / "h", sender / "m.parquet", "z", now)
        assert [line for line in said if "cannot tell which pictures were edited" in line]
        found = verify_manifest(sender / "m.parquet", folder, out=tmp_path / "v.csv")
        assert found.content() == {
            "posts": 25, "same": 1, "edited": 1, "unknown": 23, "gone": 0, "private": 0,
            "video": 0, "withdrawn": 0, "missing": 0, "still_held": 0,
            "edited_modalities": {"image": 0, "text": 1, "tags": 0},
            "image_sizes": ["b", "z"],
        }  # fmt: skip
        assert not found.all_same
        assert (tmp_path / "v.csv").read_text().count('"unknown"') == 23
        done = command("manifest", "verify", sender / "m.parquet", folder)
        assert done.exit_code == 3
        assert (
            "unknown           23  (pictures of 1024 pixels (--image-size b) in the manifest, of "
            "640 pixels (--image-size z) in the harvest)" in done.stdout
        )
        said = []
        build(folder, tmp_path / "d", said)
        assert [line for line in said if "the data set will differ" in line]

    def test_a_lost_picture_counts_as_edited(self, sender: Path, tmp_path: Path) -> None:
        folder, _ = harvest(tmp_path / "h", sender / "m.parquet", "z")
        with Ledger(folder / "ledger.sqlite", create=True) as ledger:
            ledger.record_final_picture(LARGE[3].photo_id, "corrupt", "no picture")
        found = verify_manifest(sender / "m.parquet", folder)
        assert (found.verdicts["unknown"], found.edited["image"]) == (23, 1)

    def test_diff_names_both(self, sender: Path, tmp_path: Path) -> None:
        other = redescribed(sender / "m.parquet", tmp_path / "m.parquet", image_size="")
        done = command("manifest", "diff", sender / "m.parquet", other)
        assert done.exit_code == 3
        assert "pictures: 1024 pixels (--image-size b) and 500 pixels" in done.stdout
        done = command("manifest", "diff", sender / "m.parquet", other, "--json")
        assert json.loads(done.stdout)["described"] == {"image_size": ["b", ""]}


class TestNotKnown:
    def test_a_manifest_of_version_1(self, sender: Path, tmp_path: Path) -> None:
        old = redescribed(sender / "m.parquet", tmp_path / "m.parquet", version=1, image_size=...)
        folder, said = harvest(tmp_path / "h", old)
        assert [line for line in said if "of an unknown size: 500 pixels are fetched" in line]
        found = verify_manifest(old, folder)
        assert (found.verdicts["unknown"], found.verdicts["same"]) == (24, 1)
        assert "an unknown size in the manifest, of 500 pixels in the harvest" in found.table()
        assert open_dataset(build(folder, tmp_path / "d")).image_size == ""
        # A user who knows the size gets all of them back.
        folder, said = harvest(tmp_path / "h2", old, "b")
        assert not [line for line in said if "unknown size" in line]
        assert verify_manifest(old, folder).all_same

    def test_a_data_set_made_before_it_was_recorded(self, tmp_path: Path) -> None:
        folder = write_dataset(tmp_path / "d", [row(number) for number in range(6)])
        content = json.loads((folder / "dataset.json").read_text())
        del content["image_size"]
        (folder / "dataset.json").write_text(json.dumps(content))
        assert open_dataset(folder).image_size is None
        export_manifest(folder, tmp_path / "m.parquet", with_urls=False)
        assert open_manifest(tmp_path / "m.parquet").description.image_size is None

    def test_a_harvest_made_before_the_option_existed(self, tmp_path: Path) -> None:
        folder, _ = harvest(tmp_path / "h", write_votes(tmp_path / "list", POSTS, ("awe", "fear")))
        with Ledger(folder / "ledger.sqlite", create=True) as ledger, ledger.transaction() as rows:
            rows.execute("DELETE FROM meta WHERE key = 'image_size'")
        assert open_dataset(build(folder, tmp_path / "d")).image_size == ""

    def test_own_posts_have_none(self, tmp_path: Path) -> None:
        rows = "".join(f"{n},awe,a text of five words {n}\n" for n in range(30))
        (tmp_path / "posts.csv").write_text(f"photo_id,label,text\n{rows}")
        assert open_dataset(build(tmp_path / "posts.csv", tmp_path / "d")).image_size is None


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_words(size: str) -> None:
    assert "pixels" in size_in_words(size)
