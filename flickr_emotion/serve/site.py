"""What a page serves: a data set, runs and harvests, each known by what its folder holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.errors import ToolkitError
from flickr_emotion.datasets.corrections.table import corrections_beside
from flickr_emotion.datasets.folder.layout import DESCRIPTION, check_outside
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME as LEDGER
from flickr_emotion.serve.corrected_posts import CorrectedPosts
from flickr_emotion.serve.crawls import WatchedHarvest
from flickr_emotion.serve.explorer import Explorer
from flickr_emotion.serve.networks import Networks
from flickr_emotion.serve.suspected_posts import SuspectedPosts

_RUN = "config.json"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is served; a part that is absent has no page."""

    explorer: Explorer | None = None
    networks: Networks | None = None
    harvests: list[WatchedHarvest] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, str]:
        """The names of the pages by their address, in order."""
        there = {
            "/explore": ("Explore", self.explorer),
            "/try": ("Try", self.networks),
            "/crawl": ("Crawl", self.harvests),
        }
        return {address: name for address, (name, part) in there.items() if part}


def open_site(
    folders: Sequence[Path], *, suspects: Path | None = None, corrections: Path | None = None
) -> Site:
    """Open folders of any kind; raises ``ToolkitError`` for one that is none.

    ``suspects``: the table of ``inspect --suspects``. ``corrections``: where readers' corrections
    are kept, by default beside the data set.
    """
    explorer: Explorer | None = None
    runs: list[Path] = []
    harvests: list[WatchedHarvest] = []
    for folder in folders:
        kind = _kind_of(folder)
        if kind == LEDGER:
            harvests.append(WatchedHarvest(folder))
        elif kind == _RUN:
            runs.append(folder)
        elif explorer is None:
            explorer = _explorer(folder, suspects, corrections)
        else:
            raise ToolkitError(f"{folder} is a second data set: serve one at a time")
    if explorer is None and (suspects or corrections):
        given = "--suspects" if suspects else "--corrections"
        raise ToolkitError(f"{given} belongs to a data set: give its folder too")
    return Site(explorer=explorer, networks=Networks(runs) if runs else None, harvests=harvests)


def _kind_of(folder: Path) -> str:
    if not folder.exists():
        raise ToolkitError(f"{folder} is not there: give a data set, a run or a harvest")
    for name in (DESCRIPTION, LEDGER, _RUN):
        if (folder / name).exists():
            return name
    raise ToolkitError(
        f"{folder} is neither a data set nor a run nor a harvest: give the folder that "
        "`build-splits`, `train` or `crawl` wrote"
    )


def _explorer(folder: Path, suspects: Path | None, corrections: Path | None) -> Explorer:
    dataset = open_dataset(folder)
    beside = folder.resolve()
    path = corrections or corrections_beside(beside)
    check_outside(path)
    return Explorer(
        dataset, CorrectedPosts(path), None if suspects is None else SuspectedPosts(suspects)
    )
