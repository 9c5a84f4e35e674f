"""Which column of a table of posts has which meaning: by ``--columns``, else by its name.

What was chosen, and what is ignored, is printed: a modality that is silently missing costs a
network more than any setting.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.tables.column_map import find_column
from flickr_emotion.common.tables.opening import looks_like_header
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.cells.seeming import ADDRESSES, SPLITS, TEXT
from flickr_emotion.datasets.sources.class_columns import (
    DISTRIBUTION,
    class_columns,
    in_words,
    is_of_class,
    seeming_warning,
)

CONTENTS = ("text", "title", "description", "tags", "image")
SPLIT = "split"
"""Which split a post is in; read only if ``--split-column`` names it."""
_OF_ONE_COLUMN = ("photo_id", "label", "votes", "owner", "license", *CONTENTS)
MEANINGS = (*_OF_ONE_COLUMN, DISTRIBUTION)
"""What ``--columns`` can name."""

# Other names of a meaning, the first that is there. Compared without case, blanks and underscores.
_OTHER_NAMES = {
    "photo_id": ("photoid", "id", "imageid", "postid", "tweetid", "flickrid", "uuid", "uid"),
    "label": ("emotion", "sentiment", "class", "category", "mood", "labels", "target"),
    "votes": ("agree", "agreeing"),
    "owner": ("ownerid", "userid", "user", "username", "author", "nsid"),
    "license": ("licence",),
    "text": ("caption", "post", "tweet", "content", "body", "sentence", "message"),
    "tags": ("hashtags", "usertags", "tag", "keywords"),
    "image": (
        *("imagepath", "imagefile", "filename", "filepath", "picture", "picturepath", "photo"),
        *("img", "imgpath", "photopath", "path", "file", "imagebytes", "jpg", "jpeg"),
    ),
}
_SHOWN = 20
_LONGEST = 50
"""Characters of a name that are shown."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The columns of a table of posts that are read."""

    columns: dict[str, str]
    """The name of the column of each meaning."""
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def in_words(self) -> str:
        """Return which column is read as what, and which are ignored."""
        read = [
            name if name == meaning else f"{name} as {meaning}"
            for meaning, name in self.columns.items()
            if not is_of_class(meaning)
        ]
        used = ", ".join([*read, *filter(None, [in_words(self.columns)])])
        rest = ", ".join(self.ignored[:_SHOWN])
        more = f" and {len(self.ignored) - _SHOWN} more" if len(self.ignored) > _SHOWN else ""
        return f"columns read: {used}; ignored: {rest or 'none'}{more}"


def choose_columns(
    path: Path,
    names: Sequence[str],
    given: Mapping[str, str],
    *,
    labelled: bool,
    seems: Mapping[str, str],
) -> Chosen:
    """Choose the columns of a table, or raise ``DatasetError`` if one is missing or twice there.

    ``given``: the columns that ``--columns`` names, by meaning. ``labelled``: whether labels are
    needed; without, they are not read. ``seems``: of columns that look like a picture, a text or
    splits, which of them.
    """
    wanted = [it for it in _OF_ONE_COLUMN if labelled or it not in ("label", "votes")]
    wanted += [SPLIT] if SPLIT in given else []
    columns: dict[str, str] = {}
    if DISTRIBUTION in given and labelled:
        columns |= class_columns(path, names, given[DISTRIBUTION])
        wanted += columns
    for meaning in wanted:
        if meaning in given:
            place = find_column(names, given[meaning])
            if place is None:
                refuse_doubled(path, names, [given[meaning]])
                option = "--split-column " if meaning == SPLIT else f"--columns {meaning}="
                raise DatasetError(
                    f"{option}{given[meaning]}: {path} has no such column among {_listed(names)}"
                )
            columns[meaning] = names[place]
    for meaning in wanted:
        refuse_doubled(path, names, [meaning])
        place = find_column(names, meaning)
        if meaning not in columns and place is not None and names[place] not in columns.values():
            columns[meaning] = names[place]
    for meaning in wanted:
        if meaning not in columns and not (
            # A post's words are its title and its description, where one of them is there.
            meaning == "text" and {"title", "description"} & set(columns)
        ):
            other = _other_name(path, meaning, names, columns)
            if other is not None:
                columns[meaning] = other
    if "text" in columns and not {"title", "description"} & set(given):
        columns.pop("title", None)
        columns.pop("description", None)
    _check(path, names, columns, labelled=labelled)
    ignored = tuple(name for name in names if name not in columns.values())
    ordered = {meaning: columns[meaning] for meaning in wanted if meaning in columns}
    return Chosen(
        columns=ordered,
        ignored=ignored,
        warnings=tuple(
            _warning(name, seems[name])
            for name in ignored
            if name in seems and (labelled or seems[name] != SPLITS)
        )
        + ((votes,) if labelled and (votes := seeming_warning(ignored)) else ()),
    )


def refuse_doubled(path: Path, names: Sequence[str], counting: Sequence[str]) -> None:
    """Raise ``DatasetError`` if two columns have the same name, one of those in ``counting``."""
    for name in counting:
        if list(names).count(name) > 1:
            raise DatasetError(f"{path} has two columns {name!r}: give each a name of its own")


def _check(path: Path, names: Sequence[str], columns: Mapping[str, str], *, labelled: bool) -> None:
    refuse_doubled(path, names, list(columns.values()))
    if not names:
        raise DatasetError(f"{path} is empty: give a table of posts")
    if not set(columns) and not looks_like_header(names):
        raise DatasetError(
            f"{path} has no header row, but {_listed(names)}: put the names of the columns into "
            "the first row, such as photo_id, label, text"
        )
    if labelled and "label" not in columns:
        raise DatasetError(
            f"{path} has no column 'label' among {_listed(names)}: name it, for example "
            "--columns label=mood"
        )
    if not set(CONTENTS) & set(columns):
        raise DatasetError(
            f"{path} has none of the columns image, text, title, description, tags among "
            f"{_listed(names)}: name at least one, for example --columns text=words,image=picture"
        )


def _other_name(
    path: Path, meaning: str, names: Sequence[str], columns: Mapping[str, str]
) -> str | None:
    free = {_key(name): name for name in reversed(names) if name not in columns.values()}
    found = [free[key] for key in _OTHER_NAMES.get(meaning, ()) if key in free]
    if meaning == "label" and len(found) > 1:
        raise DatasetError(
            f"{path}: both {found[0]} and {found[1]} may be the label: name it, for example "
            f"--columns label={found[0]}"
        )
    return found[0] if found else None


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(it if len(it) <= _LONGEST else f"{it[:_LONGEST]}..." for it in names[:_SHOWN])


def _warning(name: str, what: str) -> str:
    if what == SPLITS:
        return f"the column {name} holds {what} and is ignored: --split-column {name} uses it"
    if what == ADDRESSES:
        return (
            f"the column {name} holds {what} and is ignored: download the pictures and give their "
            "paths, for example --columns image=path"
        )
    meaning = "text" if what == TEXT else "image"
    return f"the column {name} looks like {what} and is ignored: --columns {meaning}={name} uses it"
