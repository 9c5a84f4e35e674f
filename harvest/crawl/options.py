"""The options of ``crawl``, checked before anything is written."""

from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.checkout import PROGRAM
from flickr_emotion.common.options import check_options, option
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.pace.retry import RetryPolicy

USUAL = 0.01
"""The fraction of the known posts that a refresh may drop by default."""


@dataclass(frozen=True, kw_only=True)
class CrawlOptions:
    """The options of ``crawl``; raises ``HarvestError`` if they are invalid."""

    published_lists: tuple[Path, ...] = option(
        metavar="LIST",
        argument=True,
        help="Lists of Flickr pictures: tables or texts with URLs or ids, You et al.'s or VSO's "
        "folder, or a manifest; recognized by content.",
    )
    out: Path = option(metavar="H", help="Harvest folder, new or to be continued.")
    api_key: str = option(
        "", metavar="KEY", variable="FLICKR_API_KEY", secret=True, help="Your Flickr key."
    )
    api_secret: str = option(
        "",
        metavar="SECRET",
        variable="FLICKR_API_SECRET",
        secret=True,
        help="Your Flickr secret.",
    )
    flickr_url: str | None = option(
        None, metavar="URL", help="Server to use instead of Flickr, such as the sandbox."
    )
    metadata: Path | None = option(
        None, metavar="FILE", help="YFCC100M's metadata: posts found there cost no call."
    )
    columns: str | None = option(
        None,
        metavar="MEANING=NAME,...",
        default_help="found by name and content",
        help="Columns of a table that is a list: url, photo_id, label, votes, disagree.",
    )
    encoding: str | None = option(
        None,
        metavar="NAME",
        default_help="found by content",
        help="Encoding of a table that is a list, such as cp1252.",
    )
    images: bool = option(
        True,
        negatable=True,
        help="Fetch the pictures; without it, only ask whether they exist.",
    )
    image_size: str = option(
        "",
        choices=("z", "c", "b"),
        default_help="the manifest's, else 500",
        help="640, 800 or 1024 pixels on the longest edge, or the next smaller size that exists.",
    )
    quota: int = option(3600, minimum=0, help="API calls per hour; 0 for no limit.")
    limit: int | None = option(None, minimum=1, help="Request at most this many of the due photos.")
    verify_gone: bool = option(
        False, negatable=True, help="Also spend calls on posts whose picture is gone."
    )
    refresh: bool = option(False, help="Request everything again; drop posts that owners withdrew.")
    max_withdrawn: float = option(
        USUAL, minimum=0, maximum=1, help="Fraction of the posts that --refresh may drop."
    )
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    api_workers: int = 4

    def __post_init__(self) -> None:
        """Refuse invalid options."""
        if not self.api_key or not self.api_secret:
            raise HarvestError(
                "no API key: set FLICKR_API_KEY and FLICKR_API_SECRET, or give --api-key and "
                f"--api-secret (a trial needs none: `{PROGRAM} demo`)"
            )
        check_options(self, HarvestError)
        servers(self.flickr_url)
