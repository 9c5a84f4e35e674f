"""What the API can answer about a photo, and how each answer is interpreted."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest

from flickr_emotion.datasets.sources.harvest import Harvest
from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.answers import parse_listing
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.rest import envelope, fail
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.shapes import listed, photo
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes
from tests.harvest.http_servers import Asked, serving

EIGHT = RetryPolicy(attempts=8, first_delay=1e-6, longest_delay=1e-6)
JSON = {"format": "json", "nojsoncallback": "1"}
GET_INFO = "flickr.photos.getInfo"


def rows(harvest: Path) -> dict[str, dict[str, Any]]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return {row["photo_id"]: dict(row) for row in ledger.query("SELECT * FROM photos")}


def quiet(line: str) -> None:
    """Log nothing."""


class Changed(SandboxServer):
    """A sandbox that answers for some photos with posts changed by ``change``."""

    change: Callable[[Post], dict[str, Any] | None]

    def answer(self, request: Request) -> Response:
        """Answer ``getInfo`` by ``change`` if it returns something."""
        response = super().answer(request)
        form = dict(part.split("=", 1) for part in request.body.decode().split("&") if "=" in part)
        if form.get("method") == GET_INFO and (answer := type(self).change(post_of(form))):
            return envelope(answer, JSON)
        return response


def post_of(form: dict[str, str]) -> Post:
    return post(int(form["photo_id"]) - 3_700_000_000)


def changed(change: Callable[[Post], dict[str, Any] | None], posts: Iterable[Post]) -> Changed:
    kind = type("Changing", (Changed,), {"change": staticmethod(change)})
    made: Changed = kind(Corpus(posts), keys={KEY: SECRET})
    return made


class TestPrivateByItsSecret:
    POSTS = (post(0), post(1, status="private-by-secret"), *(post(n) for n in range(2, 6)))

    def test_the_sandbox_answers_calls_with_the_secret(self) -> None:
        private = self.POSTS[1]
        assert photo(private)["visibility"]["ispublic"] == 0

    def test_nothing_of_it_is_kept(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", self.POSTS)
        with SandboxServer(Corpus(self.POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            calls = server.stats.api[GET_INFO]
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api[GET_INFO] == calls
        row = rows(tmp_path / "h")[self.POSTS[1].photo_id]
        assert row["api_outcome"] == "private"
        assert row["title"] is row["description"] is row["tags"] is row["owner"] is None
        assert harvest_status(tmp_path / "h")["api"]["ok"] == len(self.POSTS) - 1

    @pytest.mark.parametrize("ispublic", [0, "0", False])
    def test_in_every_form(self, tmp_path: Path, ispublic: object) -> None:
        def change(it: Post) -> dict[str, Any]:
            shown = photo(it)
            shown["visibility"]["ispublic"] = ispublic
            return {"photo": shown, "stat": "ok"}

        published_list = write_votes(tmp_path / "list", [post(0)])
        with changed(change, [post(0)]) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        assert harvest_status(tmp_path / "h")["api"]["private"] == 1


class TestVideos:
    POSTS = tuple([post(n, media="video" if n % 3 == 0 else "photo") for n in range(12)])
    VIDEOS = tuple([it.photo_id for it in POSTS if it.media == "video"])

    @pytest.mark.parametrize("word", ["", "awe"], ids=["getInfo", "listing"])
    def test_nothing_of_them_is_kept_and_none_is_requested_again(
        self, tmp_path: Path, word: str
    ) -> None:
        posts = [
            post(n, media=it.media, tags=(word, "river") if word else it.tags)
            for n, it in enumerate(self.POSTS)
        ]
        published_list, out = write_votes(tmp_path / "list", posts), tmp_path / "h"
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), quiet)
            assert bool(server.stats.api[GET_INFO]) != bool(word)
            server.stats.reset()
            crawl(options(published_list, out, server), quiet)
            assert server.stats.api.total() == server.stats.images == 0
            crawl(options(published_list, out, server, refresh=True), quiet)
            assert not set(self.VIDEOS) & (set(server.stats.info_ok) | set(server.stats.image_ok))
        status = harvest_status(out)
        assert (status["api"]["video"], status["image"]["video"]) == (4, 4)
        assert (status["api"]["ok"], status["image"]["ok"]) == (8, 8)
        for photo_id in self.VIDEOS:
            row = rows(out)[photo_id]
            assert row["title"] is row["tags"] is row["image_sha256"] is None
            assert not image_path(out / "images", photo_id).exists()

    def test_a_data_set_leaves_them_out_and_says_so(self, tmp_path: Path) -> None:
        published_list, out = write_votes(tmp_path / "list", self.POSTS), tmp_path / "h"
        with SandboxServer(Corpus(self.POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), quiet)
        harvest = Harvest(out)
        found = harvest.posts(min_votes=1).read(1, 100)
        harvest.close()
        reasons = {it["photo_id"]: it.get("reason") for it in found}
        assert reasons == {
            it.photo_id: "video" if it.media == "video" else None for it in self.POSTS
        }

    def test_a_post_that_was_kept_before_is_dropped(self, tmp_path: Path) -> None:
        before = [post(n) for n in range(12)]
        published_list, out = write_votes(tmp_path / "list", before), tmp_path / "h"
        with SandboxServer(Corpus(before), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server), quiet)
        with SandboxServer(Corpus(self.POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, out, server, refresh=True), quiet)
        assert harvest_status(out)["api"]["video"] == 4
        assert not [it for it in self.VIDEOS if image_path(out / "images", it).exists()]


_ABSENT = object()
FORMS = {
    **{"missing": _ABSENT, "null": None, "object": {}, "list": [], "number": 7, "text": "abc"},
    **{"list of text": ["a b"], "nested": {"_content": None}, "true": True},
}
PARTS = (
    *("title", "description", "tags", "owner", "dates", "license", "visibility", "media"),
    *("urls", "notes", "people", "usage", "comments", "farm", "dateuploaded", "views"),
)


class TestOptionalParts:
    """Each part of an answer in every form: the post is ``ok``, its other parts do not change."""

    VARIANTS = tuple([(part, form) for part in PARTS for form in FORMS])
    POSTS = tuple([post(number) for number in range(len(VARIANTS))])

    def variant(self, it: Post) -> dict[str, Any]:
        part, form = self.VARIANTS[int(it.photo_id) - 3_700_000_000]
        shown = photo(it)
        if FORMS[form] is _ABSENT:
            del shown[part]
        else:
            shown[part] = FORMS[form]
        return {"photo": shown, "stat": "ok"}

    def test_of_get_info(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", self.POSTS)
        with changed(self.variant, self.POSTS) as server:
            report = crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api[GET_INFO] == len(self.POSTS)
        assert report.lost == 0
        found = rows(tmp_path / "h")
        for (part, form), it in zip(self.VARIANTS, self.POSTS, strict=True):
            row = found[it.photo_id]
            assert row["api_outcome"] == "ok", (part, form, row["api_error"])
            expected = {
                **{"title": it.title, "description": it.description, "owner": it.owner},
                **{"tags": json.dumps(sorted(it.tags)), "license": str(it.license)},
                **{"date_upload": it.date_upload, "farm": str(it.farm)},
            }
            column = {"dateuploaded": "date_upload"}.get(part, part)
            told = expected.pop(column, None)
            assert {name: row[name] for name in expected} == expected, (part, form)
            if column in ("title", "description"):
                assert row[column] == {"number": "7", "text": "abc"}.get(form, "")
            if column == "tags":
                words = {"number": ["7"], "text": ["abc"], "list of text": ["a b"]}
                assert json.loads(row["tags"]) == words.get(form, [])
            assert told is None or row[column] != told or column == "farm"

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("part", ["title", "description", "tags", "owner", "media"])
    def test_of_a_listing(self, tmp_path: Path, part: str, form: str) -> None:
        it = post(0)
        extras = ["description", "tags", "license", "date_upload", "date_taken", "media"]
        entry = listed(it, extras)
        if FORMS[form] is _ABSENT:
            del entry[part]
        else:
            entry[part] = FORMS[form]
        page = parse_listing({"photos": {"photo": [entry]}, "stat": "ok"})
        if FORMS[form] is _ABSENT and part in ("title", "description", "tags"):
            assert (page.answers, page.refused) == ((), 1)  # getInfo will provide it.
            return
        (answer,) = page.answers
        assert answer.reference.photo_id == it.photo_id
        assert answer.date_upload == it.date_upload
        if part == "owner":
            assert answer.owner in (None, "7", "abc")


class TestUnknownCodes:
    POSTS = tuple([post(number) for number in range(12)])

    def test_an_unknown_code_is_a_failure_of_its_photo(self, tmp_path: Path) -> None:
        asked: Counter[str] = Counter()
        odd = self.POSTS[0].photo_id

        def answer(request: Asked) -> None:
            asked[request.photo_id] += 1
            if not request.form:
                request.send(200, jpeg(int(request.path.partition("_")[0][-2:])))
            elif request.photo_id == odd:
                request.send(200, b'{"stat":"fail","code":4711,"message":"no such thing"}')
            elif request.photo_id:
                it = post(int(request.photo_id) - 3_700_000_000)
                request.send(200, json.dumps({"photo": photo(it), "stat": "ok"}).encode())
            else:
                request.send(200, b'{"stat":"ok","photos":{"photo":[],"pages":0}}')

        published_list = write_votes(tmp_path / "list", self.POSTS)
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server, retry=EIGHT)  # type: ignore[arg-type]
            for calls in (2, 4):  # Two calls in this crawl, and no more in the next.
                report = crawl(made, quiet)
                assert report.lost == 1
                assert asked[odd] == calls
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["failed"]) == (11, 1)
        assert status["failures"][0]["reason"] == "Error: 4711: no such thing"

    @pytest.mark.parametrize("code", [3, 18, 111, 112, 114, 115, 116])
    def test_the_same_wrong_call_for_all_photos_stops_the_crawl(
        self, tmp_path: Path, code: int
    ) -> None:
        asked: list[str] = []

        def answer(request: Asked) -> None:
            if not request.form:
                request.send(200, jpeg(1))
                return
            asked.append(request.photo_id)
            request.send(200, json.dumps({"stat": "fail", "code": code, "message": "?"}).encode())

        published_list = write_votes(tmp_path / "list", self.POSTS)
        with serving(answer) as server:
            made = options(published_list, tmp_path / "h", server, retry=EIGHT)  # type: ignore[arg-type]
            with pytest.raises(HarvestError, match="bug of this program, or --flickr-url"):
                crawl(made, quiet)
        assert len(asked) < 20

    def test_106_is_temporary(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", self.POSTS)
        with SandboxServer(Corpus(self.POSTS), faults="code-106=0.3", keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.faults["code-106"] > 0
        assert harvest_status(tmp_path / "h")["api"]["ok"] == len(self.POSTS)

    def test_a_complete_answer_without_a_post_is_requested_twice(self, tmp_path: Path) -> None:
        asked: Counter[str] = Counter()

        def change(it: Post) -> dict[str, Any] | None:
            asked[it.photo_id] += 1
            return {"photo": {"id": "1"}, "stat": "ok"} if it.photo_id.endswith("0") else None

        published_list = write_votes(tmp_path / "list", self.POSTS)
        with changed(change, self.POSTS) as server:
            made = options(published_list, tmp_path / "h", server, retry=EIGHT)
            crawl(made, quiet)
            bad = {it.photo_id for it in self.POSTS if it.photo_id.endswith("0")}
            assert {it: asked[it] for it in bad} == dict.fromkeys(bad, 2)
        status = harvest_status(tmp_path / "h")
        assert status["api"]["failed"] == len(bad)


class Strange(SandboxServer):
    """A sandbox whose API gives another answer to its first calls."""

    left = 200
    response = Response(200, b"")

    def answer(self, request: Request) -> Response:
        """Give that answer to the first calls."""
        if request.path.startswith("/services/") and self.left > 0:
            self.left -= 1
            return self.response
        return super().answer(request)


class TestNoAnswerAtAll:
    POSTS = tuple([post(number) for number in range(25)])
    XML = b'<?xml version="1.0"?><rsp stat="fail"><err code="201" msg="not available" /></rsp>'

    @pytest.mark.parametrize(
        "body",
        [b"<html><h1>massage</h1></html>", XML, b"", b'{"stat":"ok","photo":{"id"', b"[" * 9999],
        ids=["HTML", "XML", "empty", "cut", "nested"],
    )
    def test_five_in_a_row_are_an_outage_that_is_waited_for(
        self, tmp_path: Path, body: bytes
    ) -> None:
        published_list = write_votes(tmp_path / "list", self.POSTS)
        said: list[str] = []
        with Strange(Corpus(self.POSTS), keys={KEY: SECRET}) as server:
            server.response = Response(200, body)
            report = crawl(
                options(published_list, tmp_path / "h", server, retry=EIGHT), said.append
            )
            assert server.left == 0
        assert report.lost == 0
        assert [line for line in said if "does not answer (5 failures in a row)" in line]

    def test_a_failure_in_xml_is_the_failure_that_it_names(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", self.POSTS)
        with Strange(Corpus(self.POSTS), keys={KEY: SECRET}) as server:
            server.response = Response(200, self.XML.replace(b"201", b"100"), "text/xml")
            with pytest.raises(HarvestError, match="refused the API key"):
                crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.left == 199

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_named_and_never_followed(self, tmp_path: Path, status: int) -> None:
        elsewhere: list[str] = []

        def moved(request: Asked) -> None:
            elsewhere.append(request.path)
            request.send(200, b"")

        published_list = write_votes(tmp_path / "list", self.POSTS)
        with (
            serving(moved) as other,
            Strange(Corpus(self.POSTS), keys={KEY: SECRET}) as server,
        ):
            target = f"{other.url}/new/rest/?oauth_consumer_key={KEY}"
            server.response = Response(status, headers=f"Location: {target}\r\n")
            with pytest.raises(HarvestError) as error:
                crawl(options(published_list, tmp_path / "h", server), quiet)
            assert f"redirects to {other.url}/new/rest/;" in str(error.value)
            assert "--flickr-url" in str(error.value)
            assert server.left == 199  # The call that checks the key.
        assert elsewhere == []
        assert KEY not in str(error.value)
        assert harvest_status(tmp_path / "h")["api"]["pending"] == len(self.POSTS)


class TestSecrets:
    def test_no_spelling_of_them_is_stored_or_shown(self, tmp_path: Path) -> None:
        secret = "it's a/secret+with=signs & spaces"
        escaped = quote(secret, safe="")
        hidden = [KEY, secret, quote(secret), quote_plus(secret), escaped, quote(escaped, safe="")]
        said: list[str] = []

        def answer(request: Asked) -> None:
            if not request.form:
                request.send(200, jpeg(1))
                return
            header = request.headers["Authorization"]
            body = {"stat": "fail", "code": 77, "message": f"{header[-60:]} {' '.join(hidden)}"}
            request.send(200, json.dumps(body).encode())
            signature = header.partition('oauth_signature="')[2].partition('"')[0]
            signatures.append(signature)

        signatures: list[str] = []
        published_list = write_votes(tmp_path / "list", [post(0), post(1)])
        with serving(answer) as server:
            made = options(
                published_list,
                tmp_path / "h",
                server,  # type: ignore[arg-type]
                api_secret=secret,
                retry=EIGHT,
            )
            crawl(made, said.append)
        ledger = b"".join(path.read_bytes() for path in (tmp_path / "h").glob("ledger*")).decode(
            "latin-1"
        )
        assert "Error: 77" in ledger
        shown = ledger + "".join(said) + json.dumps(harvest_status(tmp_path / "h"))
        for form in (*hidden, *signatures, *map(unquote, signatures)):
            assert form not in shown


class TestKeyCheck:
    def test_it_depends_on_no_photo(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(6)]
        published_list = write_votes(tmp_path / "list", posts)

        class Odd(SandboxServer):
            def answer(self, request: Request) -> Response:
                if posts[0].photo_id.encode() in request.body:
                    return fail(4711, "no such thing", JSON)
                return super().answer(request)

        with Odd(Corpus(posts), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api["flickr.test.echo"] == 1
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["failed"]) == (5, 1)
        assert status["calls"]["total"] == sum(server.stats.api.values()) + 2

    def test_nothing_is_asked_where_no_call_is_due(self, tmp_path: Path) -> None:
        posts = [post(number) for number in range(3)]
        published_list = write_votes(tmp_path / "list", posts)
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
            server.stats.reset()
            crawl(options(published_list, tmp_path / "h", server), quiet)
            assert server.stats.api.total() == 0

    def test_a_list_that_begins_with_an_owner_who_left_is_crawled(self, tmp_path: Path) -> None:
        posts = [post(n, status="deleted" if n < 60 else "ok") for n in range(90)]
        published_list = write_votes(tmp_path / "list", posts)
        with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), quiet)
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (30, 60)
