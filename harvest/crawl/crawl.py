"""The crawl: from published lists to a harvest folder, in two stages that run side by side.

Pictures come first because they cost no quota: one that is gone settles its post, and only the rest
are worth a call. Which calls those are is the planner's business. Every outcome is in the ledger
before the next call is made.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.calls.forecast import PlanRecord
from flickr_emotion.harvest.checks.pictures import pictures_on_disk
from flickr_emotion.harvest.crawl import withdrawals
from flickr_emotion.harvest.crawl.api_stage import ApiStage
from flickr_emotion.harvest.crawl.dispatch import Dispatcher
from flickr_emotion.harvest.crawl.key_check import check_key
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.crawl.planner import Planner
from flickr_emotion.harvest.crawl.progress import CrawlProgress, Snapshot
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.image_hosts.client import prober
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.image_hosts.stage import ImageStage
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.intake.manifests import size_to_fetch
from flickr_emotion.harvest.intake.metadata import add_metadata
from flickr_emotion.harvest.ledger.folder import (
    harvest_at_work,
    keep_to_one_service,
    keep_to_one_size,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import PublishedList
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR, Pacer
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from flickr_emotion.harvest.yfcc100m.files import open_metadata

_SHOWN_ROWS = 20

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CrawlReport:
    """What a crawl did."""

    rejected: int
    """Rows of the lists that name no photo."""
    interrupted: bool
    photos: int
    lost: int
    """Photos whose post or picture is ``failed`` or ``corrupt``."""
    kept_back: int = 0
    """Posts that the API calls withdrawn, too many to be dropped unasked."""


def crawl(
    options: CrawlOptions, say: Say, show: Callable[[Snapshot], None] | None = None
) -> CrawlReport:
    """Run a crawl, or go on with one, until nothing is due or it is interrupted.

    ``say`` is told what a reader of a log should know, ``show`` now and then how far it is; without
    a ``show``, a terminal gets bars and a log lines. Raises ``HarvestError``.
    """
    published = open_lists(options.published_lists)
    options = sized(options, published, say)
    metadata = open_metadata(options.metadata) if options.metadata else None
    with (
        harvest_at_work(options.out) as ledger,
        pictures_on_disk(ledger, options.out / "images", say),
    ):
        rejected = take_in(ledger, published, options, say)
        if options.metadata and metadata:
            add_metadata(ledger, options.metadata, metadata, options.out / "images", say)
        interrupted = _run(options, ledger, say, show)
        kept_back = 0
        if not interrupted:
            most = options.max_withdrawn
            if living := withdrawals.controls(ledger, most):
                with calls_of(options, ledger, say, threading.Event()) as calls:
                    withdrawals.ask_controls(ledger, living, calls.check_photo)
            kept_back = withdrawals.finish(ledger, options.out / "images", most=most, say=say)
        photos, lost = _losses(ledger, options)
        return CrawlReport(
            rejected=rejected,
            interrupted=interrupted,
            photos=photos,
            lost=lost,
            kept_back=kept_back,
        )


def open_lists(paths: tuple[Path, ...]) -> list[PublishedList]:
    """Open the lists of one crawl; raises ``HarvestError`` where they do not go together."""
    published = [open_list(path) for path in paths]
    if len(paths) > 1 and any(it.manifest for it in published):
        raise HarvestError(
            f"{', '.join(map(str, paths))}: a manifest is crawled by itself, one a harvest; give "
            "each a crawl and a harvest folder of its own (--out)"
        )
    if len({it.kind for it in published}) > 1:
        raise HarvestError(
            f"{', '.join(map(str, paths))} are lists of two kinds, votes and sentiment: give each "
            "kind a crawl and a harvest folder of its own (--out)"
        )
    of_name: dict[str, Path] = {}
    for path, it in zip(paths, published, strict=True):
        for file in it.files:
            if (other := of_name.setdefault(file.name, path)) is not path:
                raise HarvestError(
                    f"{other} and {path} both hold a list file {file.name}: rename one of the "
                    "folders, or the ledger could not tell their rows apart"
                )
    return published


def sized(options: CrawlOptions, published: list[PublishedList], say: Say) -> CrawlOptions:
    """Return the options with the size of the pictures that a manifest asks for."""
    manifest = published[0].manifest
    if manifest is None or not options.images:
        return options
    return replace(options, image_size=size_to_fetch(manifest, options.image_size, say))


def take_in(ledger: Ledger, published: list[PublishedList], options: CrawlOptions, say: Say) -> int:
    """Put lists into a ledger and make due what is asked for; return the rows without a photo."""
    keep_to_one_service(ledger, servers(options.flickr_url).service)
    if options.images:
        keep_to_one_size(ledger, options.image_size)
    rejected = 0
    for it in published:
        rejected = add_list(ledger, it, say)
    rows = ledger.query("SELECT * FROM rejected ORDER BY file, row LIMIT ?", (_SHOWN_ROWS,))
    for row in rows:
        say(f"skipped {row['file']}:{row['row'] or ''} {row['reason']}: {row['detail']}")
    if rejected > len(rows):
        say(f"skipped {rejected - len(rows)} more rows: table `rejected` of the ledger names them")
    refresh = options.refresh and not withdrawals.told(ledger, options.max_withdrawn)
    if refresh:
        withdrawals.begin_anew(ledger)
    else:
        withdrawals.go_on(ledger)
    ledger.start_crawl(
        images=options.images,
        verify_gone=options.verify_gone,
        refresh=refresh,
        limit=options.limit,
    )
    if refresh:
        PlanRecord().save(ledger)  # what listings brought before says nothing of this time
    ledger.set_meta("quota", str(options.quota))
    return rejected


def _run(
    options: CrawlOptions, ledger: Ledger, say: Say, show: Callable[[Snapshot], None] | None
) -> bool:
    """Run both stages to their end; return whether they were interrupted before it."""
    stopped = threading.Event()
    with calls_of(options, ledger, say, stopped) as calls:
        with prober(
            servers(options.flickr_url), ImageHosts(retry=options.retry, say=say, ledger=ledger)
        ) as probe:
            check_key(ledger, calls, probe)
        hosts = ImageHosts(retry=options.retry, say=say, ledger=ledger)
        trust = PictureTrust(
            ledger,
            lambda name: hosts.named(name).breaker,
            settle_posts=not options.verify_gone,
            say=say,
        )
        pictures = ImageStage(
            ledger,
            servers(options.flickr_url),
            folder=options.out / "images",
            fetch=options.images,
            size=options.image_size,
            hosts=hosts,
            trust=trust,
            retry=options.retry,
            say=say,
            stopped=stopped,
        )
        trust.changed = pictures.wake
        posts = ApiStage(
            Planner(ledger, calls, trust), workers=options.api_workers, stopped=stopped
        )
        crawling = Dispatcher(
            ledger, [pictures, posts], unfinished=trust.unfinished, stopped=stopped
        )
        with CrawlProgress(ledger, quota=options.quota, say=say, show=show) as progress:
            interrupted = crawling.run(progress.tick, say)
        if not interrupted:
            trust.conclude()
        return interrupted


@contextmanager
def calls_of(
    options: CrawlOptions, ledger: Ledger, say: Say, stopped: threading.Event
) -> Iterator[ApiCalls]:
    """Open what makes the calls, at the pace that the quota and earlier calls leave."""
    client = FlickrClient(
        servers(options.flickr_url),
        key=options.api_key,
        secret=options.api_secret,
        connections=options.api_workers,
        spend=ledger.record_call,
        stopped=stopped,
    )
    try:
        yield ApiCalls(
            ledger,
            client,
            Pacer(options.quota, ledger.call_times(since=now() - HOUR)),
            Breaker("Flickr's API", retry=options.retry, say=say),
            images=options.out / "images",
            retry=options.retry,
            stopped=stopped,
        )
    finally:
        client.close()


def _losses(ledger: Ledger, options: CrawlOptions) -> tuple[int, int]:
    image_lost = " OR image_outcome IN ('failed', 'corrupt')" if options.images else ""
    row = ledger.query(
        f"SELECT count(*) AS photos, total(api_outcome = 'failed'{image_lost}) AS lost FROM photos"
    )[0]
    return row["photos"], int(row["lost"])
