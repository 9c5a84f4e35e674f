"""The crawl: from a published list to a harvest folder, in two stages that run side by side.

Pictures come first because they cost no quota: one that is gone settles its post, and only the rest
are worth a call. Every outcome is in the ledger before the next call is made.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from harvest.api import FlickrClient
from harvest.api_stage import ApiStage
from harvest.dispatch import Dispatcher, Stage
from harvest.errors import HarvestError
from harvest.image_client import SIZES, prober
from harvest.image_hosts import ImageHosts
from harvest.image_stage import ImageStage
from harvest.key_check import check_key
from harvest.ledger import Ledger
from harvest.ledger_file import FILE_NAME
from harvest.listing import add_list
from harvest.pacing import HOUR, Pacer
from harvest.progress import CrawlProgress
from harvest.retry import RetryPolicy
from harvest.servers import servers
from harvest.sources.detection import open_list

_SHOWN_ROWS = 20
_LOCK_NAME = ".crawl.lock"


@dataclass(frozen=True, kw_only=True)
class CrawlOptions:
    """What ``crawl`` was asked to do."""

    published_list: Path
    out: Path
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    flickr_url: str | None = None
    """Another server in Flickr's place (``harvest.servers``); None: Flickr."""
    images: bool = True
    """Fetch the pictures; without, only whether they are there is asked."""
    image_size: str = ""
    """``z``, ``c`` or ``b`` for the longest edge of 640, 800 or 1024 pixels, or the next smaller
    one that there is; 500 by default."""
    quota: int = 3600
    """API calls in an hour; 0 for no limit."""
    verify_gone: bool = False
    """Spend a call on posts whose picture is gone."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
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
        if self.image_size not in SIZES:
            raise HarvestError(
                f"--image-size {self.image_size!r}: give z, c or b (640, 800 or 1024 pixels), or "
                "leave it out for 500"
            )
        servers(self.flickr_url)


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
    try:
        published = open_list(options.published_list)
        options.out.mkdir(parents=True, exist_ok=True)
        _check_harvest_folder(options.out)
        lock = FileLock(options.out / _LOCK_NAME, timeout=0)
        with lock, Ledger(options.out / FILE_NAME, create=True) as ledger:
            _keep_to_one_service(ledger, servers(options.flickr_url).service)
            if options.images:
                _keep_to_one_size(ledger, options.image_size)
            rejected = add_list(ledger, published, say)
            _say_rejected(ledger, rejected, say)
            interrupted = _run(options, ledger, say)
            photos, lost = _losses(ledger, options)
            return CrawlReport(rejected=rejected, interrupted=interrupted, photos=photos, lost=lost)
    except Timeout:
        raise HarvestError(
            f"another crawl is at work on {options.out}: wait for it, or give another --out"
        ) from None
    except (OSError, sqlite3.Error) as error:
        raise HarvestError(
            f"the harvest folder {options.out} cannot be written ({error}): what it holds stays; "
            "make room, or give another --out"
        ) from None


def _check_harvest_folder(out: Path) -> None:
    """Refuse a folder of something else, so that no harvest is strewn among its files."""
    if (out / FILE_NAME).exists():
        return
    foreign = sorted({path.name for path in out.iterdir()} - {_LOCK_NAME})
    if foreign:
        raise HarvestError(
            f"{out} holds {foreign[0]!r}, which is no part of a harvest: give another --out"
        )


def _keep_to_one_service(ledger: Ledger, service: str) -> None:
    """Refuse to mix Flickr's posts with another server's: a data set says whose it holds."""
    known = ledger.meta("service")
    if known not in (None, service):
        whose = "Flickr's posts" if known == "flickr" else "another server's (--flickr-url)"
        raise HarvestError(
            f"{ledger.path} holds {whose}: give this crawl a harvest folder of its own (--out)"
        )
    ledger.set_meta("service", service)


def _keep_to_one_size(ledger: Ledger, size: str) -> None:
    """Refuse to mix sizes of pictures: nothing would tell which of them a post has."""
    known = ledger.meta("image_size")
    if known is None and ledger.outcome_counts("image")["ok"]:
        known = ""  # from before there was a choice
    if known not in (None, size):
        given = f"--image-size {known}" if known else "no --image-size"
        raise HarvestError(
            f"{ledger.path} holds pictures of another size: go on with {given}, or give this crawl "
            "a harvest folder of its own (--out)"
        )
    ledger.set_meta("image_size", size)


def _say_rejected(ledger: Ledger, rejected: int, say: Callable[[str], None]) -> None:
    rows = ledger.query("SELECT * FROM rejected ORDER BY file, row LIMIT ?", (_SHOWN_ROWS,))
    for row in rows:
        say(f"skipped {row['file']}:{row['row'] or ''} {row['reason']}: {row['detail']}")
    if rejected > len(rows):
        say(f"skipped {rejected - len(rows)} more rows: table `rejected` of the ledger names them")


def _run(options: CrawlOptions, ledger: Ledger, say: Callable[[str], None]) -> bool:
    """Run both stages to their end; return whether they were interrupted before it."""
    ledger.start_crawl(images=options.images, verify_gone=options.verify_gone)
    ledger.set_meta("quota", str(options.quota))
    asked = servers(options.flickr_url)
    client = FlickrClient(
        asked,
        key=options.api_key,
        secret=options.api_secret,
        connections=options.api_workers,
        spend=ledger.record_call,
    )
    pacer = Pacer(options.quota, ledger.call_times(since=time.time() - HOUR))
    try:
        with prober(asked, ImageHosts(retry=options.retry, say=say, ledger=ledger)) as probe:
            check_key(ledger, client, probe, pacer)
        return _run_stages(options, ledger, client, pacer, say)
    finally:
        client.close()


def _run_stages(
    options: CrawlOptions,
    ledger: Ledger,
    client: FlickrClient,
    pacer: Pacer,
    say: Callable[[str], None],
) -> bool:
    stopped = threading.Event()
    pictures = ImageStage(
        ledger,
        servers(options.flickr_url),
        folder=options.out / "images" if options.images else None,
        size=options.image_size,
        settle_posts=not options.verify_gone,
        retry=options.retry,
        say=say,
        stopped=stopped,
    )
    posts = ApiStage(
        ledger, client, pacer, retry=options.retry, workers=options.api_workers, stopped=stopped
    )
    stages: list[Stage] = [pictures, posts]
    with CrawlProgress(ledger, quota=options.quota, images=options.images, say=say) as progress:
        return Dispatcher(ledger, stages, stopped=stopped).run(progress.tick, say)


def _losses(ledger: Ledger, options: CrawlOptions) -> tuple[int, int]:
    image_lost = " OR image_outcome IN ('failed', 'corrupt')" if options.images else ""
    row = ledger.query(
        f"SELECT count(*) AS photos, total(api_outcome = 'failed'{image_lost}) AS lost FROM photos"
    )[0]
    return row["photos"], int(row["lost"])
