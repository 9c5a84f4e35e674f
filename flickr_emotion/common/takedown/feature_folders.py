"""The names of folders of features, and what they were made from.

A folder's name ends in a digest of what its features were made from, the data set's digest among
it. ``made_from.json`` in the folder says it in full, so that features can follow a data set from
which posts were withdrawn: the rows of the other posts stay, under the name of the new digest.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.common.json_files import read_json
from flickr_emotion.common.whole_files import write_json

FILE_NAME = "made_from.json"
FEATURES = "features"
"""The folder of these folders, in a data set or a run."""
_LONGEST_NAME = 100  # characters, of a folder


def features_path(name: str, *made_from: str) -> Path:
    """Return the path of features within a folder; its digest covers ``made_from``."""
    digest = hashlib.sha256(" ".join((name, *made_from)).encode()).hexdigest()
    plain = re.sub(r"[^\w.+-]+", "_", name)[-_LONGEST_NAME:]
    return Path(FEATURES, f"{plain}-{digest[:16]}")


def write_made_from(folder: Path, made_from: Sequence[str]) -> None:
    """Record what a folder's features are made from: a name and digests; raises ``OSError``."""
    if not (folder / FILE_NAME).exists():
        write_json(folder / FILE_NAME, {"made_from": list(made_from)})


def read_made_from(folder: Path) -> list[str] | None:
    """Return what a folder's features are made from; None if it does not say so."""
    try:
        made_from = read_json(folder / FILE_NAME).get("made_from")
    except (OSError, ValueError):
        return None
    if not isinstance(made_from, list) or not all(isinstance(it, str) for it in made_from):
        return None
    named = bool(made_from) and features_path(*made_from).name == folder.name
    return made_from if named else None
