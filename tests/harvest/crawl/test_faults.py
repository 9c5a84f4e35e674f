"""Every fault of the sandbox, alone and together: all posts are stored, and none is asked twice."""

import json
from collections import Counter
from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.flickr import bounded_http
from flickr_emotion.harvest.image_hosts import transfers
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox import rest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.faults import IMAGE_KINDS
from flickr_emotion.harvest.sandbox.search import normalised
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes
from tests.harvest.processes import ended, start

LISTED = 40
"""Posts that a listing of their emotion shows."""
UNLISTED = 40
"""Posts without that word, which only ``getInfo`` returns."""
LIVING = [
    *(post(number, tags=("Awe", "river", f"house{number % 7}")) for number in range(LISTED)),
    *(post(LISTED + number) for number in range(UNLISTED)),
]
POSTS = [
    *LIVING,
    *(post(number, status="deleted") for number in range(80, 84)),
    *(post(number, status="private") for number in range(84, 87)),
    *(post(number, status="placeholder") for number in range(87, 89)),
]
# The sandbox's faults that are retried. A hang here is a connection that closes without an answer;
# a longer one is tested below.
API_FAULTS = (
    *("429", "429-retry-after", "500", "502", "503", "504", "hang", "reset"),
    *("html", "cut-json", "empty", "code-0", "code-10", "code-105", "code-201"),
)
PICTURE_FAULTS = tuple(sorted(IMAGE_KINDS))


def plan_of(*kinds: str) -> str:
    return ",".join([*(f"{kind}=0.1" for kind in kinds), "hang-seconds=0.05,seed=11"])


def check_posts(harvest: Path) -> dict[str, str]:
    """Compare all stored posts and pictures with the true ones; return the source of each post."""
    with Ledger(harvest / FILE_NAME) as ledger:
        rows = {row["photo_id"]: row for row in ledger.query("SELECT * FROM photos")}
    assert len(rows) == len(POSTS)
    for listed in LIVING:
        row = rows[listed.photo_id]
        assert (row["api_outcome"], row["image_outcome"]) == ("ok", "ok"), row["api_error"]
        assert (row["title"], row["description"]) == (listed.title, listed.description)
        assert json.loads(row["tags"]) == sorted(normalised(tag) for tag in listed.tags)
        assert image_path(harvest / "images", listed.photo_id).read_bytes() == listed.jpeg()
    dead = {it.photo_id: it.status for it in POSTS if it.status != "ok"}
    outcomes = {"deleted": "gone", "private": "private", "placeholder": "placeholder"}
    assert {name: rows[name]["image_outcome"] for name in dead} == {
        name: outcomes[status] for name, status in dead.items()
    }
    assert {row["api_outcome"] for name, row in rows.items() if name in dead} == {
        "gone",
        "private",
    }
    return {listed.photo_id: rows[listed.photo_id]["api_source"] for listed in LIVING}


def check_asked_once(server: SandboxServer, sources: dict[str, str]) -> None:
    """Check that nothing was requested twice, and no post of a listing by ``getInfo`` too."""
    by_info = Counter(name for name, source in sources.items() if source == "getInfo")
    assert server.stats.info_ok == by_info
    assert server.stats.image_ok == Counter(listed.photo_id for listed in LIVING)
    # The key is checked on one photo before anything is listed.
    assert UNLISTED <= by_info.total() <= UNLISTED + 1


class TestAlone:
    @pytest.mark.parametrize("kind", [*API_FAULTS, *PICTURE_FAULTS])
    def test_what_exists_is_stored_and_requested_once(self, tmp_path: Path, kind: str) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), faults=plan_of(kind), keys={KEY: SECRET}) as server:
            report = crawl(options(published_list, tmp_path / "h", server), lambda line: None)
            assert server.stats.faults[kind] > 0
            check_asked_once(server, check_posts(tmp_path / "h"))
        assert (report.lost, report.photos) == (0, len(POSTS))

    @pytest.mark.parametrize("kind", ["hang", "image-hang"])
    def test_a_server_that_never_answers_is_given_up_in_time(
        self, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Shorter than a crawl's own limit, far longer than the sandbox takes to answer.
        monkeypatch.setattr(bounded_http, "SILENCE_SECONDS", 1.5)
        monkeypatch.setattr(transfers, "DEADLINE_SECONDS", 1.5)
        published_list = write_votes(tmp_path / "list", POSTS)
        plan = f"{kind}=0.03,hang-seconds=600,seed=11"
        with SandboxServer(Corpus(POSTS), faults=plan, keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), lambda line: None)
            assert server.stats.faults[kind] > 0
            check_asked_once(server, check_posts(tmp_path / "h"))


class TestTogether:
    @pytest.mark.slow
    def test_crawls_in_a_row_get_everything(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A rest of one second after each would take minutes.
        monkeypatch.setattr(rest, "RETRY_AFTER", 0)
        # Nearly four of five calls fail: a crawl may use up the attempts of some photos, and the
        # same command continues with these.
        published_list = write_votes(tmp_path / "list", POSTS)
        plan = plan_of(*API_FAULTS, *PICTURE_FAULTS)
        with SandboxServer(Corpus(POSTS), faults=plan, keys={KEY: SECRET}) as server:
            for _ in range(5):
                made = options(published_list, tmp_path / "h", server)
                if not crawl(made, lambda line: None).lost:
                    break
            assert {*API_FAULTS, *PICTURE_FAULTS} <= server.stats.faults.keys()
            check_asked_once(server, check_posts(tmp_path / "h"))


class Bombs(SandboxServer):
    """A sandbox in which every twentieth picture stays broken for all tries."""

    def answer(self, request: Request) -> Response:
        """Answer these with a header of 65,535 x 65,535 pixels."""
        response = super().answer(request)
        if request.method == "GET" and request.path.startswith("/3456/") and self._bomb(request):
            data = jpeg(int(request.path.rpartition("/")[2].partition("_")[0]))
            place = data.index(b"\xff\xc0") + 5
            response.body = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
        return response

    @staticmethod
    def _bomb(request: Request) -> bool:
        return request.path.partition("_")[0].endswith(("00", "20", "40", "60"))


class TestExitCodes:
    def test_0_if_everything_is_stored(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        # Only kinds that are counted (not 429 or 5xx) and do not open the breaker for seconds.
        plan = plan_of("cut-json", "html", "image-half", "image-reset", "image-429")
        with SandboxServer(Corpus(POSTS), faults=plan, keys={KEY: SECRET}) as server:
            code, _, err = ended(start(published_list, tmp_path / "h", server))
            check_asked_once(server, check_posts(tmp_path / "h"))
        assert code == 0, err

    def test_3_if_too_many_pictures_are_corrupt(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", LIVING)
        with Bombs(Corpus(LIVING), keys={KEY: SECRET}) as server:
            code, out, err = ended(start(published_list, tmp_path / "h", server))
            assert code == 3
            assert "4 of 80 photos ended failed or corrupt, more than --max-loss 0.01" in err
            assert "4 x image: 65535 x 65535 pixels" in out
            # As many as may be are none too many, and a corrupt picture is not asked again: the
            # host was seen to be healthy when it sent the same bytes twice.
            images = server.stats.images
            again = start(published_list, tmp_path / "h", server, "--max-loss", "0.05")
            code, _, err = ended(again)
            assert (code, server.stats.images) == (0, images), err
        counts = harvest_status(tmp_path / "h")["image"]
        assert (counts["ok"], counts["corrupt"]) == (76, 4)
