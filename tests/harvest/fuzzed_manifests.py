"""Read damaged manifests in a separate process, which a crash of a C++ library may end.

    python -m tests.harvest.fuzzed_manifests ORIGINAL FOLDER FIRST LAST

It prints a JSON array for each input from FIRST to before LAST: `read`, `refused`, `crash` or
`wrong`, and a reason. There is none for an input that ends the process.
"""

import json
import resource
import sys
from pathlib import Path
from random import Random

import pyarrow as pa

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.file import SCHEMA, open_manifest
from tests.harvest.mutations import damaged_bytes

_MOST_MEMORY = 6 * 2**30


def content_of(path: Path) -> tuple[str, pa.Table]:
    """Read a whole manifest; raises ``HarvestError``."""
    manifest = open_manifest(path)
    return manifest.description.to_json(), pa.Table.from_batches(manifest.batches(), SCHEMA)


def damaged(original: bytes, number: int) -> bytes:
    """Return the damaged bytes of an input; every second one is damaged in the footer."""
    random = Random(f"manifest {number}")
    if random.random() < 0.5:
        return damaged_bytes(random, original)
    footer = int.from_bytes(original[-8:-4], "little") + 8
    return original[:-footer] + damaged_bytes(random, original[-footer:])


def outcome(original: Path, truth: object, folder: Path, number: int) -> tuple[str, str]:
    """Return the result for one input."""
    data = damaged(original.read_bytes(), number)
    path = folder / "damaged.parquet"
    path.write_bytes(data)
    try:
        found = content_of(path)
    except HarvestError as error:
        text = str(error)
        return ("refused", "") if text.count("\n") == 0 else ("wrong", f"two lines: {text!r}")
    except BaseException as error:
        return "crash", f"{type(error).__name__}: {error}"[:300]
    if found != truth:
        return "wrong", "read with other values than were written"
    return "read", ""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    original, folder = Path(sys.argv[1]), Path(sys.argv[2])
    truth = content_of(original)
    for number in range(int(sys.argv[3]), int(sys.argv[4])):
        print(json.dumps(outcome(original, truth, folder, number)), flush=True)
