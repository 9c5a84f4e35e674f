"""Write pictures to disk and record the results of requests in the ledger, in batches.

This module decides what counts against a photo. A refusal is recorded if its host is trusted. A
failure of the host or the network costs no attempt. A picture that is not complete is requested
again, and becomes ``corrupt`` only if the host cannot be at fault.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flickr_emotion.common.whole_files import write_unsynced
from flickr_emotion.harvest.image_hosts.answers import FAILURES, Reply
from flickr_emotion.harvest.image_hosts.load import HostGivenUpError
from flickr_emotion.harvest.image_hosts.placeholders import (
    PlaceholderError,
    SharedBodies,
    drop_shared_pictures,
)
from flickr_emotion.harvest.image_hosts.spoilt_bodies import SpoiltBodies
from flickr_emotion.harvest.image_hosts.unchecked_pictures import (
    SpoiltPicture,
    UncheckedPictures,
    decode,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.due_photos import DuePhoto
from flickr_emotion.harvest.ledger.rows.evidence import Refusal, RefusalResult
from flickr_emotion.harvest.pace.retry import (
    PhotoGoneError,
    PhotoPrivateError,
    RetryPolicy,
    TransientError,
)
from flickr_emotion.harvest.pictures.files import (
    CorruptPictureError,
    OversizedPictureError,
    Picture,
    UnansweredPictureError,
    find_picture,
    image_name,
    image_path,
    read_picture,
)
from flickr_emotion.harvest.trust.picture_trust import PictureTrust

# The outcome for each kind of refusal.
_REFUSALS: dict[type[Exception], str] = {
    PhotoGoneError: "gone",
    PhotoPrivateError: "private",
    PlaceholderError: "placeholder",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureResult:
    """The result of one request."""

    photo: DuePhoto
    reply: Reply


class PictureOutcomes:
    """Writes pictures and records results; for one thread at a time."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        folder: Path,
        refresh: bool,
        trust: PictureTrust,
        retry: RetryPolicy,
        unchecked: UncheckedPictures,
    ) -> None:
        """Write below ``folder``, and add pictures that are not decoded at once to ``unchecked``.

        ``refresh``: pictures of posts that were withdrawn meanwhile are not stored again.
        """
        self._ledger = ledger
        self._folder = folder
        self._images = str(folder)
        self._refresh = refresh
        self._trust = trust
        self._retry = retry
        self._unchecked = unchecked
        self._shared = SharedBodies()
        self._spoilt = SpoiltBodies()

    def record(self, batch: list[PictureResult]) -> None:
        """Write the pictures of a batch, then record the whole batch in one commit."""
        stored = [(it, self._store(it)) for it in batch]
        seen: list[tuple[str, str, bool]] = []
        contradicted: list[tuple[str, str]] = []
        with self._ledger.transaction():
            for it, result in stored:
                photo_id, host = it.photo.reference.photo_id, it.reply.host
                if isinstance(result, Picture):
                    if not self._ledger.record_picture(
                        photo_id, result, refresh=self._refresh, headers=it.reply.headers
                    ):
                        image_path(self._folder, photo_id).unlink(missing_ok=True)
                elif result is None:
                    self._ledger.record_seen(
                        photo_id, refresh=self._refresh, headers=it.reply.headers
                    )
                elif type(result) in _REFUSALS:
                    recorded = self._record_refusal(it, result)
                    if recorded == "contradicted":
                        contradicted.append((host, photo_id))
                    if recorded in ("refused", "contradicted"):
                        seen.append((host, photo_id, True))
                    continue
                else:
                    assert isinstance(result, TransientError)
                    spends_attempt = it.reply.spends_attempt
                    self._record_failure(it.photo, result, host, spends_attempt=spends_attempt)
                    continue
                seen.append((host, photo_id, False))
        for host, photo_id, refused in seen:
            self._trust.saw(host, photo_id, refused=refused)
        for host, photo_id in contradicted:
            self._trust.contradicted(host, photo_id)

    def _store(self, received: PictureResult) -> Picture | Exception | None:
        """Write a picture and return it, or return why there is none."""
        body, host = received.reply.body, received.reply.host
        if body is None:
            return received.reply.failure
        photo_id = received.photo.reference.photo_id
        try:
            self._shared.check(photo_id, body)
            picture = read_picture(body)
            if received.photo.picture_known or self._spoilt.has_broken(photo_id):
                # Decode at once: it must not replace a complete picture or be incomplete again.
                decode(body)
        except CorruptPictureError as error:
            self._spoilt.record_broken(photo_id, host, body)
            return error
        except FAILURES as error:
            return error
        write_unsynced(image_name(self._images, photo_id), body)
        self._spoilt.record_complete(host)
        self._unchecked.add(photo_id, host)
        return picture

    def _record_refusal(self, received: PictureResult, error: Exception) -> RefusalResult | None:
        """Record a refusal; if the host is in trouble, the picture stays due instead."""
        reference, reply = received.photo.reference, received.reply
        if self._trust.doubted(reply.host, reply.epoch):
            self._ledger.postpone("image", reference.photo_id, str(error), delay=0.0)
            return None
        refusal = Refusal(
            outcome=_REFUSALS[type(error)],
            reason=str(error),
            host=reply.host,
            status=reply.status,
        )
        return self._ledger.record_refusal(reference, refusal, settle=self._trust.settles_posts)

    def _record_failure(
        self, photo: DuePhoto, error: TransientError, host: str, *, spends_attempt: bool = True
    ) -> None:
        ledger, photo_id, reason = self._ledger, photo.reference.photo_id, str(error)
        if not spends_attempt:
            delay = max(error.retry_after or 0.0, self._retry.backoff(1))
            ledger.postpone("image", photo_id, reason, delay=delay)
            return
        next_try = self._retry.delay(photo.attempts + 1, error.retry_after)
        if isinstance(error, HostGivenUpError | UnansweredPictureError) or (
            isinstance(error, OversizedPictureError) and self._spoilt.came_twice(photo_id)
        ):
            next_try = None  # A further try in this crawl would not help.
        if (
            next_try is None
            and not photo.picture_known  # A picture that is on disk already is kept.
            and isinstance(error, CorruptPictureError)
            and self._spoilt.is_final(photo_id, host)
        ):
            ledger.record_final_picture(photo_id, "corrupt", reason)
        else:
            ledger.record_failure("image", photo_id, reason, delay=next_try)

    def record_left_behind(self, photo: DuePhoto) -> bool:
        """Record the picture that a killed crawl left on disk; return whether there is one.

        The file is removed if the API has said meanwhile that the photo is a video.
        """
        photo_id = photo.reference.photo_id
        if photo.picture_known or photo.fetch_anew:
            return False
        if not os.path.lexists(image_name(self._images, photo_id)):  # Nearly always.
            return False
        path = image_path(self._folder, photo_id)
        picture = find_picture(path)
        if picture is None:
            return False
        if self._ledger.record_picture(photo_id, picture, refresh=self._refresh):
            self._unchecked.add(photo_id, "")
        else:
            path.unlink(missing_ok=True)
        return True

    def check(self, count: int) -> int:
        """Decode some pictures, make the incomplete ones due again, and return their number."""
        found = 0
        for spoilt in self._unchecked.spoilt(count):
            found += 1
            self._spoilt.record_broken(spoilt.photo_id, spoilt.host, spoilt.body)
            self._take_back(spoilt)
        return found

    def _take_back(self, spoilt: SpoiltPicture) -> None:
        image_path(self._folder, spoilt.photo_id).unlink(missing_ok=True)
        with self._ledger.transaction():
            self._ledger.forget_picture(spoilt.photo_id)
            photo = self._ledger.photo("image", spoilt.photo_id)
            self._record_failure(photo, spoilt.error, spoilt.host)

    def drop_placeholders(self, say: Callable[[str], None]) -> None:
        """Drop the placeholders that were kept as pictures before they were recognized."""
        dropped = drop_shared_pictures(self._ledger, self._folder, self._shared.placeholders)
        if dropped:
            say(f"{dropped} pictures are copies of a few placeholders: they are not kept")
