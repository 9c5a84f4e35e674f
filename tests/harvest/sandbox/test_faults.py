"""Each fault looks like Flickr's, and a plan does not depend on the order of requests."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.faults import API_KINDS, CODES, IMAGE_KINDS, FaultPlan, Faults
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.conftest import query

Get = Callable[[], requests.Response]


@pytest.fixture(scope="module")
def faulty(posts: list[Post]) -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(posts)) as server:
        yield server


@pytest.fixture
def info(faulty: SandboxServer, http: requests.Session) -> Get:
    faulty.set_faults("")
    faulty.stats.reset()
    params = query("photos.getInfo", photo_id="5000000001")
    return lambda: http.get(f"{faulty.url}/services/rest/", params=params, timeout=10)


@pytest.fixture
def picture(faulty: SandboxServer, http: requests.Session) -> Get:
    faulty.set_faults("")
    faulty.stats.reset()
    url = f"{faulty.url}/4101/5000000001_aaaaaaaa01.jpg"
    return lambda: http.get(url, timeout=10)


class TestApiFaults:
    """Faults of calls."""

    def test_429_is_the_real_page(self, faulty: SandboxServer, info: Get) -> None:
        faulty.set_faults("429=1")
        answer = info()
        assert answer.status_code == 429
        assert len(answer.content) == 117
        assert answer.text.startswith("<html><body><h1>429 Too Many Requests</h1>\nYou have sent")
        assert "Retry-After" not in answer.headers
        faulty.set_faults("429-retry-after=1")
        assert info().headers["Retry-After"] == "1"

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_5xx(self, faulty: SandboxServer, info: Get, status: int) -> None:
        faulty.set_faults(f"{status}=1")
        assert info().status_code == status

    @pytest.mark.parametrize("code", sorted(CODES))
    def test_every_code(self, faulty: SandboxServer, info: Get, code: int) -> None:
        faulty.set_faults(f"code-{code}=1")
        answer = info()
        assert answer.status_code == 200
        assert answer.json() == {"stat": "fail", "code": code, "message": CODES[code]}

    def test_bodies_that_are_not_json(self, faulty: SandboxServer, info: Get) -> None:
        whole = info()
        faulty.set_faults("cut-json=1")
        cut = info()
        assert cut.status_code == 200
        assert 0 < len(cut.content) < len(whole.content)
        for plan in ("cut-json=1", "html=1", "empty=1"):
            faulty.set_faults(plan)
            with pytest.raises(json.JSONDecodeError):
                json.loads(info().text)

    def test_reset_breaks_the_connection(self, faulty: SandboxServer, info: Get) -> None:
        faulty.set_faults("reset=1")
        with pytest.raises(requests.exceptions.RequestException):
            info()
        faulty.set_faults("")
        assert info().json()["stat"] == "ok"

    def test_hang_ends_without_an_answer(self, faulty: SandboxServer, info: Get) -> None:
        faulty.set_faults("hang=1,hang-seconds=0.05")
        with pytest.raises(requests.exceptions.ConnectionError):
            info()

    def test_a_hanging_server_closes_at_once(
        self, posts: list[Post], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hanging = threading.Event()
        with (
            SandboxServer(Corpus(posts), faults="hang=1,hang-seconds=500") as server,
            ThreadPoolExecutor(1) as pool,
        ):
            monkeypatch.setattr(server.stats, "count_fault", lambda kind: hanging.set())
            url = f"{server.url}/services/rest/"
            waiting = pool.submit(requests.get, url, params=query("test.echo"), timeout=400)
            assert hanging.wait(30)
            server.close()
            assert isinstance(waiting.exception(30), requests.exceptions.ConnectionError)

    def test_calls_with_a_fault_count_but_not_as_answered(
        self, faulty: SandboxServer, info: Get
    ) -> None:
        faulty.set_faults("cut-json=1")
        info()
        counts = faulty.stats.as_json(photos=True)
        assert counts["api"] == {"flickr.photos.getInfo": 1}
        assert (counts["faults"], counts["photos"]) == ({"cut-json": 1}, {})


class TestImageFaults:
    """Faults of pictures."""

    def test_half_a_jpeg_comes_with_a_200(
        self, faulty: SandboxServer, picture: Get, posts: list[Post]
    ) -> None:
        faulty.set_faults("image-half=1")
        answer = picture()
        whole = posts[0].jpeg()
        assert answer.status_code == 200
        assert answer.content == whole[: len(whole) // 2]
        assert faulty.stats.image_ok == {}
        faulty.set_faults("")
        assert picture().content == whole
        assert faulty.stats.image_ok == {"5000000001": 1}

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_statuses(self, faulty: SandboxServer, picture: Get, status: int) -> None:
        faulty.set_faults(f"image-{status}=1")
        assert picture().status_code == status

    @pytest.mark.parametrize("plan", ["image-reset=1", "image-hang=1,hang-seconds=0.05"])
    def test_broken_connections(self, faulty: SandboxServer, picture: Get, plan: str) -> None:
        faulty.set_faults(plan)
        with pytest.raises(requests.exceptions.RequestException):
            picture()


class TestPlans:
    """A plan is parsed strictly, and its faults are drawn from digests."""

    def test_parse(self) -> None:
        plan = FaultPlan.parse("429=0.1, image-half=0.25,seed=7,hang-seconds=2")
        assert plan == FaultPlan(
            rates=(("429", 0.1), ("image-half", 0.25)), seed=7, hang_seconds=2.0
        )
        assert FaultPlan.parse("") == FaultPlan()

    @pytest.mark.parametrize(
        "text",
        ["429", "429=x", "429=nan", "429=-1", "429=1.5", "429=1,429=1", "code-7=1", "sleep=1"],
    )
    def test_a_bad_plan_is_one_line(self, text: str) -> None:
        with pytest.raises(HarvestError, match=r"\A--faults: .+\Z"):
            FaultPlan.parse(text)

    def test_the_order_of_threads_changes_nothing(self) -> None:
        plan = FaultPlan.parse("429=0.3,500=0.2,seed=7")
        keys = [f"photo {n}" for n in range(40)] * 5

        def outcomes(order: list[str], threads: int) -> dict[str, list[str]]:
            faults = Faults(plan)
            drawn: dict[str, list[str]] = {key: [] for key in order}

            def ask(key: str) -> None:
                drawn[key].append(str(faults.api(key)))

            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(ask, order))
            return {key: sorted(found) for key, found in drawn.items()}

        assert outcomes(keys, 1) == outcomes(keys[::-1], 8)

    @settings(deadline=None)
    @given(st.integers(0, 1000), st.sampled_from(sorted(API_KINDS)))
    def test_rates_are_kept_and_attempts_draw_afresh(self, seed: int, kind: str) -> None:
        faults = Faults(FaultPlan(rates=((kind, 0.5),), seed=seed))
        drawn = [faults.api("same") for _ in range(200)]
        assert 60 < drawn.count(kind) < 140
        assert set(drawn) == {kind, None}

    def test_api_and_pictures_have_kinds_of_their_own(self) -> None:
        assert not API_KINDS & IMAGE_KINDS
        faults = Faults(FaultPlan.parse("image-429=1"))
        assert faults.api("x") is None
        assert faults.image("x") == "image-429"
