"""Whole crawls of manifests."""

from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_vso_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY as API_KEY
from tests.harvest.corpora import SECRET, post, url_of, write_votes
from tests.harvest.corpora import options as crawl_options
from tests.harvest.written_manifests import (
    row,
    write_manifest,
)


class TestCrawl:
    def test_a_manifest_is_crawled_and_continued(self, tmp_path: Path) -> None:
        posts = [*(post(n) for n in range(6)), post(6, status="deleted")]
        path = write_manifest(
            tmp_path / "m.csv", [row(n, photo_id=it.photo_id) for n, it in enumerate(posts)]
        )
        with SandboxServer(Corpus(posts), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(path, tmp_path / "h", server)
            report = crawl(asked, lambda line: None)
            assert (report.photos, report.lost, report.rejected) == (7, 0, 0)
            calls = server.stats.api.total()
            crawl(asked, lambda line: None)
            assert server.stats.api.total() == calls
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (6, 1)
        assert status["image"]["ok"] == 6

    def test_a_refused_manifest_leaves_no_harvest(self, tmp_path: Path) -> None:
        path = write_manifest(tmp_path / "m", [row(1), row(2, label="joy")])
        with SandboxServer(Corpus([post(1)]), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(path, tmp_path / "h", server)
            with pytest.raises(HarvestError, match="row 2"):
                crawl(asked, lambda line: None)
        assert not (tmp_path / "h").exists()

    def test_a_manifest_cannot_be_combined_with_lists(self, tmp_path: Path) -> None:
        manifest = write_manifest(tmp_path / "m", [row(1)])
        votes = write_votes(tmp_path / "list", [post(1)])
        with SandboxServer(Corpus([post(1)]), keys={API_KEY: SECRET}) as server:
            asked = crawl_options(
                manifest, tmp_path / "h", server, published_lists=(manifest, votes)
            )
            with pytest.raises(HarvestError, match="cannot be combined"):
                crawl(asked, lambda line: None)
        assert not (tmp_path / "h").exists()

    def test_a_folder_with_a_manifest_and_a_list_is_the_list(self, tmp_path: Path) -> None:
        write_vso_lists(tmp_path, {"happy_dog": [(url_of(post(1)), "a")]}, {"happy_dog": (1.0, 9)})
        write_manifest(tmp_path / "m.parquet", [row(1)])
        assert open_list(tmp_path).manifest is None
