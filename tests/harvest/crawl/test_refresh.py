"""Requesting everything again: changed posts are replaced, withdrawn ones are dropped."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.harvest.crawl.crawl import CrawlReport, crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import derived
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.flickr_world import World
from tests.harvest.harvest_witness import Witness
from tests.harvest.moods import API_MOODS, Mood
from tests.harvest.older_ledgers import make_older

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
    def test_edits_are_stored_and_withdrawn_posts_are_dropped(self, tmp_path: Path) -> None:
        published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
        with SandboxServer(Corpus(BEFORE), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
        with SandboxServer(Corpus(AFTER), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), print)
            assert server.stats.api.total() == 0
            crawl(options(published_list, out, server, refresh=True), print)
            # Pictures on disk are only checked on their host.
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

    def test_an_existing_picture_does_not_bring_back_a_withdrawn_post(self, tmp_path: Path) -> None:
        # The secret gives access to the page too, so the picture of a private post is still served.
        published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
        with World(BEFORE) as world:
            witness = Witness(world, out)
            world.photos[BEFORE[0].photo_id].opened = True  # From before the first crawl.
            crawl(options(published_list, out, world), print)
            world.photos[BEFORE[1].photo_id].opened = True
            for _ in range(2):
                crawl(options(published_list, out, world, refresh=True), print)
                witness.nothing_withdrawn_survives(witness.rows())
            for photo in world.photos.values():
                photo.opened = False
            crawl(options(published_list, out, world, refresh=True), print)
            witness.everything_living_is_won(but=set())


class Spell(World):
    """An API that reports the next few living posts as gone, and then answers truly again."""

    denials = 0

    def answer(self, request: Request) -> Response:
        response = super().answer(request)
        if self.denials and response.body.startswith(b'{"photo"'):
            self.denials -= 1
            return API_MOODS["code-1"](response)
        return response


MANY = [post(number) for number in range(100)]


class Harvested:
    """A harvest of a hundred existing posts, and what happens to it."""

    def __init__(self, folder: Path) -> None:
        self.published_list = folder / "list"
        self.out = folder / "h"
        self.said: list[str] = []

    def crawl(self, server: SandboxServer, **fields: Any) -> CrawlReport:
        return crawl(options(self.published_list, self.out, server, **fields), self.said.append)

    def check(self, posts: int) -> None:
        """Check the number of texts and files."""
        with Ledger(self.out / FILE_NAME) as ledger:
            (row,) = ledger.query("SELECT count(title) AS n, count(image_sha256) AS m FROM photos")
        files = len(list((self.out / "images").rglob("*.jpg")))
        assert (row["n"], row["m"], files) == (posts, posts, posts)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a list of the posts and their harvest, of which each test takes a copy."""
    folder = tmp_path_factory.mktemp("crawled")
    published_list = write_votes(folder / "list", MANY)
    with SandboxServer(Corpus(MANY), keys={KEY: SECRET}) as server:
        crawl(options(published_list, folder / "h", server), print)
    return folder


@pytest.fixture
def harvested(crawled: Path, tmp_path: Path) -> Harvested:
    return Harvested(Path(shutil.copytree(crawled, tmp_path / "copy")))


class TestNothingIsDeletedWithoutBeingSure:
    @pytest.mark.parametrize("kind", ["403", "404", "placeholder"])
    def test_because_of_a_picture(self, harvested: Harvested, kind: str) -> None:
        with SandboxServer(Corpus(MANY), keys={KEY: SECRET}) as server:
            server.set_faults(f"image-{kind}=1")
            impatient = RetryPolicy(first_delay=1e-6, longest_delay=1e-6, patience=0.0)
            report = harvested.crawl(server, refresh=True, retry=impatient)
        assert (report.kept_back, report.lost) == (0, 0)
        harvested.check(100)

    def test_of_a_server_that_knows_none_of_the_posts(self, harvested: Harvested) -> None:
        with (
            SandboxServer(Corpus([post(999)]), keys={KEY: SECRET}) as server,
            contextlib.suppress(HarvestError),  # It may be noticed before.
        ):
            harvested.crawl(server, refresh=True)
        harvested.check(100)
        with SandboxServer(Corpus(MANY), keys={KEY: SECRET}) as server:
            assert harvested.crawl(server, refresh=True).kept_back == 0
        harvested.check(100)
        assert harvest_status(harvested.out)["withdrawn"] == 0

    def test_of_more_posts_than_are_usually_withdrawn(self, harvested: Harvested) -> None:
        now = [post(n, status="deleted" if n % 4 else "private") for n in range(30)] + MANY[30:]
        with SandboxServer(Corpus(now), keys={KEY: SECRET}) as server:
            report = harvested.crawl(server, refresh=True)
            assert report.kept_back == 30
            harvested.check(100)
            assert any("30 of 100 known posts" in line for line in harvested.said)
            server.stats.reset()
            # Every crawl reports it again, until the user decides.
            assert harvested.crawl(server).kept_back == 30
            assert harvested.crawl(server, refresh=True, max_withdrawn=0.5).kept_back == 0
            assert server.stats.api.total() == 0
        harvested.check(70)
        status = harvest_status(harvested.out)
        assert (status["api"]["gone"], status["api"]["private"]) == (22, 8)
        assert status["image"]["ok"] == 70

    def test_a_post_that_is_back_is_no_longer_withdrawn(self, harvested: Harvested) -> None:
        now = [*(post(n, status="deleted") for n in range(30)), *MANY[30:]]
        with SandboxServer(Corpus(now), keys={KEY: SECRET}) as server:
            assert harvested.crawl(server, refresh=True).kept_back == 30
        with SandboxServer(Corpus(MANY), keys={KEY: SECRET}) as server:
            assert harvested.crawl(server, refresh=True).kept_back == 0
        harvested.check(100)


class TestUpgrade:
    def test_outcomes_of_version_3_say_what_they_rest_on(self, tmp_path: Path) -> None:
        Ledger(tmp_path / FILE_NAME, create=True).close()
        make_older(
            tmp_path / FILE_NAME,
            3,
            rows="INSERT INTO photos (photo_id, api_outcome, api_error, image_outcome, image_error)"
            " VALUES ('1', 'gone', 'picture answered 410', 'gone', 'answered 410'), "
            "('2', 'private', 'Error: 2: Photo is private', 'ok', NULL), "
            "('3', 'gone', 'Error: 1: Photo not found', 'gone', NULL), "
            "('4', 'ok', NULL, 'corrupt', 'JPEG ends early'), "
            "('5', 'ok', NULL, 'ok', NULL)",
        )
        assert harvest_status(tmp_path)["picture_alone"] == 0  # Nothing is known about it yet.
        with Ledger(tmp_path / FILE_NAME, create=True) as ledger:
            rows = ledger.query("SELECT photo_id, what, witness, status, sure FROM evidence")
        assert {tuple(row) for row in rows} == {
            ("1", "api", "picture", 410, 1),
            ("1", "image", "picture", 410, 1),
            ("2", "api", "api", None, 1),
            ("3", "api", "api", None, 1),
            ("3", "image", "api", None, 1),
            ("4", "image", "picture", None, 1),
        }

    def test_pictures_that_version_4_would_fetch_anew_are_fetched_anew(
        self, tmp_path: Path
    ) -> None:
        Ledger(tmp_path / FILE_NAME, create=True).close()
        make_older(
            tmp_path / FILE_NAME,
            4,
            rows="INSERT INTO photos (photo_id) VALUES ('1'), ('2'), ('3');"
            "INSERT INTO evidence VALUES ('1', 'image', 'replaced', 'api', NULL, NULL, 0, 0), "
            "('2', 'image', 'broken', 'build', NULL, NULL, 0, 0), "
            "('3', 'image', 'vouched', 'api', NULL, NULL, 0, 0)",
        )
        with Ledger(tmp_path / FILE_NAME, create=True) as ledger:
            anew = [ledger.photo("image", it).fetch_anew for it in "123"]
            kept = ledger.query("SELECT photo_id, outcome FROM evidence")
        assert anew == [True, True, False]
        assert {tuple(row) for row in kept} == {("1", "vouched"), ("3", "vouched")}


def test_a_service_that_was_well_before_an_interruption_is_checked_again(
    tmp_path: Path,
) -> None:
    published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
    with World(BEFORE) as world:
        witness = Witness(world, out)
        crawl(options(published_list, out, world), print)
        crawl(options(published_list, out, world, refresh=True, limit=8), print)
        # From now on the API reports everything as private.
        world.api_mood = Mood("code-2", 0, 100, None)
        assert crawl(options(published_list, out, world), print).kept_back == 4
        witness.everything_living_is_won(but=set())


def test_a_service_that_fails_during_the_last_calls_drops_none(
    tmp_path: Path,
) -> None:
    published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
    with World(BEFORE) as world:
        witness = Witness(world, out)
        crawl(options(published_list, out, world), print)
        # The key check and a listing come first; for ten photos the answers are true.
        world.api_mood = Mood("code-1", 0, 100, None, after=12)
        assert crawl(options(published_list, out, world, refresh=True), print).kept_back > 0
        witness.everything_living_is_won(but=set())


def test_a_false_answer_for_a_few_posts_drops_none_if_it_is_over_at_the_end(
    tmp_path: Path,
) -> None:
    published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
    with Spell(BEFORE) as world:
        witness = Witness(world, out)
        crawl(options(published_list, out, world), print)
        world.change(BEFORE[5].photo_id, status="deleted")
        witness.withdrew(BEFORE[5].photo_id)
        world.denials = 2
        assert crawl(options(published_list, out, world, refresh=True), print).kept_back == 0
        assert world.denials == 0
        witness.everything_living_is_won(but=set())
        witness.nothing_withdrawn_survives(witness.rows())


def test_a_broken_new_picture_does_not_cost_the_old_one(tmp_path: Path) -> None:
    published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
    names = [it.photo_id for it in BEFORE]
    # Its host serves the others, and sends the same empty body for this one.
    salt = next(n for n in range(10_000) if sum(derived(n, it) % 100 < 10 for it in names) == 1)
    (broken,) = [it for it in names if derived(salt, it) % 100 < 10]
    with World(BEFORE) as world:
        witness = Witness(world, out)
        crawl(options(published_list, out, world), print)
        for number, name in enumerate(names):
            world.replace_picture(name, number)
        crawl(options(published_list, out, world, refresh=True, images=False), print)
        world.picture_mood = Mood("empty", salt, 10, None)
        crawl(options(published_list, out, world, refresh=True), print)
        row = witness.rows()[broken]
        assert (row["image_outcome"], row["image_sha256"] is None) == ("ok", False)
        assert "no JPEG" in row["image_error"]
        world.picture_mood = None
        crawl(options(published_list, out, world, refresh=True), print)
        witness.everything_living_is_won(but=set())


def test_a_wrong_picture_for_all_replaces_none_whose_reference_is_unchanged(
    tmp_path: Path,
) -> None:
    published_list, out = write_votes(tmp_path / "list", BEFORE), tmp_path / "h"
    with World(BEFORE) as world:
        witness = Witness(world, out)
        for number, it in enumerate(BEFORE):  # The list names references that are dead by now.
            world.replace_picture(it.photo_id, number)
        crawl(options(published_list, out, world), print)
        own = {name: path.read_bytes() for name, path in witness.files().items()}
        assert len(own) == len(BEFORE)
        # Refusals of half of the pictures make the crawls doubt their references.
        world.picture_mood = Mood("404", 1, 50, None)
        for _ in range(2):
            crawl(options(published_list, out, world, refresh=True), print)
        world.picture_mood = Mood("another-picture", 0, 100, None)
        for _ in range(2):
            crawl(options(published_list, out, world, refresh=True), print)
        assert {name: path.read_bytes() for name, path in witness.files().items()} == own
