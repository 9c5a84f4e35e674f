"""The crawl: from a published list to a harvest folder, in two stages that run side by side.

Pictures come first because they cost no quota: one that is gone settles its post, and only the rest
are worth a call. Every outcome is in the ledger before the next call is made.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from harvest.api import FlickrClient
from harvest.dispatch import Dispatcher, Stage
from harvest.errors import HarvestError
from harvest.images import ImageFetcher
from harvest.ledger import FILE_NAME, Ledger
from harvest.listing import add_list
from harvest.pacing import HOUR, Pacer
from harvest.photo_url import LIVE_HOST
from harvest.progress import CrawlProgress
from harvest.retry import RetryPolicy
from harvest.sources.detection import open_list
from harvest.stages import ApiStage, ImageStage

_SHOWN_ROWS = 20
_REST_URL = "https://api.flickr.com/services/rest/"
_IMAGES_URL = f"https://{LIVE_HOST}"


@dataclass(frozen=True, kw_only=True)
class CrawlOptions:
    """What ``crawl`` was asked to do."""

    published_list: Path
    out: Path
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    flickr_url: str | None = None
    """None: Flickr. Else the API is at URL/services/rest/ and every picture below URL."""
    images: bool = True
    """Fetch the pictures; without, only whether they are there is asked."""
    quota: int = 3600
    """API calls in an hour; 0 for no limit."""
    verify_gone: bool = False
    """Spend a call on posts whose picture is gone."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    image_workers: int = 16
    api_workers: int = 4

    def __post_init__(self) -> None:
        """Check what can be checked before anything is written."""
        if not self.api_key or not self.api_secret:
            raise HarvestError(
                "no API key: set FLICKR_API_KEY and FLICKR_API_SECRET, or give --api-key and "
                "--api-secret (a trial needs none: `python cli.py demo`)"
            )
        if self.quota < 0:
            raise HarvestError(
                f"--quota {self.quota}: give the calls in an hour, or 0 for no limit"
            )


@dataclass(frozen=True, kw_only=True)
class CrawlReport:
    """What a crawl did."""

    rejected: int
    """Rows of the list that name no photo."""
    interrupted: bool
    photos: int
    lost: int
    """Photos whose post or picture is ``failed`` or ``corrupt``."""


def crawl(options: CrawlOptions, say: Callable[[str], None]) -> CrawlReport:
    """Run a crawl, or go on with one, until nothing is due or it is interrupted.

    ``say`` is told what a reader of a log should know. Raises ``HarvestError``.
    """
    published = open_list(options.published_list)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(options.out / ".crawl.lock", timeout=0)
        with lock, Ledger(options.out / FILE_NAME, create=True) as ledger:
            rejected = add_list(ledger, published)
            for line in rejected[:_SHOWN_ROWS]:
                say(f"skipped {line}")
            if (more := len(rejected) - _SHOWN_ROWS) > 0:
                say(f"skipped {more} more rows: table `rejected` of the ledger names them")
            interrupted = _run(options, ledger, say)
            photos, lost = _losses(ledger, options)
            return CrawlReport(
                rejected=len(rejected), interrupted=interrupted, photos=photos, lost=lost
            )
    except Timeout:
        raise HarvestError(
            f"another crawl is at work on {options.out}: wait for it, or give another --out"
        ) from None
    except (OSError, sqlite3.OperationalError) as error:
        raise HarvestError(
            f"the harvest folder {options.out} cannot be written ({error}): "
            "the same command goes on where this one stopped"
        ) from None


def _run(options: CrawlOptions, ledger: Ledger, say: Callable[[str], None]) -> bool:
    ledger.set_meta("service", "other" if options.flickr_url else "flickr")
    ledger.start_crawl(verify_gone=options.verify_gone)
    base = (options.flickr_url or "").rstrip("/")
    fetcher = ImageFetcher(
        base or _IMAGES_URL, connections=max(options.image_workers, options.api_workers)
    )
    client = FlickrClient(
        key=options.api_key,
        secret=options.api_secret,
        rest_url=f"{base}/services/rest/" if base else _REST_URL,
        connections=options.api_workers,
        spend=ledger.record_call,
    )
    api = ApiStage(
        ledger,
        client,
        Pacer(options.quota, ledger.call_times(since=time.time() - HOUR)),
        prober=None if options.images or options.verify_gone else fetcher,
        after_image=options.images,
        retry=options.retry,
        workers=options.api_workers,
    )
    stages: list[Stage] = [api]
    if options.images:
        image = ImageStage(
            ledger,
            fetcher,
            folder=options.out / "images",
            retry=options.retry,
            workers=options.image_workers,
        )
        stages.append(image)
    dispatcher = Dispatcher(ledger, stages, stopped=api.stopped)
    try:
        with CrawlProgress(ledger, quota=options.quota, images=options.images, say=say) as progress:
            dispatcher.run(progress.tick)
    except KeyboardInterrupt:
        return True
    finally:
        fetcher.close()
        client.close()
    return False


def _losses(ledger: Ledger, options: CrawlOptions) -> tuple[int, int]:
    image_lost = " OR image_outcome IN ('failed', 'corrupt')" if options.images else ""
    row = ledger.query(
        f"SELECT count(*) AS photos, total(api_outcome = 'failed'{image_lost}) AS lost FROM photos"
    )[0]
    return row["photos"], int(row["lost"])
