"""The `sandbox` command: what it serves, and until when."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from flickr_emotion.common.interruption import SIGNALS
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.corpus import Corpus, Source
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.simulation.simulation import simulation


def run_sandbox(
    *,
    corpus: Path | None = None,
    vso: Path | None = None,
    port: int,
    faults: str | None,
    lists: Path | None = None,
    announce: Callable[[str], None],
) -> None:
    """Serves in the foreground until Ctrl-C, SIGTERM or SIGHUP: the `sandbox` command.

    It serves a corpus, or the virtual one of the VSO lists in `vso`, or else the built-in
    simulation, whose lists it writes to `lists` if given.

    Raises:
        HarvestError: the corpus, the lists or the plan is malformed, the port is taken, or more
            than one of `corpus`, `vso` and `lists` is given.
    """
    if [corpus, vso, lists].count(None) < 2:
        raise HarvestError(
            "--corpus, --vso and --lists: each says what to serve, and the last serves the "
            "simulation; give one of them"
        )
    served, name = _served(corpus, vso, lists, announce)
    with SandboxServer(served, port=port, faults=faults or "") as server:
        announce(f"Sandbox Flickr ({name}) at {server.url}")
        _until_stopped()


def _served(
    corpus: Path | None, vso: Path | None, lists: Path | None, announce: Callable[[str], None]
) -> tuple[Source, str]:
    """What is to be served, and what it is called."""
    if corpus is not None:
        read = Corpus.read(corpus)
        return read, f"corpus of {len(read):,} posts"
    if vso is not None:
        # It draws its stock of texts when it is imported.
        from flickr_emotion.harvest.sandbox.vso.corpus import vso_corpus

        virtual = vso_corpus(vso)
        pairs, photos = len(virtual.listed.pairs), len(virtual.listed)
        return virtual, f"{pairs:,} pairs of VSO with {photos:,} listed photos"
    simulated = simulation()
    if lists is not None:
        simulated.write_lists(lists)
        announce(f"Lists of the simulation, in You et al.'s format, in {lists}")
    return simulated.corpus, f"simulation of {len(simulated.corpus):,} posts"


def _until_stopped() -> None:
    """Waits for Ctrl-C or its like, and leaves both as they were."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
