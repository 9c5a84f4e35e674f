"""What a reader asks for: a filter in the page's address, and the conditions that it stands for.

An address comes from the browser and is untrusted: unknown names are ignored, values are short, and
a value that no post has finds no post.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Filter:
    """The conditions that posts meet; an empty one is none."""

    label: str = ""
    split: str = ""
    subset: str = ""
    license: str = ""
    words: str = ""
    """All of these words are in the text."""
    tag: str = ""
    owner: str = ""
    """An owner's digest."""
    suspects: bool = False
    """The label looks wrong (``inspect --suspects``)."""
    corrected: bool = False
    """A reader has marked it."""
    near: bool = False
    """Another post is nearly the same."""
    like: int | None = None
    """It is nearly the same as the post of this number."""

    def address(self, **changed: object) -> str:
        """Return the filter as the query of an address, with some values changed."""
        values = (asdict(self) | changed).items()
        given = {n: v for n, v in values if v is not False and v is not None and v != ""}
        return urlencode({n: "1" if v is True else v for n, v in given.items()})

    @property
    def is_empty(self) -> bool:
        """Whether it takes all posts."""
        return self == Filter()


def filter_of(query: Mapping[str, str]) -> Filter:
    """Read a filter from the query of an address."""

    def text(name: str) -> str:
        return " ".join(query.get(name, "")[:_LONGEST].split())

    like = query.get("like", "")
    return Filter(
        **{name: text(name) for name in ("label", "split", "subset", "license")},
        words=text("words").lower(),
        tag=text("tag"),
        owner=text("owner").lower(),
        suspects=query.get("suspects") == "1",
        corrected=query.get("corrected") == "1",
        near=query.get("near") == "1",
        like=int(like) if like.isascii() and like.isdigit() and len(like) < 12 else None,
    )
