"""What ``crawl`` is asked to do, checked before anything is written."""

from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.checkout import PROGRAM
from flickr_emotion.common.options import check_options, option
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.pace.retry import RetryPolicy

USUAL = 0.01
"""The fraction of the known posts that is dropped without being told."""


@dataclass(frozen=True, kw_only=True)
class CrawlOptions:
    """What ``crawl`` is asked to do. Raises ``HarvestError`` for what cannot be done."""

    published_lists: tuple[Path, ...] = option(
        metavar="LIST...",
        argument=True,
        help="You et al.'s or VSO's folder, or a manifest, told by content.",
    )
    out: Path = option(help="Harvest folder, made or gone on with.")
    api_key: str = option("", variable="FLICKR_API_KEY", secret=True, help="Your Flickr key.")
    api_secret: str = option("", variable="FLICKR_API_SECRET", secret=True, help="Its secret.")
    flickr_url: str | None = option(
        None, help="Another server in Flickr's place, such as the sandbox."
    )
    metadata: Path | None = option(
        None, metavar="FILE", help="YFCC100M's metadata: posts found there cost no call."
    )
    images: bool = option(
        True,
        negatable=True,
        help="Fetch the pictures; without, ask only whether they are there.",
    )
    image_size: str = option(
        "",
        choices=("z", "c", "b"),
        default_help="the manifest's, else 500",
        help="640, 800 or 1024 pixels on the longest edge, or the next smaller size there is.",
    )
    quota: int = option(3600, minimum=0, help="API calls an hour; 0 for no limit.")
    limit: int | None = option(
        None, minimum=1, help="Ask for so many of the photos that are due, at most."
    )
    verify_gone: bool = option(
        False, negatable=True, help="Spend a call on posts whose picture is gone."
    )
    refresh: bool = option(False, help="Ask for everything again; drop what owners withdrew.")
    max_withdrawn: float = option(
        USUAL, minimum=0, maximum=1, help="Fraction of the posts that --refresh may drop."
    )
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    api_workers: int = 4

    def __post_init__(self) -> None:
        """Refuse options that no crawl can follow."""
        if not self.api_key or not self.api_secret:
            raise HarvestError(
                "no API key: set FLICKR_API_KEY and FLICKR_API_SECRET, or give --api-key and "
                f"--api-secret (a trial needs none: `{PROGRAM} demo`)"
            )
        check_options(self, HarvestError)
        servers(self.flickr_url)
