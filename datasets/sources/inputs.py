"""The input of ``build-splits``: a harvest folder, or the user's own labelled posts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flickr_emotion.common.tables.column_map import column_map
from flickr_emotion.common.takedown.tombstones import Tombstones
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.sources.harvest import Harvest
from flickr_emotion.datasets.sources.list_labels import read_labels
from flickr_emotion.datasets.sources.own_posts import prepare
from flickr_emotion.datasets.sources.post_tables import open_posts
from flickr_emotion.datasets.sources.raw_posts import Source
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import size_in_words
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME as LEDGER
from flickr_emotion.harvest.lists.columns import MEANINGS
from flickr_emotion.harvest.lists.table_list import Stated


@dataclass(frozen=True, kw_only=True)
class Input:
    """Where the posts of a data set come from."""

    path: Path
    source: Source
    options: BuildOptions
    """The user's options, or those that the harvest's manifest fixes."""
    service: str | None
    """``flickr``, ``other`` (a server in Flickr's place) or ``own``."""
    image_size: str | None
    """The size of a harvest's pictures (``harvest.flickr.photo_url.SIZES``); None if unknown."""
    digest: str
    """SHA-256 of the list, or of the file."""
    content_digest: str
    """SHA-256 of everything that is read, but for the files of pictures."""
    has_pictures: Callable[[], bool]
    """Whether any post has a picture."""
    reading: tuple[str | None, ...]
    """How the user says that the input is read: ``--columns`` and ``--encoding``."""
    check_rows: Callable[[], None]
    """Checks all rows of a harvest."""
    collected: dict[str, Any] | None
    """When a harvest was crawled (``datasets.sources.harvest.Harvest.collected``)."""
    listed: int
    """Number of posts in the source; each ends in a split or in ``excluded.parquet``."""
    rejected: Callable[[], Iterator[tuple[str, str]]]
    """Source and reason of each row that names no photo."""
    tombstones: Tombstones = field(default_factory=Tombstones)
    """Those of a harvest: its posts that were withdrawn."""
    fixes_labels: bool = False
    """Whether a manifest fixes each post's label."""

    def described(self) -> dict[str, Any]:
        """Return what ``dataset.json`` says about the input."""
        return {
            "kind": self.source.kind,
            "service": self.service,
            "image_size": self.image_size,
            "lists_digest": self.digest,
            **({"collected": self.collected} if self.collected else {}),
        }


@contextmanager
def open_input(
    path: Path,
    options: BuildOptions,
    workspace: Path,
    say: Callable[[str], None],
    *,
    labels: Path | None = None,
    columns: str | None = None,
    encoding: str | None = None,
    checked: str | None = None,
    posts_later: bool = False,
) -> Iterator[Input]:
    """Open the input of a build; raises ``HarvestError`` or ``DatasetError``.

    ``workspace``: a folder for files that must be rewritten first. ``labels``: a file with the
    labels of a harvest's photos. ``columns`` and ``encoding`` say how that file is read, or posts
    of one's own (``datasets.sources.post_tables.open_posts``). ``checked``: a
    ``content_digest``; the rows of a harvest with this one are checked only by ``check_rows``. With
    ``posts_later``, so are the rows of posts of any harvest (``datasets.sources.harvest.Harvest``).
    """
    if not path.exists():
        raise HarvestError(
            f"{path} is not there: give the folder that `crawl --out` wrote, or posts of your own"
        )
    if not (path / LEDGER).exists():
        if labels is not None:
            raise DatasetError(f"--labels {labels}: {path} has its own labels: omit it")
        if options.respect_preferences:
            raise DatasetError(
                f"--respect-preferences is for a harvest: {path} does not say what is stated on "
                "the use of its posts: omit it"
            )
        posts = open_posts(
            path, columns=columns, encoding=encoding, split_column=options.split_column
        )
        for line in posts.said():
            say(line)
        own = prepare(path, workspace, min_votes=options.min_votes, posts=posts)
        yield Input(
            path=path,
            source=own,
            options=options,
            service="own",
            image_size=None,
            digest=(digest := own.digest()),
            content_digest=digest,
            has_pictures=lambda: "image" in posts.chosen.columns,
            reading=(columns, encoding),
            check_rows=lambda: None,
            collected=None,
            listed=own.count(),
            rejected=lambda: iter(()),
        )
        return
    if (columns or encoding) and labels is None:
        raise DatasetError(
            f"--columns and --encoding are for posts of your own, or for the file of --labels, but "
            f"{path} is a harvest: omit them"
        )
    if options.split_column is not None:
        raise DatasetError(
            f"--split-column is for posts of your own, but {path} is a harvest: omit it"
        )
    # A file of labels is compared with all photos at once.
    harvest = Harvest(
        path,
        checked if labels is None else None,
        posts_later=posts_later and labels is None,
    )
    try:
        if harvest.manifest is not None:
            fixed = harvest.manifest.get("options")
            if not isinstance(fixed, dict):
                raise DatasetError(
                    f"{path}: its manifest does not say its options: export the manifest again"
                )
            options = options.under_manifest(fixed)
            wanted = harvest.manifest.get("image_size")
            if wanted is not None and harvest.image_size not in (None, wanted):
                say(
                    f"the manifest's pictures have {size_in_words(wanted)}, those of {path} have "
                    f"{size_in_words(harvest.image_size)}: the data set will differ"
                )
        joined = None
        if labels is not None:
            if harvest.manifest is not None:
                raise DatasetError(
                    f"--labels {labels}: {path} was made from a manifest, which fixes the labels: "
                    "omit it"
                )
            stated = Stated(columns=column_map(columns, MEANINGS), encoding=encoding)
            joined = read_labels(labels, stated, workspace, say)
            joined.compare(harvest.photo_ids(), say)
        if unfinished := harvest.unfinished():
            say(
                f"posts or pictures that are not fetched yet: {unfinished}; run `crawl` again to "
                "fetch them"
            )
        yield Input(
            path=path,
            source=harvest.posts(min_votes=options.min_votes, labels=joined),
            options=options,
            service=harvest.service,
            image_size=harvest.image_size,
            digest=harvest.lists_digest(joined),
            content_digest=harvest.digest,
            has_pictures=harvest.has_pictures,
            reading=(columns, encoding),
            check_rows=harvest.check_rows,
            collected=harvest.collected(),
            listed=harvest.listed(),
            rejected=lambda: ((row.source, row.reason) for row in harvest.rejected_rows()),
            tombstones=harvest.tombstones,
            fixes_labels=harvest.manifest is not None,
        )
    finally:
        harvest.close()
