"""The machine-readable log of a crawl: one JSON object per line, on standard error.

Every object has ``time`` (unix seconds) and ``event``: ``message`` with its ``text``, or
``progress`` with the fields of a ``Snapshot``.
"""

import json
import sys
from dataclasses import asdict
from typing import Any

from flickr_emotion.harvest.crawl.progress import Snapshot
from flickr_emotion.harvest.pace.clock import now


def say_json(text: str) -> None:
    """Log a message."""
    _write("message", text=text)


def show_json(snapshot: Snapshot) -> None:
    """Log the progress of the crawl."""
    _write("progress", **asdict(snapshot))


def _write(event: str, **fields: Any) -> None:
    line = json.dumps({"time": round(now(), 3), "event": event, **fields}, ensure_ascii=False)
    print(line, file=sys.stderr, flush=True)
