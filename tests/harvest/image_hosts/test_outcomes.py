"""What a request for a picture leaves on disk and in the ledger, and what costs an attempt."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from flickr_emotion.harvest.image_hosts.answers import Reply
from flickr_emotion.harvest.image_hosts.load import HostGivenUpError
from flickr_emotion.harvest.image_hosts.outcomes import PictureOutcomes, PictureResult
from flickr_emotion.harvest.image_hosts.placeholders import PlaceholderError
from flickr_emotion.harvest.image_hosts.unchecked_pictures import UncheckedPictures
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.references import add_references
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    RetryPolicy,
    TransientError,
)
from flickr_emotion.harvest.pictures.files import (
    UnansweredPictureError,
    image_path,
    read_picture,
)
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from tests.harvest.corpora import post
from tests.harvest.parts import answered, ledger_of, reference_of, undone

POSTS = [post(number) for number in range(4)]
A, B, C, D = (it.photo_id for it in POSTS)
WHOLE = {it.photo_id: it.jpeg() for it in POSTS}
CUT = WHOLE[A][:-100]
BROKEN = CUT + b"\xff\xd9"
"""It has all its markers, so only decoding shows that a part is missing."""
HOST = "live"
RETRY = RetryPolicy(attempts=3, first_delay=1e-6, longest_delay=1e-6)


def _huge() -> bytes:
    """A picture with 65,535 x 65,535 pixels by its header."""
    at = WHOLE[A].index(b"\xff\xc0") + 5
    return WHOLE[A][:at] + b"\xff" * 4 + WHOLE[A][at + 4 :]


class WatchedTrust(PictureTrust):
    """Remembers what it is told."""

    told: list[tuple[str, str, str]]

    def saw(self, host: str, photo_id: str, *, refused: bool) -> None:
        self.told.append(("refused" if refused else "served", host, photo_id))
        super().saw(host, photo_id, refused=refused)

    def contradicted(self, host: str, photo_id: str) -> None:
        self.told.append(("contradicted", host, photo_id))
        super().contradicted(host, photo_id)


class Outcomes:
    """``PictureOutcomes`` over a ledger, and what it works with."""

    def __init__(
        self, ledger: Ledger, folder: Path, *, refresh: bool = False, settle_posts: bool = True
    ) -> None:
        self.ledger = ledger
        self.folder = folder
        self.said: list[str] = []
        breaker = Breaker(HOST, retry=RETRY, say=self.said.append)
        self.trust = WatchedTrust(
            ledger, lambda name: breaker, settle_posts=settle_posts, say=self.said.append
        )
        self.trust.told = []
        self.unchecked = UncheckedPictures(folder)
        self.made = PictureOutcomes(
            ledger,
            folder=folder,
            refresh=refresh,
            trust=self.trust,
            retry=RETRY,
            unchecked=self.unchecked,
        )

    def record(self, photo_id: str, came: bytes | Exception | None, *, spends: bool = True) -> None:
        """Record one answer of the host: a body, a failure, or that the picture exists."""
        self.made.record([self.result(photo_id, came, spends=spends)])

    def result(
        self, photo_id: str, came: bytes | Exception | None, *, epoch: int = 0, spends: bool = True
    ) -> PictureResult:
        body, failure = (came, None) if isinstance(came, bytes) else (None, came)
        reply = Reply(
            host=HOST, epoch=epoch, status=200, body=body, failure=failure, spends_attempt=spends
        )
        return PictureResult(photo=self.ledger.photo("image", photo_id), reply=reply)

    def state(self, photo_id: str = A) -> tuple[str, int, str | None]:
        """Outcome, attempts and error of a picture."""
        (row,) = self.ledger.query(
            "SELECT image_outcome, image_attempts, image_error FROM photos WHERE photo_id = ?",
            (photo_id,),
        )
        return row[0], row[1], row[2]

    def wait(self, photo_id: str = A) -> float | None:
        """Return the seconds until the next try; None if none is planned."""
        (row,) = self.ledger.query(
            "SELECT image_next_try AS at FROM photos WHERE photo_id = ?", (photo_id,)
        )
        return None if row["at"] is None else row["at"] - now()

    def post(self, photo_id: str = A) -> str:
        rows = self.ledger.query("SELECT api_outcome FROM photos WHERE photo_id = ?", (photo_id,))
        return str(rows[0]["api_outcome"])

    def sha256(self, photo_id: str = A) -> str | None:
        rows = self.ledger.query("SELECT image_sha256 FROM photos WHERE photo_id = ?", (photo_id,))
        found = rows[0]["image_sha256"]
        return None if found is None else str(found)

    def file(self, photo_id: str = A) -> bytes | None:
        """Return the picture on disk."""
        path = image_path(self.folder, photo_id)
        return path.read_bytes() if path.exists() else None

    def put(self, photo_id: str, body: bytes) -> None:
        """Leave a file, as a killed crawl does."""
        path = image_path(self.folder, photo_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with ledger_of(tmp_path_factory.mktemp("outcomes"), POSTS) as opened:
        yield opened


@pytest.fixture
def ledger(shared: Ledger) -> Iterator[Ledger]:
    with undone(shared) as opened:
        yield opened


@pytest.fixture
def outcomes(ledger: Ledger, tmp_path: Path) -> Outcomes:
    return Outcomes(ledger, tmp_path)


def answer(ledger: Ledger, photo_id: str) -> None:
    """Let the API know a photo."""
    known = answered(next(reference_of(it) for it in POSTS if it.photo_id == photo_id))
    ledger.record_answers([known], source="getInfo")


class TestAPicture:
    def test_it_is_on_disk_and_in_the_ledger_and_is_decoded_later(self, outcomes: Outcomes) -> None:
        outcomes.record(A, WHOLE[A])
        assert outcomes.state() == ("ok", 0, None)
        assert outcomes.wait() is None
        assert outcomes.file() == WHOLE[A]
        assert outcomes.sha256() == read_picture(WHOLE[A]).sha256
        assert len(outcomes.unchecked) == 1
        assert outcomes.trust.told == [("served", HOST, A)]

    def test_without_fetching_it_is_only_known_to_exist(self, outcomes: Outcomes) -> None:
        outcomes.record(A, None)
        assert outcomes.state() == ("pending", 0, None)
        assert outcomes.wait() is None
        assert outcomes.file() is None
        assert outcomes.trust.told == [("served", HOST, A)]

    def test_that_of_a_video_is_removed(self, outcomes: Outcomes) -> None:
        due = outcomes.result(A, WHOLE[A])
        outcomes.ledger.record_videos([A])
        outcomes.made.record([due])
        assert outcomes.state()[0] == "video"
        assert outcomes.file() is None
        assert outcomes.wait() is None

    @pytest.mark.parametrize("refresh", [True, False])
    def test_that_of_a_post_withdrawn_meanwhile_is_removed_in_a_refresh_only(
        self, ledger: Ledger, tmp_path: Path, refresh: bool
    ) -> None:
        outcomes = Outcomes(ledger, tmp_path, refresh=refresh)
        ledger.record_final_post(A, "gone", "Photo not found")
        outcomes.record(A, WHOLE[A])
        ledger.record_failure("image", B, "answered 500", delay=0.0)
        ledger.record_final_post(B, "gone", "Photo not found")
        outcomes.record(B, None)
        assert outcomes.file() == (None if refresh else WHOLE[A])
        assert outcomes.state()[0] == ("pending" if refresh else "ok")
        seen = ("failed", 1, "answered 500") if refresh else ("pending", 0, None)
        assert outcomes.state(B) == seen
        assert outcomes.wait(A) is outcomes.wait(B) is None

    def test_a_batch_is_one_commit_and_trust_is_told_after_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []

        def saw(host: str, photo_id: str, *, refused: bool) -> None:
            steps.append(f"{photo_id} was {'refused' if refused else 'served'}")

        with ledger_of(tmp_path, POSTS) as ledger:
            outcomes = Outcomes(ledger, tmp_path / "images")
            monkeypatch.setattr(outcomes.trust, "saw", saw)
            batch = [
                outcomes.result(A, WHOLE[A]),
                outcomes.result(B, None),
                outcomes.result(C, PhotoGoneError("answered 404")),
                outcomes.result(D, TransientError("answered 500")),
            ]
            with ledger.transaction() as connection:
                pass
            connection.set_trace_callback(steps.append)
            outcomes.made.record(batch)
            connection.set_trace_callback(None)
            assert [outcomes.state(it)[0] for it in (A, B, C, D)] == [
                *("ok", "pending", "gone", "failed")
            ]
        assert [it for it in steps if it.startswith(("BEGIN", "COMMIT", "37"))] == [
            *("BEGIN IMMEDIATE", "COMMIT"),
            *(f"{A} was served", f"{B} was served", f"{C} was refused"),
        ]


class TestARefusal:
    @pytest.mark.parametrize(
        ("error", "outcome"),
        [
            (PhotoGoneError("answered 404"), "gone"),
            (PhotoPrivateError("answered 403"), "private"),
            (PlaceholderError("a placeholder"), "placeholder"),
        ],
    )
    def test_it_settles_the_picture_by_its_kind(
        self, outcomes: Outcomes, error: Exception, outcome: str
    ) -> None:
        outcomes.record(A, error)
        assert outcomes.state() == (outcome, 0, str(error))
        assert outcomes.wait() is None
        (row,) = outcomes.ledger.query("SELECT * FROM evidence WHERE what = 'image'")
        assert (row["outcome"], row["host"], row["status"]) == (outcome, HOST, 200)
        assert outcomes.trust.told == [("refused", HOST, A)]

    @pytest.mark.parametrize(("settle", "post"), [(True, "gone"), (False, "pending")])
    def test_it_settles_the_post_if_pictures_are_trusted_to(
        self, ledger: Ledger, tmp_path: Path, settle: bool, post: str
    ) -> None:
        outcomes = Outcomes(ledger, tmp_path, settle_posts=settle)
        outcomes.record(A, PhotoGoneError("answered 404"))
        assert outcomes.post() == post

    def test_that_of_a_doubted_host_is_not_recorded_and_costs_no_attempt(
        self, outcomes: Outcomes
    ) -> None:
        outcomes.record(B, WHOLE[B])
        outcomes.trust.told.clear()
        outcomes.made.record([outcomes.result(A, PhotoGoneError("answered 404"), epoch=1)])
        assert outcomes.state() == ("pending", 0, "answered 404")
        assert outcomes.wait() == pytest.approx(0.0, abs=1.0)
        assert outcomes.post() == "pending"
        assert outcomes.trust.told == []

    def test_where_the_api_knows_the_post_trust_is_told(self, outcomes: Outcomes) -> None:
        answer(outcomes.ledger, A)
        outcomes.record(A, PhotoGoneError("answered 404"))
        assert outcomes.state()[0] == "failed"
        assert outcomes.trust.told == [("refused", HOST, A), ("contradicted", HOST, A)]

    def test_where_another_reference_is_tried_trust_is_not_told(self, outcomes: Outcomes) -> None:
        with outcomes.ledger.transaction() as connection:
            add_references(connection, [replace(reference_of(POSTS[0]), secret="aaaaaaaaaa")])
        outcomes.record(A, PhotoGoneError("answered 404"))
        assert outcomes.state()[0] == "pending"
        assert outcomes.trust.told == []


class TestAFailure:
    def test_of_the_host_it_costs_no_attempt(self, outcomes: Outcomes) -> None:
        outcomes.record(A, TransientError("answered 503", retry_after=50.0), spends=False)
        assert outcomes.state() == ("pending", 0, "answered 503")
        assert outcomes.wait() == pytest.approx(50.0, abs=1.0)
        outcomes.record(A, TransientError("answered 503"), spends=False)
        assert outcomes.wait() == pytest.approx(0.0, abs=1.0)
        assert outcomes.trust.told == []

    def test_of_the_picture_it_costs_one_until_they_are_spent(self, outcomes: Outcomes) -> None:
        error = TransientError("answered 500", retry_after=50.0)
        for attempts in (1, 2):
            outcomes.record(A, error)
            assert outcomes.state() == ("failed", attempts, "answered 500")
            assert outcomes.wait() == pytest.approx(50.0, abs=1.0)
        outcomes.record(A, error)
        assert outcomes.state() == ("failed", 3, "answered 500")
        assert outcomes.wait() is None
        assert outcomes.trust.told == []

    @pytest.mark.parametrize("kind", [HostGivenUpError, UnansweredPictureError])
    def test_that_another_try_would_not_help_is_left_to_the_next_crawl(
        self, outcomes: Outcomes, kind: type[TransientError]
    ) -> None:
        outcomes.record(A, kind("answered 418"))
        assert outcomes.state() == ("failed", 1, "answered 418")
        assert outcomes.wait() is None


class TestAnIncompletePicture:
    def test_it_is_requested_again_and_not_kept(self, outcomes: Outcomes) -> None:
        outcomes.record(A, CUT)
        assert outcomes.state()[:2] == ("failed", 1)
        assert outcomes.wait() == pytest.approx(0.0, abs=1.0)
        assert outcomes.file() is None
        assert outcomes.sha256() is None
        assert outcomes.trust.told == []

    def test_it_is_corrupt_if_the_host_is_well(self, outcomes: Outcomes) -> None:
        outcomes.record(A, CUT)
        outcomes.record(B, WHOLE[B])
        outcomes.record(A, CUT)
        assert outcomes.state()[0] == "failed"
        outcomes.record(A, CUT)
        assert outcomes.state()[0] == "corrupt"
        assert outcomes.wait() is None

    def test_it_is_only_failed_if_the_host_served_nothing_complete(
        self, outcomes: Outcomes
    ) -> None:
        for _ in range(3):
            outcomes.record(A, CUT)
        assert outcomes.state()[:2] == ("failed", 3)
        assert outcomes.wait() is None

    def test_it_is_only_failed_if_something_else_failed_last(self, outcomes: Outcomes) -> None:
        outcomes.record(A, CUT)
        outcomes.record(B, WHOLE[B])
        outcomes.record(A, CUT)
        outcomes.record(A, TransientError("answered 500"))
        assert outcomes.state() == ("failed", 3, "answered 500")

    def test_with_too_many_pixels_twice_it_is_not_requested_again(self, outcomes: Outcomes) -> None:
        outcomes.record(A, _huge())
        assert outcomes.state() == ("failed", 1, "65535 x 65535 pixels")
        assert outcomes.wait() is not None
        outcomes.record(B, WHOLE[B])
        outcomes.record(A, _huge())
        assert outcomes.state()[0] == "corrupt"
        assert outcomes.wait() is None

    def test_it_does_not_replace_a_picture_on_disk(self, outcomes: Outcomes) -> None:
        """In a refresh it is decoded at once, and never ends as corrupt."""
        outcomes.record(A, WHOLE[A])
        outcomes.record(A, BROKEN)
        outcomes.record(B, WHOLE[B])
        for _ in range(2):
            outcomes.record(A, BROKEN)
        assert outcomes.state()[:2] == ("ok", 3)
        assert outcomes.file() == WHOLE[A]
        assert outcomes.sha256() == read_picture(WHOLE[A]).sha256

    def test_after_one_a_photos_next_picture_is_decoded_at_once(self, outcomes: Outcomes) -> None:
        outcomes.record(A, CUT)
        outcomes.record(A, BROKEN)
        assert outcomes.state()[:2] == ("failed", 2)
        assert outcomes.file() is None
        outcomes.record(B, BROKEN)
        assert outcomes.state(B)[0] == "ok"  # Nothing was wrong with this photo so far.


class TestDecodingLater:
    def test_an_incomplete_picture_is_taken_back_and_due_again(self, outcomes: Outcomes) -> None:
        outcomes.record(A, BROKEN)
        assert outcomes.state()[0] == "ok"
        assert outcomes.made.check(10) == 1
        assert outcomes.state()[:2] == ("failed", 1)
        assert outcomes.wait() == pytest.approx(0.0, abs=1.0)
        assert outcomes.file() is None
        assert outcomes.sha256() is None

    def test_it_counts_like_one_that_was_noticed_at_once(self, outcomes: Outcomes) -> None:
        outcomes.record(A, BROKEN)
        outcomes.made.check(10)
        outcomes.record(B, WHOLE[B])
        for _ in range(2):
            outcomes.record(A, BROKEN)
        assert outcomes.state()[0] == "corrupt"

    def test_complete_ones_stay(self, outcomes: Outcomes) -> None:
        outcomes.record(A, WHOLE[A])
        assert outcomes.made.check(10) == 0
        assert (outcomes.state()[0], outcomes.file()) == ("ok", WHOLE[A])
        assert len(outcomes.unchecked) == 0

    def test_only_as_many_as_wanted_are_decoded(self, outcomes: Outcomes) -> None:
        outcomes.record(A, BROKEN)
        outcomes.record(B, BROKEN)
        assert outcomes.made.check(1) == 1
        assert {outcomes.state(A)[0], outcomes.state(B)[0]} == {"ok", "failed"}


class TestWhatAKilledCrawlLeft:
    def test_its_picture_is_recorded_and_decoded_later(self, outcomes: Outcomes) -> None:
        outcomes.put(A, BROKEN)
        assert outcomes.made.record_left_behind(outcomes.ledger.photo("image", A))
        assert outcomes.state()[0] == "ok"
        assert outcomes.sha256() == read_picture(BROKEN).sha256
        assert outcomes.made.check(10) == 1

    @pytest.mark.parametrize("left", [None, CUT])
    def test_without_a_complete_file_there_is_none(
        self, outcomes: Outcomes, left: bytes | None
    ) -> None:
        if left is not None:
            outcomes.put(A, left)
        assert not outcomes.made.record_left_behind(outcomes.ledger.photo("image", A))
        assert outcomes.state()[0] == "pending"

    def test_a_file_that_is_known_already_was_not_left(self, outcomes: Outcomes) -> None:
        outcomes.record(A, WHOLE[A])
        assert not outcomes.made.record_left_behind(outcomes.ledger.photo("image", A))

    def test_a_file_that_shall_be_replaced_was_not_left(self, outcomes: Outcomes) -> None:
        outcomes.put(A, WHOLE[A])
        due = replace(outcomes.ledger.photo("image", A), fetch_anew=True)
        assert not outcomes.made.record_left_behind(due)
        assert outcomes.sha256() is None

    def test_that_of_a_video_is_removed(self, outcomes: Outcomes) -> None:
        outcomes.put(A, WHOLE[A])
        outcomes.ledger.record_videos([A])
        assert outcomes.made.record_left_behind(outcomes.ledger.photo("image", A))
        assert outcomes.file() is None
        assert len(outcomes.unchecked) == 0


class TestPlaceholders:
    @pytest.fixture
    def png(self) -> bytes:
        body = io.BytesIO()
        Image.new("L", (20, 20)).save(body, "PNG")
        return body.getvalue()

    def test_the_third_photo_with_the_same_png_gets_none_and_the_first_two_lose_theirs(
        self, outcomes: Outcomes, png: bytes
    ) -> None:
        for photo_id in (A, B, C):
            outcomes.record(photo_id, png)
        outcomes.record(D, WHOLE[D])
        found = [outcomes.state(photo_id)[0] for photo_id in (A, B, C, D)]
        assert found == ["ok", "ok", "placeholder", "ok"]
        said: list[str] = []
        outcomes.made.drop_placeholders(said.append)
        found = [outcomes.state(photo_id)[0] for photo_id in (A, B, C, D)]
        assert found == ["placeholder", "placeholder", "placeholder", "ok"]
        assert said == ["2 pictures are copies of a few placeholders: they are not kept"]
        assert [outcomes.file(it) for it in (A, B, C, D)] == [None, None, None, WHOLE[D]]

    def test_the_same_png_for_two_photos_is_kept(self, outcomes: Outcomes, png: bytes) -> None:
        for photo_id in (A, B):
            outcomes.record(photo_id, png)
        said: list[str] = []
        outcomes.made.drop_placeholders(said.append)
        assert said == []
        assert outcomes.file(A) == outcomes.file(B) == png
