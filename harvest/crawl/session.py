"""What a crawl and its plan have in common: the lists, the harvest folder, and the clients.

The servers are resolved once, here, and the key is passed to no other object than the API client.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flickr_emotion.common.tables.column_map import column_map
from flickr_emotion.harvest.calls.calls import ApiCalls
from flickr_emotion.harvest.crawl import withdrawals
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.api import FlickrClient
from flickr_emotion.harvest.flickr.servers import Servers, servers
from flickr_emotion.harvest.image_hosts.client import Probe, prober
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.intake.lists import add_list
from flickr_emotion.harvest.intake.manifests import size_to_fetch
from flickr_emotion.harvest.ledger.facts import PlanRecord, keep_quota
from flickr_emotion.harvest.ledger.folder import (
    harvest_at_work,
    keep_to_one_service,
    keep_to_one_size,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.lists import first_rejected
from flickr_emotion.harvest.ledger.rows.withdrawals import unstage_all
from flickr_emotion.harvest.lists.columns import MEANINGS
from flickr_emotion.harvest.lists.detection import open_list
from flickr_emotion.harvest.lists.rows import PublishedList
from flickr_emotion.harvest.lists.table_list import Stated
from flickr_emotion.harvest.pace.breaker import Breaker
from flickr_emotion.harvest.pace.clock import now
from flickr_emotion.harvest.pace.pacing import HOUR, Pacer

_SHOWN_ROWS = 20

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CrawlScope:
    """What a crawl must request, once its lists are in the ledger."""

    rejected: int
    """Number of rows of the lists that name no photo."""
    last_row: int
    """The ledger's row of the last photo to request (``--limit``)."""
    refresh: bool
    """Whether everything is requested again."""


@dataclass(frozen=True, kw_only=True)
class CrawlSession:
    """A harvest folder that is open for one crawl or its plan, and its servers."""

    options: CrawlOptions
    """The given options; the image size is the manifest's, if it names one."""
    published: list[PublishedList]
    ledger: Ledger
    servers: Servers
    say: Say

    @property
    def images(self) -> Path:
        """The folder of the pictures."""
        return self.options.out / "images"

    def prepare(self) -> CrawlScope:
        """Add the lists to the ledger and make the requested photos due."""
        options, ledger = self.options, self.ledger
        keep_to_one_service(ledger, self.servers.service)
        if options.images:
            keep_to_one_size(ledger, options.image_size)
        rejected = 0
        for it in self.published:
            rejected = add_list(ledger, it, self.say)
        self._say_rejected(rejected)
        refresh = options.refresh and not withdrawals.now_allowed(ledger, options.max_withdrawn)
        if refresh:
            unstage_all(ledger)
        else:
            withdrawals.restart_count(ledger)
        last_row = ledger.start_crawl(
            images=options.images,
            verify_gone=options.verify_gone,
            refresh=refresh,
            limit=options.limit,
        )
        if refresh:
            PlanRecord().save(ledger)  # Earlier yields of listings say nothing about a refresh.
        keep_quota(ledger, options.quota)
        return CrawlScope(rejected=rejected, last_row=last_row, refresh=refresh)

    def _say_rejected(self, rejected: int) -> None:
        rows = first_rejected(self.ledger, _SHOWN_ROWS)
        for row in rows:
            self.say(f"skipped {row.file}:{row.row or ''} {row.reason}: {row.detail}")
        if rejected > len(rows):
            self.say(
                f"skipped {rejected - len(rows)} more rows: see table `rejected` of the ledger"
            )

    @contextmanager
    def calls(self, stopped: threading.Event, *, refresh: bool = False) -> Iterator[ApiCalls]:
        """Open the API client, at the pace that the quota and earlier calls allow."""
        options = self.options
        client = FlickrClient(
            self.servers,
            key=options.api_key,
            secret=options.api_secret,
            connections=options.api_workers,
            spend=self.ledger.record_call,
            stopped=stopped,
        )
        try:
            yield ApiCalls(
                self.ledger,
                client,
                Pacer(options.quota, self.ledger.call_times(since=now() - HOUR)),
                Breaker("Flickr's API", retry=options.retry, say=self.say),
                images=self.images,
                refresh=refresh,
                retry=options.retry,
                stopped=stopped,
            )
        finally:
            client.close()

    def hosts(self) -> ImageHosts:
        """Return the image hosts, for use within one event loop."""
        return ImageHosts(retry=self.options.retry, say=self.say, ledger=self.ledger)

    def probe(self) -> AbstractContextManager[Probe]:
        """Open a client that probes a few pictures, one at a time."""
        return prober(self.servers, self.hosts())


@contextmanager
def open_session(options: CrawlOptions, say: Say) -> Iterator[CrawlSession]:
    """Open the lists and the harvest folder of a crawl; raises ``HarvestError``."""
    stated = Stated(columns=column_map(options.columns, MEANINGS), encoding=options.encoding)
    published = _open_lists(options.published_lists, stated)
    manifest = published[0].manifest
    if manifest is not None and options.images:
        options = replace(options, image_size=size_to_fetch(manifest, options.image_size, say))
    with harvest_at_work(options.out) as ledger:
        yield CrawlSession(
            options=options,
            published=published,
            ledger=ledger,
            servers=servers(options.flickr_url),
            say=say,
        )


def _open_lists(paths: tuple[Path, ...], stated: Stated) -> list[PublishedList]:
    """Open the lists of one crawl; raises ``HarvestError`` if they cannot be combined."""
    published = [open_list(path, stated) for path in paths]
    if len(paths) > 1 and any(it.manifest for it in published):
        raise HarvestError(
            f"{', '.join(map(str, paths))}: a manifest cannot be combined with other lists; crawl "
            "each into a separate harvest folder (--out)"
        )
    if len({it.kind for it in published}) > 1:
        raise HarvestError(
            f"{', '.join(map(str, paths))} are lists of different kinds "
            f"({', '.join(sorted({it.kind for it in published}))}): crawl each kind into a "
            "separate harvest folder (--out)"
        )
    of_name: dict[str, Path] = {}
    for path, it in zip(paths, published, strict=True):
        for file in it.files:
            if (other := of_name.setdefault(file.name, path)) is not path:
                raise HarvestError(
                    f"{other} and {path} both contain a list file {file.name}: rename one of the "
                    "folders, because the ledger could not tell their rows apart"
                )
    return published
