"""Videos among the listed photos: the API tells them, and nothing of them is kept."""

from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pictures.files import image_path


def drop_videos(ledger: Ledger, images: Path, photo_ids: Sequence[str]) -> None:
    """Settle listed photos that are videos; the files of their poster frames go first."""
    for photo_id in photo_ids:  # before the commit: a kill between the two must not leave a file
        image_path(images, photo_id).unlink(missing_ok=True)
    ledger.record_videos(photo_ids)
