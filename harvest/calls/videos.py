"""Videos among the listed photos: the API tells them, and nothing of them is kept."""

from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pictures.files import image_path


def drop_videos(ledger: Ledger, images: Path, photo_ids: Sequence[str]) -> None:
    """Settle listed photos that are videos; the files of their poster frames go first."""
    remove_poster_frames(images, photo_ids)
    ledger.record_videos(photo_ids)


def remove_poster_frames(images: Path, photo_ids: Sequence[str]) -> None:
    """Remove what was fetched as the pictures of videos.

    Before the ledger says that they are videos: a kill between the two must not leave a file.
    """
    for photo_id in photo_ids:
        image_path(images, photo_id).unlink(missing_ok=True)
