"""The loopback Flickr as a context manager, for notebooks, tests and the ``sandbox`` command."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.corpus import Corpus, Source
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.simulation.simulation import Simulation, simulation


class Sandbox:
    """A Flickr on this machine: its API, its pictures and, if asked, its faults.

    It serves a Parquet file of posts (``corpus``), the pairs of VSO's lists in a folder with their
    computed search results (``vso``), or else the built-in simulation. ``port`` 0 takes a free one;
    ``faults`` is a seeded plan such as ``429=0.1,seed=7`` (docs/sandbox.md).

    Raises ``HarvestError`` where corpus, lists or plan are malformed, both are given, or the port
    is taken.

    >>> import requests
    >>> from flickr_emotion import Sandbox
    >>> with Sandbox() as flickr:
    ...     requests.get(f"{flickr.url}/services/rest/", params={"method": "flickr.test.echo"}).ok
    ...     flickr.stats()["api_total"]
    True
    1
    """

    api_key = "0123456789abcdef0123456789abcdef"
    """A key that the sandbox takes. It takes any of the right form: 32 hexadecimal digits."""
    api_secret = "sandbox"

    def __init__(
        self,
        *,
        corpus: Path | None = None,
        vso: Path | None = None,
        port: int = 0,
        faults: str = "",
    ) -> None:
        """Read what is to be served and take the port."""
        if corpus is not None and vso is not None:
            raise HarvestError("--corpus and --vso: give one of them, or none for the simulation")
        self._simulation: Simulation | None = None
        self._server = SandboxServer(self._served(corpus, vso), port=port, faults=faults)

    def _served(self, corpus: Path | None, vso: Path | None) -> Source:
        if corpus is not None:
            read = Corpus.read(corpus)
            self.name = f"corpus of {len(read):,} posts"
            return read
        if vso is not None:
            # It draws its stock of texts when it is imported.
            from flickr_emotion.harvest.sandbox.vso.corpus import vso_corpus

            virtual = vso_corpus(vso)
            pairs, photos = len(virtual.listed.pairs), len(virtual.listed)
            self.name = f"{pairs:,} pairs of VSO with {photos:,} listed photos"
            return virtual
        self._simulation = simulation()
        self.name = f"simulation of {len(self._simulation.corpus):,} posts"
        return self._simulation.corpus

    @property
    def url(self) -> str:
        """Where it answers: the ``flickr_url`` of ``CrawlOptions``."""
        return self._server.url

    def stats(self) -> dict[str, Any]:
        """Return what it was asked so far: API calls by method, pictures, faults."""
        return self._server.stats.as_json()

    def write_lists(self, folder: Path) -> Path:
        """Write the simulation's lists, in You et al.'s format; return the folder.

        Raises ``HarvestError`` where something else than the simulation is served.
        """
        if self._simulation is None:
            raise HarvestError(
                "--lists writes the simulation's lists: omit it with --corpus or --vso"
            )
        self._simulation.write_lists(folder)
        return folder

    def __enter__(self) -> Self:
        """Serve in the background."""
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: open connections are closed and the port is free again."""
        self._server.close()
