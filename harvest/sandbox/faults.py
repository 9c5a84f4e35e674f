"""A seeded plan of faults, so that a crawl against a failing Flickr can be repeated exactly.

A plan is one line with a rate for each kind:

    429=0.1,429-retry-after=0.05,503=0.1,hang=0.01,cut-json=0.05,code-105=0.05,image-half=0.1,seed=7

- API: `429`, `429-retry-after` (asks to wait a second), `500`, `502`, `503`, `504`, `hang` (no
  answer, then the connection closes), `reset` (in the middle of the body), `html` (a page with a
  200), `cut-json` (half the answer with a 200), `empty` (no body with a 200), `code-N` (Flickr's
  fail envelope, N one of `CODES`).
- Pictures: `image-429`, `image-429-retry-after`, `image-500`, `image-502`, `image-503`,
  `image-504`, `image-hang`, `image-reset`, `image-half` (half a JPEG with a 200).
- A picture host in trouble: `image-403`, `image-404`, `image-410`, `image-placeholder` (refuse
  existing pictures), `image-page` (HTML with a 200). `image-after=N` serves the first N requests.
- `seed` (default 0) and `hang-seconds` (default 30).

Whether a request fails follows only from a digest of seed, kind, request and the number of earlier
requests for the same thing, and not from the order in which threads arrive. The kinds are drawn
independently, in the order of the plan, and the first that fires is used. Each further attempt
draws again.
"""

import math
import threading
from collections import Counter
from dataclasses import dataclass

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.posts import derived

UNAVAILABLE = "Sorry, the Flickr API service is not currently available."
CODES = {
    0: UNAVAILABLE,
    1: "Photo not found",
    2: "Permission denied",
    3: "Parameterless searches have been disabled. Please use flickr.photos.getRecent instead.",
    5: "User deleted",
    10: "Sorry, the Flickr search API is not currently available.",
    18: "Illogical arguments",
    20: "Excessive photo offset in search",
    95: "SSL is required",
    96: "Invalid signature",
    97: "Missing signature",
    98: "Login failed / Invalid auth token",
    99: "Insufficient permissions. Method requires read privileges; none granted.",
    100: "Invalid API Key (Key has expired)",
    105: "Service currently unavailable",
    106: "Write operation failed",
    111: 'Format "json" not found',
    112: 'Method "flickr.photos.getInfo" not found',
    114: "Invalid SOAP envelope",
    115: "Invalid XML-RPC Method Call",
    116: "Bad URL found",
    201: UNAVAILABLE,
}
"""Flickr's fail codes with their messages."""

_STATUSES = ("429", "500", "502", "503", "504", "hang", "reset")
API_KINDS = frozenset(
    (*_STATUSES, "429-retry-after", "html", "cut-json", "empty", *(f"code-{n}" for n in CODES))
)
IMAGE_KINDS = frozenset(
    (*(f"image-{kind}" for kind in _STATUSES), "image-429-retry-after", "image-half")
)
TROUBLE_KINDS = frozenset(f"image-{kind}" for kind in ("403", "404", "410", "placeholder", "page"))
"""Faults of a picture host that refuses existing pictures, or sends pages instead of them."""


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """The kinds of faults, their rates, and the seed that decides which requests fail."""

    rates: tuple[tuple[str, float], ...] = ()
    """Kind and rate (0 to 1), in the order in which they are drawn."""
    seed: int = 0
    hang_seconds: float = 30.0
    image_after: int = 0
    """This many first requests for pictures do not fail."""

    @classmethod
    def parse(cls, text: str) -> "FaultPlan":
        """Read a plan such as `429=0.1,hang=0.01,seed=7`.

        Raises ``HarvestError`` if an entry is not `name=number`, a kind is unknown or occurs twice,
        or a rate is not from 0 to 1.
        """
        rates: dict[str, float] = {}
        seed, hang_seconds, image_after = 0, 30.0, 0
        for entry in filter(None, (part.strip() for part in text.split(","))):
            kind, _, written = entry.partition("=")
            try:
                number = float(written)
            except ValueError:
                number = math.nan
            if math.isnan(number) or number < 0 or math.isinf(number):
                raise HarvestError(f"--faults: {entry!r} is not name=number, such as 429=0.1")
            if kind in ("seed", "image-after"):
                if number != int(number):
                    raise HarvestError(f"--faults: {entry!r}: {kind} must be a whole number")
                if kind == "seed":
                    seed = int(number)
                else:
                    image_after = int(number)
            elif kind == "hang-seconds":
                hang_seconds = number
            elif kind not in API_KINDS | IMAGE_KINDS | TROUBLE_KINDS:
                raise HarvestError(f"--faults: unknown kind {kind!r}; known: {_known()}")
            elif kind in rates or number > 1:
                raise HarvestError(
                    f"--faults: {entry!r}: give each kind once, with a rate from 0 to 1"
                )
            else:
                rates[kind] = number
        return cls(
            rates=tuple(rates.items()),
            seed=seed,
            hang_seconds=hang_seconds,
            image_after=image_after,
        )


def _known() -> str:
    every = API_KINDS | IMAGE_KINDS | TROUBLE_KINDS
    kinds = sorted(kind for kind in every if not kind.startswith("code-"))
    return ", ".join([*kinds, "code-N", "seed", "hang-seconds", "image-after"])


class Faults:
    """A plan in use: counts the requests for each thing, and draws their faults."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._api = [(kind, rate) for kind, rate in plan.rates if kind in API_KINDS]
        of_images = IMAGE_KINDS | TROUBLE_KINDS
        self._image = [(kind, rate) for kind, rate in plan.rates if kind in of_images]
        self._images_left = plan.image_after
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def api(self, key: str) -> str | None:
        """Return the fault of the next call for `key` (a method and its subject), or None."""
        return self._draw(self._api, key)

    def image(self, key: str) -> str | None:
        """Return the fault of the next request for the picture at `key` (its path), or None."""
        with self._lock:
            self._images_left -= 1
            if self._images_left >= 0:
                return None
        return self._draw(self._image, key)

    def _draw(self, rates: list[tuple[str, float]], key: str) -> str | None:
        if not rates:
            return None
        with self._lock:
            self._attempts[key] += 1
            attempt = self._attempts[key]
        for kind, rate in rates:
            if derived(self.plan.seed, kind, key, attempt) < rate * 2**64:
                return kind
        return None
