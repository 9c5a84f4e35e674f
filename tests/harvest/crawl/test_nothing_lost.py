"""A harvest in a changing world: random crawls, refreshes, kills and failures of the servers.

Hypothesis chooses the steps, a different sequence for each seed; the rules to check after each are
in `tests/harvest/harvest_witness.py`. A failure prints its seed and its steps. The same seed gives
the same steps again, but not the same order of answers within a crawl:

    python -m pytest tests/harvest/crawl/test_nothing_lost.py -m slow -k "ten_thousand and [7]"
"""

import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.harvest.corpora import KEY, SECRET, post, write_votes
from tests.harvest.flickr_world import World
from tests.harvest.forked_crawls import Ended, ForkedCrawls
from tests.harvest.harvest_witness import Command, Witness
from tests.harvest.moods import API_MOODS, FALSE_ANSWERS, PICTURE_MOODS, Mood

# Requests after which the user of a command loses patience, and seconds without any.
_MOST_REQUESTS = 500
_STILL_SECONDS = 10.0
_RETRY = {"attempts": 4, "first_delay": 1e-6, "longest_delay": 1e-3, "patience": 1.0}
STEPS = 55
# Use files in memory where possible: a killed process loses nothing there either.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

PHOTOS = st.integers(0, 29)
LASTS = st.none() | st.integers(1, 60)
COMMANDS = st.sampled_from(
    [
        *(Command(), Command(), Command(), Command(images=False)),
        *(Command(refresh=True), Command(refresh=True), Command(refresh=True, images=False)),
        *(Command(verify_gone=True), Command(verify_gone=True, refresh=True)),
    ]
)


class ChangingWorld(RuleBasedStateMachine):
    """One harvest, from its first crawl on."""

    crawls: ForkedCrawls
    figures: Counter[str]
    failures: list[str]

    @initialize(count=st.integers(10, 30), videos=st.sets(PHOTOS, max_size=3))
    def begin(self, count: int, videos: set[int]) -> None:
        """Publish a list of public photos, a few of them videos."""
        self.steps: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="nothing-lost-", dir=MEMORY))
        posts = [
            post(number, tags=("awe", "river") if number % 3 else ("river", f"house{number}"))
            for number in range(count)
        ]
        self.ids = [it.photo_id for it in posts]
        of_videos = [it.photo_id for number, it in enumerate(posts) if number in videos]
        self.list = write_votes(self.folder / "list", posts)
        self.world = World(posts, videos=of_videos).start()
        self.witness = Witness(self.world, self.folder / "harvest")
        self.changes = 0
        self._step(f"{count} photos, videos: {sorted(videos)}")

    def teardown(self) -> None:
        """Remove everything."""
        if hasattr(self, "world"):
            self.world.close()
            shutil.rmtree(self.folder)

    def _step(self, what: str) -> None:
        self.steps.append(what)
        self.figures["steps"] += 1

    # Owners.

    @rule(
        number=PHOTOS, how=st.sampled_from(["deleted", "private", "placeholder", "private, opened"])
    )
    def withdraw(self, number: int, how: str) -> None:
        """An owner withdraws a photo, unless almost none would be left."""
        photo_id = self.ids[number % len(self.ids)]
        living = sum(photo.public for photo in self.world.photos.values())
        if 3 * living <= len(self.ids):
            return
        self._step(f"{photo_id} is {how}")
        self.world.photos[photo_id].opened = how == "private, opened"
        self.world.change(photo_id, status="ok" if how == "private, opened" else how)
        self.witness.withdrew(photo_id)

    @rule(number=PHOTOS)
    def come_back(self, number: int) -> None:
        """An owner shows a photo again."""
        photo_id = self.ids[number % len(self.ids)]
        self._step(f"{photo_id} is public")
        self.world.photos[photo_id].opened = False
        self.world.change(photo_id, status="ok")

    @rule(number=PHOTOS)
    def replace_picture(self, number: int) -> None:
        """An owner replaces a picture."""
        photo_id = self.ids[number % len(self.ids)]
        self._step(f"{photo_id} is replaced")
        self.changes += 1
        self.world.replace_picture(photo_id, self.changes)
        self.witness.replaced(photo_id)

    @rule(number=PHOTOS)
    def edit(self, number: int) -> None:
        """An owner changes a title."""
        photo_id = self.ids[number % len(self.ids)]
        self._step(f"{photo_id} is edited")
        self.changes += 1
        self.world.change(photo_id, title=f"Another title, number {self.changes}")

    # Services.

    @rule(
        kind=st.sampled_from(sorted(PICTURE_MOODS)),
        share=st.sampled_from([100, 100, 50, 20]),
        lasts=LASTS,
    )
    def pictures_fall_ill(self, kind: str, share: int, lasts: int | None) -> None:
        """The picture host gives wrong answers from now on."""
        mood = Mood(kind, len(self.steps), share, lasts)
        self._step(f"pictures: {mood}")
        self.world.picture_mood = mood

    @rule(
        kind=st.sampled_from(sorted(API_MOODS)),
        share=st.sampled_from([100, 100, 50, 20]),
        lasts=LASTS,
        after=st.integers(0, 40),
    )
    def api_falls_ill(self, kind: str, share: int, lasts: int | None, after: int) -> None:
        """The API gives wrong answers from some moment on, but never about single photos.

        Nobody could detect those.
        """
        if kind in FALSE_ANSWERS:
            share, lasts = 100, None
        mood = Mood(kind, len(self.steps), share, lasts, after)
        self._step(f"API: {mood}")
        self.world.api_mood = mood

    @rule()
    def get_well(self) -> None:
        """Both services are well again."""
        self._step("all is mended")
        self._mend()

    def _mend(self) -> None:
        self.world.api_mood = self.world.picture_mood = None

    # Commands.

    @rule(command=COMMANDS)
    def runs(self, command: Command) -> None:
        """A command runs to its end."""
        self._run(command, "")

    @rule(command=COMMANDS, at=st.integers(0, 80))
    def is_killed_at_a_request(self, command: Command, at: int) -> None:
        """A command is killed by `kill -9` after a number of requests."""
        self._run(command, f"killed at request {at}", signals=[(at, signal.SIGKILL)])

    @rule(command=COMMANDS, at=st.integers(0, 600))
    def is_killed_on_disk(self, command: Command, at: int) -> None:
        """A command is killed by `kill -9` before a step on disk."""
        self._run(command, f"killed at step {at} on disk", kill_at=at)

    @rule(command=COMMANDS, at=st.integers(0, 80))
    def is_interrupted(self, command: Command, at: int) -> None:
        """A command gets Ctrl-C after a number of requests."""
        self._run(command, f"Ctrl-C at request {at}", signals=[(at, signal.SIGINT)])

    @rule()
    def all_is_well(self) -> None:
        """The services are well again, and the documented commands get everything that exists."""
        self._step("all is well")
        self._mend()
        self.must_succeed(Command())
        self.must_succeed(Command(verify_gone=True))
        with self._told():
            # Only a refresh learns about photos that are back, and new pictures of known posts.
            self.witness.everything_living_is_won(but=self.witness.denied | self.witness.moved)
        # It may drop as many posts as it reports, since the owners did withdraw them.
        if not self.must_succeed(Command(refresh=True)):
            assert self.must_succeed(Command(refresh=True, max_withdrawn=1))
        with self._told():
            self.witness.nothing_withdrawn_survives(self.witness.rows())
            self.witness.everything_living_is_won(but=set())
            self.witness.nothing_else_is_there()

    def must_succeed(self, command: Command) -> bool:
        """Run a command that must succeed; return whether it dropped all withdrawn posts."""
        self.figures["steps"] -= 1  # This command is part of a step.
        ended = self._run(command, "")
        with self._told():
            # 3: the picture of a withdrawn post is due until a refresh has learned about it.
            assert ended.code in (0, 3), f"ended with {ended}"
        return not ended.kept_back

    def _run(
        self,
        command: Command,
        how: str,
        *,
        signals: list[tuple[int, int]] | None = None,
        kill_at: int | None = None,
    ) -> Ended:
        self._step(f"{command} {how}")
        well = self.world.picture_mood is None and self.world.api_mood is None
        self.witness.begins(command)
        self.world.begin(signals=[*(signals or []), (_MOST_REQUESTS, signal.SIGINT)])
        job = {
            "published_lists": [str(self.list)],
            "out": str(self.folder / "harvest"),
            **{"api_key": KEY, "api_secret": SECRET, "flickr_url": self.world.url, "quota": 0},
            **{"retry": _RETRY, "kill_at": kill_at},
            **{"refresh": command.refresh, "verify_gone": command.verify_gone},
            **{"images": command.images, "max_withdrawn": command.max_withdrawn},
        }
        with self._told():
            ended = self.crawls.run(job, started=self.world.watch, still=self._stillness())
            self.world.end()
            self.steps[-1] += f" -> {_brief(ended)}, {self.world.asked.total} requests"
            self.figures["commands"] += 1
            self.figures["killed"] += ended.killed
            self.figures["interrupted"] += ended.interrupted
            self.figures["API calls"] += self.world.asked.calls
            self.figures["picture requests"] += self.world.asked.pictures
            self.witness.check(command, ended, well=well)
        return ended

    def _stillness(self) -> Callable[[], bool]:
        """Return whether no request has come for some time, so that the user loses patience."""
        last = (-1, time.monotonic())

        def still() -> bool:
            nonlocal last
            if self.world.asked.total != last[0]:
                last = (self.world.asked.total, time.monotonic())
            return time.monotonic() - last[1] > _STILL_SECONDS

        return still

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Add the steps that led to a failure to its message."""
        try:
            yield
        except Exception as error:
            steps = "\n".join(f"  {number:3} {step}" for number, step in enumerate(self.steps))
            self.failures.append(f"{type(error).__name__}: {error}\nThe steps:\n{steps}")
            raise


def _brief(ended: Ended) -> str:
    if ended.killed:
        return "killed"
    if ended.error is not None:
        return f"1: {ended.error.splitlines()[-1][:150]}"
    return f"{ended.code}" + (f", {ended.kept_back} kept back" if ended.kept_back else "")


def sequences(number: int, count: int, steps: int) -> Counter[str]:
    """Run a number of sequences of steps that follow from a seed; return how much was done."""
    figures: Counter[str] = Counter()
    failures: list[str] = []
    given = settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with ForkedCrawls() as crawls:
        shared = {"crawls": crawls, "figures": figures, "failures": failures}
        machine = seed(number)(type("Seeded", (ChangingWorld,), shared))
        try:
            run_state_machine_as_test(machine, settings=given)
        except Exception as error:
            # Hypothesis repeats a failure, which may not fail again because of threads: report
            # the first one.
            if failures:
                raise AssertionError(f"seed {number}: {failures[0]}") from error
            raise
    return figures


def test_a_few_steps() -> None:
    # Hypothesis' first sequence is the simplest; the second one is random.
    assert sequences(1, 2, 15)["commands"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(20))
def test_ten_thousand_steps(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    figures = sequences(number, 10, STEPS)
    with capsys.disabled():
        took = time.monotonic() - started
        print(f"\nseed {number}: {dict(figures)}, {took:.0f} s")
