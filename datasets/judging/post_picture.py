"""A post's picture on its way into the data set."""

import hashlib
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.folder.decisions import Decisions, picture_key
from flickr_emotion.datasets.pictures.files import read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.pictures import prepare_picture


class PostPicture:
    """Read from its bytes or its file, and prepared or reused."""

    def __init__(self, row: dict[str, Any], short_side: int) -> None:
        """Take the picture out of a post (``datasets.sources.raw_posts``), which may have none."""
        self._short_side = short_side
        self._path: Path | None = None
        self._jpeg: bytes | None = None
        self._hash: int | None = None
        self._is_plain: bool | None = None
        self._known = False
        self.usable = False
        """Whether there is a whole picture."""
        self.error: str | None = None
        """Why the picture cannot be used; None where it can, or where there is none."""
        self.key: bytes | None = None
        self._data = self._read(row)
        if self._data is not None:
            self._sha256 = hashlib.sha256(self._data).hexdigest()
            if row.get("image_sha256") not in (None, self._sha256):
                self.error, self._data = "has changed since it was fetched", None
            else:
                self.key = picture_key(row["photo_id"], self._sha256, short_side)

    def prepare(self, known: Decisions) -> None:
        """Decode and reduce the picture, or reuse it from the last build."""
        data, self._data = self._data, None
        if data is None or self.key is None:
            return
        (decided,) = known.find([self.key])
        if decided is not None:
            self.usable = self._known = True
            self._hash = known.picture_hashes[decided].as_py()
            self._is_plain = known.plain_pictures[decided].as_py()
            return
        try:
            prepared = prepare_picture(data, short_side=self._short_side)
        except UnreadablePictureError as error:
            self.error = str(error.of(self._path))
        else:
            self.usable = True
            self._jpeg, self._hash = prepared.jpeg, prepared.hash
            self._is_plain = prepared.is_plain

    def columns(self) -> tuple[Any, ...]:
        """Return ``image``, ``image_known``, ``picture_key``, ``picture_hash``,
        ``picture_is_plain`` and ``image_sha256`` of ``JUDGED_SCHEMA``.
        """
        return self._jpeg, self._known, self.key, self._hash, self._is_plain, self._sha256

    def _read(self, row: dict[str, Any]) -> bytes | None:
        data: bytes | None = row.pop("image_bytes", None)
        if data is not None or row.get("image_path") is None:
            return data
        self._path = Path(row["image_path"])
        try:
            return read_picture_file(self._path)
        except UnreadablePictureError as error:
            self.error = str(error)
            return None
