"""A clock that was wrong when an earlier crawl ran."""

from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR, Pacer
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes

POSTS = [post(number) for number in range(12)]
YEAR = 365 * 24 * HOUR


class TestSetBack:
    def test_calls_and_tries_in_the_future_delay_nothing(self, tmp_path: Path) -> None:
        published_list, harvest = write_votes(tmp_path / "list", POSTS), tmp_path / "h"
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, harvest, server), lambda line: None)
            with (
                Ledger(harvest / FILE_NAME, create=True) as ledger,
                ledger.transaction() as connection,
            ):
                later = now() + YEAR
                connection.execute("UPDATE calls SET at = at + ?", (YEAR,))
                connection.execute(
                    "UPDATE photos SET api_outcome = CASE rowid % 2 WHEN 0 THEN 'failed' "
                    "ELSE 'pending' END, api_next_try = ?1, image_outcome = 'pending', "
                    "image_next_try = ?1",
                    (later,),
                )
            # The quota leaves room besides those calls, which count as made just now.
            crawl(options(published_list, harvest, server, quota=3_600_000), lambda line: None)
            status = harvest_status(harvest)
            assert (status["api"]["ok"], status["image"]["ok"]) == (len(POSTS), len(POSTS))
            assert status["calls"]["last_hour"] == server.stats.api.total()
            with Ledger(harvest / FILE_NAME) as ledger:
                assert max(ledger.call_times(since=0.0)) <= now()

    @pytest.mark.parametrize("ahead", [1.0, HOUR, YEAR])
    def test_the_quota_counts_calls_in_the_future_as_made_just_now(self, ahead: float) -> None:
        times = iter([1_000_000.0] * 100)
        pacer = Pacer(10, [1_000_000.0 + ahead] * 10, clock=lambda: next(times))
        assert pacer.reserve() == 1_000_000.0 + HOUR
