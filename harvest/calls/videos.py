"""Videos among the listed photos: the API says which they are, and nothing of them is kept."""

from collections.abc import Sequence
from pathlib import Path

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.pictures.files import image_path


def drop_videos(ledger: Ledger, images: Path, photo_ids: Sequence[str]) -> None:
    """Settle listed photos that are videos; the files of their poster frames are removed first."""
    remove_poster_frames(images, photo_ids)
    ledger.record_videos(photo_ids)


def remove_poster_frames(images: Path, photo_ids: Sequence[str]) -> None:
    """Remove the poster frames that were fetched as pictures.

    Call this before the ledger records the videos: a kill in between must not leave a file.
    """
    for photo_id in photo_ids:
        image_path(images, photo_id).unlink(missing_ok=True)
