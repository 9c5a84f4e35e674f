"""The two stages of a crawl: what is done for one photo, and which outcome each end of it has."""

import threading
from pathlib import Path

from harvest.api import FlickrClient
from harvest.images import CorruptPictureError, ImageFetcher, PlaceholderError, image_path
from harvest.ledger import DuePhoto, Ledger
from harvest.pacing import Pacer
from harvest.photo_url import PhotoReference
from harvest.retry import PhotoGoneError, PhotoPrivateError, RetryPolicy, TransientError


def ask_for_post(ledger: Ledger, client: FlickrClient, reference: PhotoReference) -> None:
    """Spend a call on a post and record what came of it; a ``TransientError`` is the caller's."""
    photo_id = reference.photo_id
    try:
        answer = client.get_info(reference)
    except PhotoGoneError as error:
        ledger.record_final("api", photo_id, "gone", str(error))
    except PhotoPrivateError as error:
        ledger.record_final("api", photo_id, "private", str(error))
    else:
        ledger.record_answer(answer)


def _record_no_picture(
    ledger: Ledger, photo_id: str, error: PhotoGoneError | PhotoPrivateError | PlaceholderError
) -> None:
    if isinstance(error, PhotoGoneError):
        ledger.record_gone_picture(photo_id, str(error))
    else:
        outcome = "private" if isinstance(error, PhotoPrivateError) else "placeholder"
        ledger.record_final("image", photo_id, outcome, str(error))


class ImageStage:
    """Fetches pictures. They cost no quota, and one that is gone settles its post.

    The image servers have a limit of their own: where one says so, all workers rest.
    """

    name = "image"
    after_image = False

    def __init__(
        self,
        ledger: Ledger,
        fetcher: ImageFetcher,
        *,
        folder: Path,
        retry: RetryPolicy,
        workers: int,
        stopped: threading.Event,
    ) -> None:
        """Write pictures below ``folder``; ``stopped`` ends a wait."""
        self.workers = workers
        self._stopped = stopped
        self._pacer = Pacer(quota=0)
        self._ledger = ledger
        self._fetcher = fetcher
        self._folder = folder
        self._retry = retry

    def work(self, photo: DuePhoto) -> None:
        """Fetch a photo's picture."""
        photo_id = photo.reference.photo_id
        if not self._pacer.wait(self._stopped):
            return
        try:
            picture = self._fetcher.fetch(photo.reference, image_path(self._folder, photo_id))
        except (PhotoGoneError, PhotoPrivateError, PlaceholderError) as error:
            _record_no_picture(self._ledger, photo_id, error)
        except TransientError as error:
            delay = self._retry.delay(photo.attempts + 1, error.retry_after)
            if error.too_many:
                self._pacer.hold(delay or 0.0)
            if delay is None and isinstance(error, CorruptPictureError):
                self._ledger.record_final(self.name, photo_id, "corrupt", str(error))
            else:
                self._ledger.record_failure(self.name, photo_id, str(error), delay=delay)
        else:
            self._ledger.record_picture(photo_id, picture)


class ApiStage:
    """Asks Flickr for posts, a call each, at the quota's pace."""

    name = "api"

    def __init__(
        self,
        ledger: Ledger,
        client: FlickrClient,
        pacer: Pacer,
        *,
        prober: ImageFetcher | None,
        after_image: bool,
        retry: RetryPolicy,
        workers: int,
        stopped: threading.Event,
    ) -> None:
        """With a ``prober`` it is asked first whether the picture lives, at no cost of quota."""
        self.workers = workers
        self.after_image = after_image
        self._stopped = stopped
        self._ledger = ledger
        self._client = client
        self._pacer = pacer
        self._prober = prober
        self._retry = retry

    def work(self, photo: DuePhoto) -> None:
        """Ask for a photo's post."""
        if self._prober and photo.picture_unknown and self._settled_by_picture(photo):
            return
        if not self._pacer.wait(self._stopped):
            return
        try:
            ask_for_post(self._ledger, self._client, photo.reference)
        except TransientError as error:
            delay = self._fail(photo, error)
            if error.too_many:
                self._pacer.hold(delay or 0.0)

    def _settled_by_picture(self, photo: DuePhoto) -> bool:
        assert self._prober is not None
        try:
            self._prober.probe(photo.reference)
        except (PhotoGoneError, PhotoPrivateError, PlaceholderError) as error:
            _record_no_picture(self._ledger, photo.reference.photo_id, error)
            return isinstance(error, PhotoGoneError)
        except TransientError as error:
            if photo.attempts + 1 < self._retry.attempts:
                self._fail(photo, error)
                return True
        return False

    def _fail(self, photo: DuePhoto, error: TransientError) -> float | None:
        delay = self._retry.delay(photo.attempts + 1, error.retry_after)
        self._ledger.record_failure(self.name, photo.reference.photo_id, str(error), delay=delay)
        return delay
