"""A post on a page: its picture, text and tags, which come from others and are untrusted.

Every text is escaped and its control characters are replaced; every picture is decoded completely
and, but for small JPEGs, encoded again.
"""

from flickr_emotion.common.modalities import subset_in_words
from flickr_emotion.common.presentation.page import html_picture, safe
from flickr_emotion.common.printing import shortened
from flickr_emotion.datasets.inspect.samples import Sample
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.pictures import prepare_picture

_THUMBNAIL = 160
_SHOWN_CHARACTERS = 400


def post_card(
    sample: Sample, picture: bytes | None, *, said: str = "", level: int = 4, more: str = ""
) -> str:
    """Return a post as an item of a list of the class ``posts``.

    ``said``, a text, is its heading, of this level; ``more`` is HTML that follows at its end.
    """
    parts = ['<li class="post">\n']
    parts += [f"<h{level}>{safe(said)}</h{level}>\n"] if said else []
    if picture is not None:
        try:
            thumbnail = prepare_picture(picture, short_side=_THUMBNAIL).jpeg
            name = f"Picture of post {sample.photo_id}, labelled {sample.label}"
            parts.append(html_picture(thumbnail, name))
        except UnreadablePictureError as error:
            parts.append(f"<p>The picture {safe(error)}</p>\n")
    text = shortened(sample.text or "", _SHOWN_CHARACTERS)
    parts += [f"<p>{safe(text)}</p>\n"] if text else []
    parts += [f'<p class="small">Tags: {safe(", ".join(sample.tags))}</p>\n'] if sample.tags else []
    holds = subset_in_words(sample.subset)
    parts.append(f'<p class="small">Post {safe(sample.photo_id)}, which has {safe(holds)}</p>\n')
    return "".join([*parts, more, "</li>\n"])
