"""The first pass of ``build-splits``: what of each listed photo stays in the data set.

Label, text, picture and tags are decided here, each by the rule of its own module.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from datasets.build_options import BuildOptions
from datasets.harvested import Harvest, HarvestedPhoto
from datasets.labels import Label, NoLabel
from datasets.modalities import COMPLETE, subset_name
from datasets.pictures import UnreadablePictureError, prepare_picture
from datasets.spool import Post, Spool
from datasets.tags import normalise_tags
from datasets.text import post_text
from datasets.text_filter import KEPT, TextFilter

_BATCH = 2000
_SHOWN_PICTURES = 20


@dataclass(kw_only=True)
class Tally:
    """What the first pass counted, for the report."""

    excluded: list[tuple[str | None, str, str]] = field(default_factory=list)
    """Photo id, source and reason of what is not in the data set."""
    texts: Counter[str] = field(default_factory=Counter)
    """Posts by the verdict on their text."""
    listed: int = 0
    pictures_left_out: int = 0


def judge(
    harvest: Harvest,
    spool: Spool,
    tally: Tally,
    options: BuildOptions,
    say: Callable[[str], None],
) -> None:
    """Put every post that stays into the spool, and everything else into the tally."""
    text_filter = TextFilter(
        min_words=options.min_words, max_words=options.max_words, language=options.language
    )
    keep_incomplete = options.incomplete_posts(harvest.kind) == "keep"
    photos = _labelled(harvest.photos(min_votes=options.min_votes), tally)
    # Pillow lets go of the interpreter while it decodes, so threads use every core.
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(photos, _BATCH)):
            texts = [post_text(photo.title, photo.description) for photo, _ in batch]
            verdicts = text_filter.judge(texts)
            pictures = pool.map(lambda item: _picture(item[0], options.short_side), batch)
            for (photo, label), text, verdict, picture in zip(
                batch, texts, verdicts, pictures, strict=True
            ):
                tally.texts[verdict] += 1
                if isinstance(picture, UnreadablePictureError):
                    tally.pictures_left_out += 1
                    if tally.pictures_left_out <= _SHOWN_PICTURES:
                        say(f"the picture of photo {photo.photo_id} {picture}: left out")
                    picture = None
                tags = tuple(normalise_tags(photo.tags))
                present = {"image": picture, "text": verdict == KEPT, "tags": tags}
                modalities = [modality for modality, there in present.items() if there]
                if not modalities:
                    tally.excluded.append((photo.photo_id, photo.source, "empty"))
                elif not keep_incomplete and subset_name(modalities) != COMPLETE:
                    tally.excluded.append((photo.photo_id, photo.source, "incomplete"))
                else:
                    spool.add(
                        Post(
                            photo_id=photo.photo_id,
                            image=picture,
                            text=text if verdict == KEPT else None,
                            tags=tags,
                            label=label.name,
                            votes=label.votes,
                            sentiment=label.sentiment,
                            owner=_owner_digest(photo.owner, options.seed),
                            license=photo.license,
                            modalities=subset_name(modalities),
                        )
                    )


def _labelled(
    photos: Iterator[HarvestedPhoto], tally: Tally
) -> Iterator[tuple[HarvestedPhoto, Label]]:
    """Pass on the photos that have a label and a post; exclude the others.

    The label comes first: it depends on the list alone, not on what Flickr has lost meanwhile.
    """
    for photo in photos:
        tally.listed += 1
        if isinstance(photo.label, NoLabel):
            tally.excluded.append((photo.photo_id, photo.source, photo.label.reason))
        elif photo.outcome != "ok":
            tally.excluded.append((photo.photo_id, photo.source, photo.outcome))
        else:
            yield photo, photo.label


def _picture(photo: HarvestedPhoto, short_side: int) -> bytes | UnreadablePictureError | None:
    if photo.picture is None:
        return None
    try:
        data = photo.picture.read_bytes()
    except OSError as error:
        return UnreadablePictureError(f"cannot be read ({error.strerror})")
    if hashlib.sha256(data).hexdigest() != photo.picture_sha256:
        return UnreadablePictureError("is not the one that was fetched")
    try:
        return prepare_picture(data, short_side=short_side)
    except UnreadablePictureError as error:
        return error


def _owner_digest(owner: str | None, seed: int) -> str | None:
    """Return a name for an owner that groups their posts and is not their name."""
    return hashlib.sha256(f"owner:{seed}:{owner}".encode()).hexdigest()[:16] if owner else None
