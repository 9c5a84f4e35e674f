"""How long a published list takes to go into a new ledger, and to be read again.

    python -m benchmarks.read_lists LIST

LIST is a folder, or a tar archive of one.
"""

import argparse
import resource
import tarfile
import tempfile
import time
from pathlib import Path

from harvest.ledger import Ledger
from harvest.listing import add_list
from harvest.sources.detection import open_list


def main() -> None:
    """Print seconds, rows and memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("list", type=Path)
    published: Path = parser.parse_args().list
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if published.is_file():
            with tarfile.open(published) as archive:
                archive.extractall(folder / "list", filter="data")
            published = folder / "list"
        with Ledger(folder / "ledger.sqlite", create=True) as ledger:
            for what in ("new ledger", "again"):
                started = time.perf_counter()
                add_list(ledger, open_list(published), print)
                print(f"{what}: {time.perf_counter() - started:.2f} s")
            photos = ledger.left("api")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{photos} photos, {peak:.0f} MB")


if __name__ == "__main__":
    main()
