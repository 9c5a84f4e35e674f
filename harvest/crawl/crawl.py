"""The crawl: from published lists to a harvest folder, in two stages that run side by side.

Pictures come first because they cost no quota: a missing picture settles its post, and only the
others are worth a call. The planner chooses the calls. Every outcome is in the ledger before the
next call is made.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from flickr_emotion.common.printing import say
from flickr_emotion.harvest.checks.pictures import pictures_on_disk
from flickr_emotion.harvest.crawl import withdrawals
from flickr_emotion.harvest.crawl.api_stage import ApiStage
from flickr_emotion.harvest.crawl.dispatch import Dispatcher
from flickr_emotion.harvest.crawl.key_check import check_key
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.crawl.planner import Planner
from flickr_emotion.harvest.crawl.progress import CrawlProgress, Snapshot
from flickr_emotion.harvest.crawl.session import CrawlScope, CrawlSession, Say, open_session
from flickr_emotion.harvest.image_hosts.stage import ImageStage
from flickr_emotion.harvest.intake.metadata import add_metadata
from flickr_emotion.harvest.ledger.rows.counts import losses
from flickr_emotion.harvest.ledger.takedown import finish_takedown
from flickr_emotion.harvest.trust.picture_trust import PictureTrust
from flickr_emotion.harvest.yfcc100m.files import open_metadata


@dataclass(frozen=True, kw_only=True)
class CrawlReport:
    """The result of a crawl."""

    rejected: int
    """Number of rows of the lists that name no photo."""
    interrupted: bool
    photos: int
    lost: int
    """Number of photos whose post or picture is ``failed`` or ``corrupt``."""
    kept_back: int = 0
    """Number of withdrawn posts that were kept because they are too many to drop by default."""


def crawl(
    options: CrawlOptions, say: Say = say, show: Callable[[Snapshot], None] | None = None
) -> CrawlReport:
    """Start or continue a crawl, until nothing is due or it is interrupted.

    ``say`` gets messages for a log, ``show`` a snapshot of the progress from time to time. Without
    ``show``, a terminal gets progress bars and a log gets lines. Raises ``HarvestError``.

    >>> from pathlib import Path
    >>> from flickr_emotion import CrawlOptions, Sandbox, crawl
    >>> with Sandbox() as flickr:
    ...     lists = flickr.write_lists(Path("lists"))
    ...     options = CrawlOptions(
    ...         published_lists=(lists,), out=Path("harvest"), quota=0, flickr_url=flickr.url,
    ...         api_key=flickr.api_key, api_secret=flickr.api_secret,
    ...     )
    ...     crawl(options).lost
    0
    """
    metadata = open_metadata(options.metadata) if options.metadata else None
    with (
        open_session(options, say) as session,
        pictures_on_disk(session.ledger, session.images, say),
    ):
        ledger, most = session.ledger, options.max_withdrawn
        _finish_takedown(session)
        asked = session.prepare()
        if options.metadata and metadata:
            add_metadata(ledger, options.metadata, metadata, session.images, say)
        interrupted = _run(session, asked, show)
        kept_back = 0
        if not interrupted:
            if living := withdrawals.controls(ledger, most):
                with session.calls(threading.Event(), refresh=asked.refresh) as calls:
                    withdrawals.ask_again(ledger, living, calls.get_post_with_retries)
            kept_back = withdrawals.finish(ledger, session.images, most=most, say=say)
        _finish_takedown(session)
        photos, lost = losses(ledger, images=options.images)
        return CrawlReport(
            rejected=asked.rejected,
            interrupted=interrupted,
            photos=photos,
            lost=lost,
            kept_back=kept_back,
        )


def _finish_takedown(session: CrawlSession) -> None:
    """Remove what a killed takedown left, and posts of withdrawn owners that this crawl found."""
    if removed := finish_takedown(session.ledger, session.images):
        session.say(f"{removed} withdrawn posts are removed, and nothing of them is kept")


def _run(session: CrawlSession, asked: CrawlScope, show: Callable[[Snapshot], None] | None) -> bool:
    """Run both stages; return whether they were interrupted before their end."""
    options, ledger, say = session.options, session.ledger, session.say
    stopped = threading.Event()
    with session.calls(stopped, refresh=asked.refresh) as calls:
        with session.probe() as probe:
            check_key(ledger, calls, probe, last_row=asked.last_row)
        hosts = session.hosts()
        trust = PictureTrust(
            ledger,
            lambda name: hosts.named(name).breaker,
            settle_posts=not options.verify_gone,
            say=say,
        )
        pictures = ImageStage(
            ledger,
            session.servers,
            folder=session.images,
            fetch=options.images,
            size=options.image_size,
            last_row=asked.last_row,
            refresh=asked.refresh,
            hosts=hosts,
            trust=trust,
            retry=options.retry,
            say=say,
            stopped=stopped,
        )
        trust.changed = pictures.wake
        posts = ApiStage(
            Planner(ledger, calls, trust, last_row=asked.last_row),
            workers=options.api_workers,
            stopped=stopped,
        )
        crawling = Dispatcher(
            ledger,
            [pictures, posts],
            last_row=asked.last_row,
            unfinished=trust.unfinished,
            stopped=stopped,
        )
        with CrawlProgress(
            ledger, quota=options.quota, last_row=asked.last_row, say=say, show=show
        ) as progress:
            interrupted = crawling.run(progress.tick, say)
        if not interrupted:
            trust.conclude()
        return interrupted
