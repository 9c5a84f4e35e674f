"""Image hosts that refuse existing pictures: nothing is lost, whatever they answer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from flickr_emotion.harvest.trust.host_answers import tail
from tests.harvest.corpora import KEY, SECRET, options, post, write_votes
from tests.harvest.image_hosts.test_picture_crawls import changed

LIVING = [post(number) for number in range(200)]
MIXED = [post(n, status="deleted") if n % 8 == 5 else post(n) for n in range(200)]
ALIVE = [it for it in MIXED if it.status == "ok"]
IMPATIENT = RetryPolicy(attempts=12, first_delay=1e-6, longest_delay=1e-6, patience=0.0)
GET_INFO = "flickr.photos.getInfo"


def serving(posts: list[Post]) -> SandboxServer:
    return SandboxServer(Corpus(posts), keys={KEY: SECRET})


def rows(harvest: Path, sql: str) -> list[dict[str, Any]]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return [dict(row) for row in ledger.query(sql)]


def files(harvest: Path) -> int:
    return len(list((harvest / "images").rglob("*.jpg")))


def _refuse(server: SandboxServer, photos: set[str]) -> None:
    """Make the picture host lose the pictures of some photos."""
    answer = server.answer

    def refusing(request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        return Response(404) if name.partition("_")[0] in photos else answer(request)

    server.answer = refusing  # type: ignore[method-assign]


class Healing:
    """Listens to the messages of a crawl, and repairs the server when they report trouble."""

    def __init__(self, server: SandboxServer, word: str = "is in trouble") -> None:
        self.said: list[str] = []
        self._server = server
        self._word = word

    def __call__(self, line: str) -> None:
        self.said.append(line)
        if self._word in line:
            self._server.set_faults("")


class TestAHostInTrouble:
    @pytest.mark.parametrize("images", [True, False])
    @pytest.mark.parametrize("kind", ["403", "404", "410", "placeholder"])
    def test_refused_pictures_are_requested_again_when_it_is_well(
        self, tmp_path: Path, kind: str, images: bool
    ) -> None:
        published_list = write_votes(tmp_path / "list", MIXED)
        with serving(MIXED) as server:
            server.set_faults(f"image-{kind}=1,image-after=60")
            heard = Healing(server)
            made = options(published_list, tmp_path / "h", server, images=images)
            report = crawl(made, heard)
            # A call for each existing post, a few for the host, a few for the sample.
            assert server.stats.api[GET_INFO] <= len(ALIVE) + 6 + 10
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (len(ALIVE), 25)
        assert (report.lost, files(tmp_path / "h")) == (0, len(ALIVE) if images else 0)
        assert sum("is in trouble" in line for line in heard.said) == 1
        assert any("exist by the API" in line for line in heard.said)
        assert any("serves pictures again" in line for line in heard.said)

    def test_a_host_that_does_not_recover_loses_nothing(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING)
        said: list[str] = []
        with serving(LIVING) as server:
            server.set_faults("image-403=1,image-after=60")
            made = options(published_list, tmp_path / "h", server, retry=IMPATIENT)
            report = crawl(made, said.append)
            status = harvest_status(tmp_path / "h")
            assert status["image"]["ok"] + status["image"]["failed"] == 200
            assert report.lost == status["image"]["failed"] > 100
            assert status["api"]["ok"] == 200
            assert any("still refuses pictures that exist" in line for line in said)
            server.set_faults("")
            server.stats.reset()
            crawl(options(published_list, tmp_path / "h", server), said.append)
            assert server.stats.api.total() == 0
        assert harvest_status(tmp_path / "h")["image"]["ok"] == files(tmp_path / "h") == 200

    @pytest.mark.parametrize("images", [True, False])
    def test_a_host_that_has_lost_pictures_is_not_waited_for(
        self, tmp_path: Path, images: bool
    ) -> None:
        """In a later crawl only they are due, and the host serves none of them."""
        published_list = write_votes(tmp_path / "list", LIVING[:100])
        lost = {it.photo_id for it in LIVING[3:100:6]}
        with serving(LIVING) as server:
            _refuse(server, lost)
            for _ in range(3):
                said: list[str] = []
                crawl(options(published_list, tmp_path / "h", server, images=images), said.append)
                assert not any("in trouble" in line for line in said)
        assert files(tmp_path / "h") == (100 - len(lost) if images else 0)
        assert harvest_status(tmp_path / "h")["api"]["ok"] == 100

    def test_one_photo_is_asked_about_once(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING[:1])
        said: list[str] = []
        with serving(LIVING) as server:
            server.set_faults("image-404=1")
            report = crawl(options(published_list, tmp_path / "h", server), said.append)
        assert report.lost == 1
        assert not any("the API is asked" in line or "confirms" in line for line in said)

    def test_a_few_photos_are_enough_to_detect_trouble(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING[:8])
        with serving(LIVING) as server:
            server.set_faults("image-404=1,image-after=1")
            crawl(options(published_list, tmp_path / "h", server, retry=IMPATIENT), print)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["gone"]) == (8, 0)

    def test_a_run_of_dead_photos_is_no_trouble(self, tmp_path: Path) -> None:
        """One owner left: the API confirms it and is only asked about a few photos.

        Answers on several connections come in any order, so the run is long, and may be noticed
        twice.
        """
        posts = [post(n, status="deleted") if 20 <= n < 140 else post(n) for n in range(195)]
        published_list = write_votes(tmp_path / "list", posts)
        said: list[str] = []
        with serving(posts) as server:
            crawl(options(published_list, tmp_path / "h", server), said.append)
            assert server.stats.api[GET_INFO] <= 75 + 2 * 6 + 10
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (75, 120)
        assert any("the API confirms" in line for line in said)
        assert not any("in trouble" in line for line in said)


class Refusing(SandboxServer):
    """A sandbox that has lost the pictures of some existing posts."""

    lost: frozenset[str] = frozenset()

    def answer(self, request: Request) -> Response:
        """Answer 410 for these."""
        if request.path.rpartition("/")[2].partition("_")[0] in self.lost:
            return Response(410, b"")
        return super().answer(request)


class TestTheSample:
    def test_pictures_settle_no_posts_if_the_posts_exist(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING)
        said: list[str] = []
        with Refusing(Corpus(LIVING), keys={KEY: SECRET}) as server:
            server.lost = frozenset(it.photo_id for it in LIVING[::4])
            crawl(options(published_list, tmp_path / "h", server, retry=IMPATIENT), said.append)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (200, 150)
        # The next crawl requests them again without a call; then they are gone for good.
        assert status["image"]["failed"] == 50
        assert any("pictures settle no posts in this crawl" in line for line in said)

    def test_it_is_counted_and_shown(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", MIXED)
        said: list[str] = []
        with serving(MIXED) as server:
            crawl(options(published_list, tmp_path / "h", server), said.append)
            assert server.stats.api[GET_INFO] == len(ALIVE) + 5
            assert "checked 5 of 25 dead pictures with the API: 0 live" in said
        assert harvest_status(tmp_path / "h")["picture_alone"] == 20

    @given(st.integers(1, 30), st.data(), st.floats(0, 1))
    def test_the_tail_is_the_binomials(self, answers: int, data: Any, share: float) -> None:
        refused = data.draw(st.integers(0, answers))
        assert tail(answers, refused, share) == pytest.approx(
            binom.sf(refused - 1, answers, share), abs=1e-12
        )


class TestEvidence:
    def test_unsure_refusals_of_a_killed_crawl_are_requested_again(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", MIXED)
        with serving(MIXED) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
            kept = rows(tmp_path / "h", "SELECT * FROM evidence WHERE what = 'image'")
            assert {(it["host"], it["status"], it["sure"]) for it in kept} == {
                (server.url.removeprefix("http://"), 410, 1)
            }
            server.stats.reset()
            crawl(options(published_list, tmp_path / "h", server), print)
            assert (server.stats.images, server.stats.api.total()) == (0, 0)
            changed(tmp_path / "h", "UPDATE evidence SET sure = 0 WHERE witness = 'picture'")
            crawl(options(published_list, tmp_path / "h", server), print)
            # The five that the API confirmed are settled, the picture requested again or not.
            assert server.stats.images == 25
            # Everything that is requested now is dead, which is noticed.
            assert server.stats.api.total() <= 5 + 6
        assert harvest_status(tmp_path / "h")["api"]["gone"] == 25

    def test_verify_gone_brings_back_posts_and_pictures(self, tmp_path: Path) -> None:
        gone = [replace(it, status="deleted") for it in LIVING[:10]] + LIVING[10:30]
        published_list = write_votes(tmp_path / "list", gone)
        with serving(gone) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
        with serving(LIVING) as server:
            crawl(options(published_list, tmp_path / "h", server, verify_gone=True), print)
            # The one that the API itself called gone is not requested again.
            assert server.stats.api[GET_INFO] == 9
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (29, 29)
        assert files(tmp_path / "h") == 29

    def test_a_page_in_place_of_pictures_is_a_service_in_trouble(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING[:40])
        with serving(LIVING) as server:
            server.set_faults("image-page=1,image-after=1")
            heard = Healing(server, "does not answer")
            report = crawl(options(published_list, tmp_path / "h", server), heard)
        assert (report.lost, files(tmp_path / "h")) == (0, 40)


class TestReferences:
    def listed_twice(self, folder: Path, posts: list[Post], other: Callable[[Post], Post]) -> Path:
        return write_votes(folder, [other(it) for it in posts] + posts)

    @pytest.mark.parametrize("images", [True, False])
    def test_another_reference_of_the_list_is_tried(self, tmp_path: Path, images: bool) -> None:
        before = self.listed_twice(
            tmp_path / "list", LIVING[:30], lambda it: replace(it, secret=f"ff{it.secret[2:]}")
        )
        with serving(LIVING) as server:
            crawl(options(before, tmp_path / "h", server, images=images), print)
            assert server.stats.api[GET_INFO] == 30
        status = harvest_status(tmp_path / "h")
        assert status["api"]["ok"] == 30
        assert files(tmp_path / "h") == (30 if images else 0)

    @pytest.mark.parametrize("old_first", [True, False])
    def test_a_private_photo_is_private_whatever_its_other_references_answer(
        self, tmp_path: Path, old_first: bool
    ) -> None:
        private = [post(n, status="private") for n in range(200, 204)]
        old = [replace(it, secret=f"{n:010x}") for n, it in enumerate(private, 5_000)]
        older = [replace(it, secret=f"{n:010x}") for n, it in enumerate(private, 6_000)]
        pair = [*old, *private] if old_first else [*private, *old]
        published_list = write_votes(tmp_path / "list", [*pair, *older, *LIVING[:40]])
        with serving([*private, *LIVING[:40]]) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
            assert server.stats.api[GET_INFO] == 40 + 1  # One of the dead pictures is checked.
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["private"], status["image"]["private"]) == (4, 4)
        # The reference in use is the current one, and the evidence is its answer.
        used = rows(tmp_path / "h", "SELECT secret FROM photos WHERE api_outcome = 'private'")
        assert {it["secret"] for it in used} == {it.secret for it in private}
        kept = rows(tmp_path / "h", "SELECT status, outcome FROM evidence WHERE what = 'image'")
        assert kept == [{"status": 403, "outcome": "private"}] * 4

    def test_the_apis_reference_replaces_a_dead_one(self, tmp_path: Path) -> None:
        now = [replace(it, secret=f"{n:010x}") for n, it in enumerate(LIVING[:12], 5_000)]
        published_list = write_votes(tmp_path / "list", LIVING[:12] + LIVING[100:])
        with serving([*now, *LIVING[100:]]) as server:
            crawl(options(published_list, tmp_path / "h", server, verify_gone=True), print)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["image"]["ok"]) == (112, 112)

    def test_a_replaced_photo_is_fetched_at_a_refresh(self, tmp_path: Path) -> None:
        now = replace(LIVING[0], secret="0000005000", image=LIVING[150].image)
        published_list = write_votes(tmp_path / "list", LIVING[:30])
        path = image_path(tmp_path / "h" / "images", now.photo_id)
        with serving(LIVING) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
        with serving([now, *LIVING[1:]]) as server:
            server.set_faults("image-410=1")
            made = options(published_list, tmp_path / "h", server, refresh=True, retry=IMPATIENT)
            crawl(made, print)
            # No picture comes now: the old one is kept, and the new one is due.
            assert path.read_bytes() == LIVING[0].jpeg()
            server.set_faults("")
            crawl(options(published_list, tmp_path / "h", server, refresh=True), print)
        assert path.read_bytes() == now.jpeg()
        assert harvest_status(tmp_path / "h")["image"]["ok"] == 30
