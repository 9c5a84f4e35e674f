"""Asking for everything again: what changed is replaced, what was withdrawn is dropped."""

from pathlib import Path

from harvest.crawl import crawl
from harvest.images import image_path
from harvest.ledger import Ledger
from harvest.ledger_file import FILE_NAME
from harvest.sandbox.corpus import Corpus
from harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.flickr_world import World
from tests.harvest.harvest_witness import Witness

BEFORE = [post(number) for number in range(12)]
EDITED, DELETED, PRIVATE = BEFORE[0], BEFORE[1], BEFORE[2]
AFTER = [
    post(0, title="A better title"),
    post(1, status="deleted"),
    post(2, status="private"),
    *BEFORE[3:],
]
POST = ("title", "description", "tags", "owner", "license", "date_upload", "image_sha256")


class TestRefresh:
    def test_edits_are_taken_and_what_was_withdrawn_is_dropped(self, tmp_path: Path) -> None:
        published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
        with SandboxServer(Corpus(BEFORE), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
        with SandboxServer(Corpus(AFTER), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
            assert server.stats.api.total() == 0
            crawl(options(published_list, out, server, refresh=True), print)
            # Pictures that are here are only asked whether they still are there.
            assert server.stats.images == 0
            assert server.stats.image_heads >= len(BEFORE)
        with Ledger(out / FILE_NAME) as ledger:
            rows = {row["photo_id"]: row for row in ledger.query("SELECT * FROM photos")}
        assert rows[EDITED.photo_id]["title"] == "A better title"
        for withdrawn, outcome in ((DELETED, "gone"), (PRIVATE, "private")):
            row = rows[withdrawn.photo_id]
            assert (row["api_outcome"], row["image_outcome"]) == (outcome, outcome)
            assert [row[column] for column in POST] == [None] * len(POST)
            assert not image_path(out / "images", withdrawn.photo_id).exists()
        for kept in BEFORE[3:]:
            assert rows[kept.photo_id]["title"] == kept.title
            assert image_path(out / "images", kept.photo_id).read_bytes() == kept.jpeg()

    def test_a_listing_that_shows_a_gone_photo_brings_it_back(self, tmp_path: Path) -> None:
        named = [post(number, tags=("awe",)) for number in range(12)]
        missing = [*named[:3], *(post(number, status="deleted") for number in range(3, 12))]
        published_list, out = write_votes(tmp_path / "list", named[:4]), tmp_path / "h"
        with SandboxServer(Corpus(missing), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
        write_votes(published_list, named)
        with SandboxServer(Corpus(named), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
        with Ledger(out / FILE_NAME) as ledger:
            api, image = ledger.outcome_counts()
        assert (api["ok"], image["ok"]) == (len(named), len(named))

    def test_a_picture_that_still_lives_does_not_bring_back_what_was_withdrawn(
        self, tmp_path: Path
    ) -> None:
        # The secret opens its page too, so the picture of a private post answers as before.
        published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
        with World(BEFORE) as world:
            witness = Witness(world, out)
            world.photos[BEFORE[0].photo_id].opened = True  # from before the first crawl
            crawl(options(published_list, out, world), print)
            world.photos[BEFORE[1].photo_id].opened = True
            for _ in range(2):
                crawl(options(published_list, out, world, refresh=True), print)
                witness.nothing_withdrawn_survives(witness.rows())
            for photo in world.photos.values():
                photo.opened = False
            crawl(options(published_list, out, world, refresh=True), print)
            witness.everything_living_is_won(but=set())
