"""A changing Flickr whose true state is always known: photos appear, disappear and move.

Owners withdraw photos and show them again, replace and edit them; the image servers and the API
fail in various ways (`tests/harvest/moods.py`). Requests and answers are recorded, so that a test
knows for each photo what a crawl may have stored.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from flickr_emotion.harvest.sandbox import rest
from flickr_emotion.harvest.sandbox.images import PLACEHOLDER_PATH
from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.search import Index
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg
from tests.harvest.forked_crawls import send
from tests.harvest.moods import API_MOODS, FALSE_ANSWERS, FALSE_PICTURES, PICTURE_MOODS, Mood

Text = tuple[str, str]


@dataclass(slots=True)
class Photo:
    """A photo of the list, with its current and its earlier states."""

    post: Post
    video: bool = False
    opened: bool = False
    """Private, but its secret gives access: `getInfo` answers with `ispublic` 0."""
    texts: set[Text] = field(default_factory=set)
    """Every title and description that it ever had."""
    pictures: set[str] = field(default_factory=set)
    """SHA-256 of every picture that it ever had."""
    false_pictures: set[str] = field(default_factory=set)
    """SHA-256 of every other picture that was sent for it."""
    old_secrets: set[str] = field(default_factory=set)

    @property
    def public(self) -> bool:
        """Whether it exists and is public."""
        return self.post.status == "ok" and not self.opened and not self.video

    @property
    def withdrawn(self) -> bool:
        """Whether it must not be public."""
        return self.post.status != "ok" or self.opened


class _Photos:
    """What the sandbox serves: the current posts (`harvest.sandbox.corpus.Source`)."""

    def __init__(self, photos: dict[str, Photo]) -> None:
        self._photos = photos

    def get(self, photo_id: str) -> Post | None:
        photo = self._photos.get(photo_id)
        return photo.post if photo else None

    @property
    def index(self) -> Index:
        return Index(self)

    def __iter__(self) -> Iterator[Post]:
        # A listing only shows public photos.
        return iter([it.post for it in self._photos.values() if not it.opened])


class _Fresh:
    """Listings of the current posts (`harvest.sandbox.search.Listings`)."""

    def __init__(self, photos: _Photos) -> None:
        self._photos = photos

    def __getattr__(self, name: str) -> object:
        return getattr(self._photos.index, name)


@dataclass(slots=True)
class Asked:
    """The requests of one command, by photo."""

    calls: int = 0
    pictures: int = 0
    infos: dict[str, int] = field(default_factory=dict)
    """`getInfo` calls of each photo."""
    settled: dict[str, list[str]] = field(default_factory=dict)
    """Final answers of the API by photo: `ok`, `gone`, `private`."""

    @property
    def total(self) -> int:
        """The number of all requests."""
        return self.calls + self.pictures


class World(SandboxServer):
    """A server of photos that change; its methods are for the thread of the test."""

    def __init__(self, posts: Iterable[Post], *, videos: Iterable[str] = ()) -> None:
        """Start with both services well."""
        self.photos = {post.photo_id: Photo(post) for post in posts}
        for photo in self.photos.values():
            self._remember(photo)
        for photo_id in videos:
            self.photos[photo_id].video = True
        source = _Photos(self.photos)
        super().__init__(source, keys={KEY: SECRET})
        self._rest._methods._index = _Fresh(source)  # type: ignore[assignment]
        self.picture_mood: Mood | None = None
        self.api_mood: Mood | None = None
        self.asked = Asked()
        self._signals: list[tuple[int, int]] = []
        self._process = 0
        self._watch = threading.Lock()

    # Actions of owners.

    def change(self, photo_id: str, **fields: object) -> Photo:
        """Change a post, and remember its earlier state."""
        photo = self.photos[photo_id]
        photo.post = replace(photo.post, **fields)  # type: ignore[arg-type]
        self._remember(photo)
        return photo

    def replace_picture(self, photo_id: str, number: int) -> None:
        """Replace a photo's picture: it gets a new secret, and the old URL is dead."""
        photo = self.photos[photo_id]
        photo.old_secrets.add(photo.post.secret)
        secret = f"{derived('new', photo_id, number):016x}"[:10]
        self.change(photo_id, secret=secret, image=jpeg(derived(photo_id, number)))

    def _remember(self, photo: Photo) -> None:
        photo.texts.add((photo.post.title, photo.post.description))
        photo.pictures.add(sha256(photo.post.jpeg()).hexdigest())

    # Effects on a command.

    def begin(self, *, signals: Iterable[tuple[int, int]] = ()) -> None:
        """Count for a new command; `signals` are sent to it after the given numbers of requests."""
        with self._watch:
            self.asked = Asked()
            self._process = 0
            self._signals = sorted(signals)

    def watch(self, pid: int) -> None:
        """Set the process of the command."""
        with self._watch:
            self._process = pid

    def end(self) -> None:
        """The command has ended: send no more signals."""
        with self._watch:
            self._process = 0
            self._signals = []

    def answer(self, request: Request) -> Response:
        """Answer by the current state and the moods."""
        api = request.path in rest.PATHS
        with self._watch:
            self.asked.calls += api
            self.asked.pictures += not api
            while self._signals and self._process and self._signals[0][0] <= self.asked.total:
                send(self._process, self._signals.pop(0)[1])
        return self._api_answer(request) if api else self._picture_answer(request)

    def _api_answer(self, request: Request) -> Response:
        params = dict(rest.parameters(request))
        photo_id = params.get("photo_id", "")
        with self._watch:
            if photo_id:
                self.asked.infos[photo_id] = self.asked.infos.get(photo_id, 0) + 1
            mood = self.api_mood
            ill = mood is not None and mood.takes(photo_id or params.get("method", ""))
        response = super().answer(request)
        if ill and mood:
            response = API_MOODS[mood.kind](response)
            if mood.kind in FALSE_ANSWERS and photo_id:
                self._settled(photo_id, "gone" if mood.kind == "code-1" else "private")
            return response
        content = json.loads(response.body)
        if "photo" in content:
            photo = self.photos[photo_id]
            content["photo"]["media"] = "video" if photo.video else "photo"
            content["photo"]["visibility"]["ispublic"] = int(not photo.opened)
            response.body = json.dumps(content).encode()
            self._settled(photo_id, "private" if photo.opened else "ok")
        elif photo_id and content.get("code") in (1, 2):
            self._settled(photo_id, "gone" if content["code"] == 1 else "private")
        for entry in content.get("photos", {}).get("photo", []):
            if "media" in entry and self.photos[entry["id"]].video:
                entry["media"] = "video"
                response.body = json.dumps(content).encode()
        return response

    def _settled(self, photo_id: str, outcome: str) -> None:
        with self._watch:
            self.asked.settled.setdefault(photo_id, []).append(outcome)

    def _picture_answer(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        photo_id, _, rest_of_name = name.partition("_")
        photo = self.photos.get(photo_id)
        response = super().answer(request)
        if photo is None:
            return response
        if rest_of_name.partition(".")[0] in photo.old_secrets:
            response = _moved(photo_id)
        with self._watch:
            mood = self.picture_mood
            ill = mood is not None and mood.takes(photo_id)
        if ill and mood:
            response = PICTURE_MOODS[mood.kind](response)
            if mood.kind in FALSE_PICTURES:
                photo.false_pictures.add(sha256(response.body).hexdigest())
        return response


def _moved(photo_id: str) -> Response:
    """Return the answer of an old URL after a replacement: one of three, always the same."""
    which = derived("moved", photo_id) % 3
    if which == 0:
        return Response(302, headers=f"Location: {PLACEHOLDER_PATH}\r\n")
    return Response((404, 410)[which - 1], b"Not Found\n")
