"""Reads one row of a user's own posts: its cells by meaning become the values of a post."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.sources.cells.tags import ABSENT, MARKS, tags_of
from flickr_emotion.datasets.sources.cells.values import (
    label_of,
    name_of,
    photo_id_of,
    plain_text,
    split_of,
    votes_of,
)
from flickr_emotion.datasets.sources.class_columns import ballots_of_cells
from flickr_emotion.datasets.sources.columns import image_of


def place_of(path: Path, number: int) -> str:
    """Name a row in errors; ``number`` counts from 1, without the header and blank lines."""
    return f"{path}, row {number}"


def contents_of(cells: Mapping[str, Any], where: str, folder: Path) -> dict[str, Any]:
    """Return what a post holds: ``title``, ``description``, ``tags`` and ``image``.

    A column ``text`` becomes the description. ``image`` is bytes, a path or None. Raises
    ``DatasetError``.
    """
    described = "text" if "text" in cells else "description"
    image = cells.get("image")
    if isinstance(image, str) and image.strip().casefold() in ABSENT:
        image = None
    image = image_of(image, folder)
    if isinstance(image, Path) and "\0" in str(image):
        raise DatasetError(
            f"{where}: the path of the picture holds a null character: give the name of a file"
        )
    tags = cells.get("tags")
    if isinstance(tags, dict) or (isinstance(tags, list) and any(map(_is_nested, tags))):
        raise DatasetError(f"{where}: tags hold objects or lists: give a list of texts")
    return {
        "title": _words(cells, where, "title"),
        "description": _words(cells, where, described),
        "tags": tags_of(tags),
        "image": image,
    }


def labelled_of(cells: Mapping[str, Any], where: str, post_id: str) -> dict[str, Any]:
    """Return what says which post it is and of which class.

    These are ``photo_id``, ``label``, ``split``, ``votes``, ``ballots``, ``owner``, ``license``.
    ``post_id`` is the id where no column holds one. Raises ``DatasetError``.
    """
    return {
        "photo_id": photo_id_of(cells["photo_id"], where) if "photo_id" in cells else post_id,
        "label": label_of(cells.get("label"), where),
        "split": split_of(cells.get("split"), where),
        "votes": votes_of(cells.get("votes"), where),
        "ballots": ballots_of_cells(cells, where),
        "owner": name_of(cells.get("owner"), where, "owner"),
        "license": name_of(cells.get("license"), where, "license"),
    }


def _words(cells: Mapping[str, Any], where: str, name: str) -> str | None:
    text = plain_text(cells.get(name), where, name)
    return None if text in MARKS else text


def _is_nested(entry: object) -> bool:
    return isinstance(entry, (dict, list))
