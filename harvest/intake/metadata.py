"""Add posts of listed photos from a metadata file to the ledger; each saves a call.

Their pictures are requested as for any other photo: the file is years old, and a post that its
owner has withdrawn since must not be kept (``harvest.ledger.rows.evidence``).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flickr_emotion.harvest.calls.videos import drop_videos
from flickr_emotion.harvest.flickr.answers import Answer, MalformedAnswerError
from flickr_emotion.harvest.ledger.facts import keep_searched, was_searched
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.answered_posts import photos_without_a_post
from flickr_emotion.harvest.ledger.rows.counts import photo_count
from flickr_emotion.harvest.ledger.rows.schema import METADATA_SOURCE
from flickr_emotion.harvest.pace.retry import PhotoVideoError
from flickr_emotion.harvest.yfcc100m.files import MetadataFile
from flickr_emotion.harvest.yfcc100m.rows import parse_row

_POSTS_PER_COMMIT = 1000
_ROWS_PER_MESSAGE = 10_000_000
_FINGERPRINTED = 2**20  # Bytes at both ends; a digest of a whole file of 40 GB would take long.


def add_metadata(
    ledger: Ledger, path: Path, file: MetadataFile, images: Path, say: Callable[[str], None]
) -> None:
    """Record the posts in ``file``, at ``path``, of photos that still need one.

    Photos that it names as videos are settled; ``images``: the folder of the pictures. A file that
    was searched before is not read again until photos are added. Raises ``HarvestError`` if it
    cannot be read to its end; posts found before that are kept.
    """
    photos = photo_count(ledger)
    fingerprint = _fingerprint(path)
    if was_searched(ledger, fingerprint, photos=photos):
        say(f"{path.name}: searched before, nothing new")
        return
    wanted = photos_without_a_post(ledger)
    asked = len(wanted)
    progress = _Progress(path.name, say)
    posts: list[Answer] = []
    found = malformed = videos = 0
    try:
        for row in file.rows(wanted, progress.tick) if wanted else ():
            answer = None
            try:
                answer = parse_row(row) if row is not None else None
            except PhotoVideoError:
                videos += _settle_video(ledger, images, row, wanted)
            except MalformedAnswerError:
                row = None
            if row is None:
                malformed += 1
            elif answer is not None and answer.reference.photo_id in wanted:
                wanted.discard(answer.reference.photo_id)
                posts.append(answer)
            if len(posts) == _POSTS_PER_COMMIT:
                found += ledger.record_answers(posts, source=METADATA_SOURCE)
                posts = []
            if not wanted:
                break
    finally:
        found += ledger.record_answers(posts, source=METADATA_SOURCE)
    keep_searched(ledger, fingerprint, photos=photos)
    say(
        f"{path.name}: {found} of {asked} posts found, which cost no call"
        + (f"; {videos} are videos, of which nothing is kept" if videos else "")
        + (f"; {malformed} rows are malformed" if malformed else "")
    )


def _settle_video(ledger: Ledger, images: Path, row: Any, wanted: set[str]) -> int:
    photo_id = str(row["photoid"]).strip()
    if photo_id not in wanted:
        return 0
    wanted.discard(photo_id)
    drop_videos(ledger, images, [photo_id])
    return 1


class _Progress:
    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name, self._say = name, say
        self._rows = 0

    def tick(self, rows: int) -> None:
        before, self._rows = self._rows, self._rows + rows
        if before // _ROWS_PER_MESSAGE < self._rows // _ROWS_PER_MESSAGE:
            self._say(f"{self._name}: {self._rows} rows searched")


def _fingerprint(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size}\n".encode())
    with path.open("rb") as file:
        digest.update(file.read(_FINGERPRINTED))
        file.seek(max(size - _FINGERPRINTED, 0))
        digest.update(file.read(_FINGERPRINTED))
    return digest.hexdigest()
