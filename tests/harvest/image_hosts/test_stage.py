"""The pictures' stage: what is due is fetched and recorded, what is not stays as it was."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.image_hosts import stage
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.image_hosts.stage import ImageStage
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import ALL_ROWS
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from tests.harvest.corpora import AT_ONCE, KEY, SECRET, post
from tests.harvest.http_servers import Asked, serving
from tests.harvest.parts import ledger_of
from tests.harvest.processes import HasUrl

STATES = ["ok", "ok", "ok", "deleted", "private", "placeholder"]
POSTS = [post(number, status=status) for number, status in enumerate(STATES)]


class Stage:
    """The stage over a server, and when it fell idle."""

    def __init__(
        self, server: HasUrl, ledger: Ledger, *, fetch: bool = True, retry: RetryPolicy = AT_ONCE
    ) -> None:
        self.said: list[str] = []
        self.stopped = threading.Event()
        hosts = ImageHosts(retry=retry, say=self.said.append, ledger=ledger)
        trust = PictureTrust(
            ledger,
            lambda name: hosts.named(name).breaker,
            settle_posts=True,
            say=self.said.append,
        )
        self.stage = ImageStage(
            ledger,
            servers(server.url),
            folder=ledger.path.parent / "images",
            fetch=fetch,
            size="",
            last_row=ALL_ROWS,
            refresh=False,
            hosts=hosts,
            trust=trust,
            retry=retry,
            say=self.said.append,
            stopped=self.stopped,
        )
        self.changed = threading.Event()

    def end(self) -> None:
        """Stop it as a crawl does, and wait for its end."""
        self.stopped.set()
        self.stage.wake()
        self.stage.join()

    def until_idle(self) -> None:
        """Run it until nothing is due."""
        self.stage.start(self.changed.set)
        while not self.stage.idle and not self.stopped.is_set():
            self.changed.wait(30)
            self.changed.clear()
        self.end()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_of(tmp_path, POSTS) as opened:
        yield opened


@contextmanager
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
        yield server


def outcomes(ledger: Ledger) -> list[str]:
    rows = ledger.query("SELECT image_outcome FROM photos ORDER BY rowid")
    return [row["image_outcome"] for row in rows]


def files(ledger: Ledger) -> list[bool]:
    folder = ledger.path.parent / "images"
    return [image_path(folder, it.photo_id).exists() for it in POSTS]


def test_each_picture_has_its_outcome_and_its_file(ledger: Ledger) -> None:
    with sandbox() as server:
        Stage(server, ledger).until_idle()
        assert server.stats.images == len(POSTS)
    assert outcomes(ledger) == ["ok", "ok", "ok", "gone", "private", "placeholder"]
    assert files(ledger) == [True] * 3 + [False] * 3
    assert ledger.next_due("image") is None
    # A dead one settles its post.
    assert ledger.outcome_counts()[0] == {
        **dict.fromkeys(("ok", "video", "failed"), 0),
        **{"pending": 3, "gone": 2, "private": 1},
    }


def test_without_fetching_only_heads_are_asked_for(ledger: Ledger) -> None:
    commands: list[str] = []

    def answer(request: Asked) -> None:
        commands.append(request.command)
        request.send(404 if POSTS[3].photo_id in request.path else 200, b"")

    with serving(answer) as server:
        Stage(server, ledger, fetch=False).until_idle()
    assert set(commands) == {"HEAD"}
    assert outcomes(ledger)[:4] == ["pending", "pending", "pending", "gone"]
    assert ledger.next_due("image") is None
    assert not any(files(ledger))


def test_what_an_earlier_crawl_has_left_is_not_fetched_again(ledger: Ledger) -> None:
    """It was killed between the file and the ledger."""
    left = image_path(ledger.path.parent / "images", POSTS[0].photo_id)
    left.parent.mkdir(parents=True)
    left.write_bytes(POSTS[0].jpeg())
    with sandbox() as server:
        Stage(server, ledger).until_idle()
        assert POSTS[0].photo_id not in server.stats.image_ok
        assert server.stats.images == len(POSTS) - 1
    assert outcomes(ledger)[0] == "ok"


def test_a_try_that_is_not_due_yet_is_left_alone(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        connection.execute("UPDATE photos SET image_next_try = ? WHERE rowid = 1", (now() + 900,))
    with sandbox() as server:
        Stage(server, ledger).until_idle()
        assert server.stats.images == len(POSTS) - 1
    assert outcomes(ledger)[0] == "pending"
    assert ledger.next_due("image") is not None


def test_a_failure_is_tried_again_until_its_attempts_are_spent(ledger: Ledger) -> None:
    asked: list[str] = []
    bad = POSTS[1].photo_id

    def answer(request: Asked) -> None:
        asked.append(request.path)
        if bad in request.path:
            request.send(200, POSTS[1].jpeg()[:-40])  # half a picture, each time another
        else:
            request.send(200, post(int(request.path.partition("_")[0][-2:])).jpeg())

    retry = RetryPolicy(attempts=3, first_delay=1e-6, longest_delay=1e-6)
    with serving(answer) as server:
        Stage(server, ledger, retry=retry).until_idle()
    assert sum(bad in path for path in asked) == 3
    assert len(asked) == len(POSTS) + 2
    assert outcomes(ledger)[1] in ("failed", "corrupt")
    assert files(ledger)[1] is False


def test_what_is_in_flight_when_it_is_stopped_is_recorded(ledger: Ledger) -> None:
    reached, release = threading.Event(), threading.Event()

    def answer(request: Asked) -> None:
        reached.set()
        release.wait(30)
        request.send(200, post(int(request.path.partition("_")[0][-2:])).jpeg())

    with serving(answer) as server:
        made = Stage(server, ledger)
        made.stage.start(made.changed.set)
        assert reached.wait(30)
        made.stopped.set()
        made.stage.wake()
        release.set()
        made.stage.join()
    assert set(outcomes(ledger)) <= {"ok", "pending"}
    assert "ok" in outcomes(ledger)
    assert [it == "ok" for it in outcomes(ledger)] == files(ledger)


def test_its_failure_stops_the_crawl_and_is_raised(ledger: Ledger) -> None:
    """As where the folder of pictures cannot be written to."""
    (ledger.path.parent / "images").write_text("a file in its place")
    with sandbox() as server:
        made = Stage(server, ledger)
        made.stage.start(made.changed.set)
        assert made.stopped.wait(30)
        with pytest.raises(OSError, match="images"):
            made.stage.join()


def test_one_that_was_never_started_has_nothing_to_wait_for(ledger: Ledger) -> None:
    with sandbox() as server:
        made = Stage(server, ledger)
        made.stage.wake()
        made.stage.join()


def test_enough_results_are_recorded_without_waiting_for_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_LINGER_SECONDS", 20.0)
    monkeypatch.setattr(stage, "_ENOUGH", 2)
    recorded = threading.Event()
    in_time: list[bool] = []

    def answer(request: Asked) -> None:
        if POSTS[-1].photo_id in request.path:  # In flight until others are recorded.
            in_time.append(recorded.wait(10))
        request.send(200, POSTS[0].jpeg())

    with serving(answer) as server:
        pictures = Stage(server, ledger)

        def changed() -> None:
            if "ok" in outcomes(ledger):
                recorded.set()
            pictures.changed.set()

        pictures.stage.start(changed)
        while not pictures.stage.idle and not pictures.stopped.is_set():
            pictures.changed.wait(30)
            pictures.changed.clear()
        pictures.end()
    assert in_time == [True]
    assert outcomes(ledger) == ["ok"] * len(POSTS)
