"""Files that appear under their names when they are whole, and on the disk by then.

Whoever writes holds the lock of the folder, so that a temporary name is nobody else's. A process
that is killed leaves one at most for each file, and the next one writes over it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from flickr_emotion.common.replacing import put_file


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name under which a file is written; it takes its place when all went well.

    Raises ``OSError`` where it cannot; then the older file still stands.
    """
    # Its ending stays: some writers go by it.
    new = path.with_name(f".new-{path.name}")
    new.unlink(missing_ok=True)  # were it a symbolic link, it would be written through
    try:
        yield new
        put_file(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    with whole_file(path) as new:
        new.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file."""
    write_text(path, json_text(content))


def json_text(content: dict[str, Any]) -> str:
    """Return JSON as our files hold it."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
