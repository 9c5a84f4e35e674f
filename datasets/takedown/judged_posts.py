"""What a build has decided on withdrawn posts: the decisions and verdicts that go with them.

A decision has no name but a digest of what was decided on, so the text must be known to find it. A
text that the build has dropped is in no file of the data set: a harvest is asked for it.
"""

from collections import Counter
from dataclasses import dataclass, field

from flickr_emotion.datasets.build.text_filter import TextFilter
from flickr_emotion.datasets.folder.decisions import language_key, picture_key
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.rules.text import post_text, without_urls
from flickr_emotion.datasets.rules.verdicts import KEPT
from flickr_emotion.datasets.takedown.withdrawn_posts import Texts, WithdrawnPosts

_JUDGED = ("empty", "incomplete")
"""The reasons of excluded posts whose texts were judged."""
_LIMITS = ("min_words", "max_words", "language")


@dataclass(kw_only=True)
class JudgedPosts:
    """What a build has decided on withdrawn posts."""

    keys: set[bytes] = field(default_factory=set)
    """The keys of the decisions."""
    verdicts: Counter[str] = field(default_factory=Counter)
    """The verdicts on the texts, as far as the texts are known."""
    unknown: bool = False
    """Whether a text was judged that nobody knows."""

    @classmethod
    def of(cls, dataset: Dataset, found: WithdrawnPosts, texts: Texts) -> "JudgedPosts":
        """Return what the last build has decided on posts; ``texts``: their whole texts."""
        judged, options = cls(), dataset.options
        unknown: list[str] = []
        for photo_id, post in found.posts.items():
            if post.image_sha256:
                side = options.get("short_side", 0)
                judged.keys.add(picture_key(photo_id, post.image_sha256, side))
            if post.row["text"]:
                judged.keys.add(language_key(without_urls(post.row["text"])))
                judged.verdicts[KEPT] += 1
            else:
                unknown.append(photo_id)
        unknown += [name for name, reason in found.excluded.items() if reason in _JUDGED]
        if unknown:
            held = texts(unknown)
            limits = {name: options[name] for name in _LIMITS if name in options}
            for text in TextFilter(**limits).judge([post_text(*it) for it in held.values()]):
                judged.verdicts[text.verdict] += 1
                if text.language_key:
                    judged.keys.add(text.language_key)
            judged.unknown = len(held) < len(unknown)
        return judged
