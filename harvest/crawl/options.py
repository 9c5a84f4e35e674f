"""What ``crawl`` is asked to do, checked before anything is written."""

from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.harvest.crawl.withdrawals import USUAL
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import SIZES
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.pace.retry import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class CrawlOptions:
    """What ``crawl`` was asked to do."""

    published_lists: tuple[Path, ...]
    out: Path
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    flickr_url: str | None = None
    """Another server in Flickr's place (``harvest.flickr.servers``); None: Flickr."""
    metadata: Path | None = None
    """A file of YFCC100M's metadata, whose posts cost no call."""
    images: bool = True
    """Fetch the pictures; without, only whether they are there is asked."""
    image_size: str = ""
    """``z``, ``c`` or ``b`` for the longest edge of 640, 800 or 1024 pixels, or the next smaller
    one that there is; empty for the size of the manifest that is crawled, else 500."""
    quota: int = 3600
    """API calls in an hour; 0 for no limit."""
    limit: int | None = None
    """Photos to ask for in this crawl, at most; None: all that are due."""
    verify_gone: bool = False
    """Spend a call on posts whose picture is gone."""
    refresh: bool = False
    """Ask for everything again, and drop what its owners have withdrawn."""
    max_withdrawn: float = USUAL
    """The fraction of the known posts that a refresh may drop."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    api_workers: int = 4

    def __post_init__(self) -> None:
        """Raise ``HarvestError`` where an option cannot be followed."""
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
        if not 0 <= self.max_withdrawn <= 1:
            raise HarvestError(
                f"--max-withdrawn {self.max_withdrawn}: give a fraction of the posts, 0 to 1"
            )
        servers(self.flickr_url)
