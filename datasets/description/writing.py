"""Writes the files that describe a data set, when all its other files are written."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flickr_emotion.common.whole_files import json_text
from flickr_emotion.datasets.description.card import data_set_card
from flickr_emotion.datasets.description.croissant import croissant
from flickr_emotion.datasets.description.datasheet import datasheet
from flickr_emotion.datasets.description.post_counts import votes_of, with_preferences
from flickr_emotion.datasets.folder.file_digests import file_digests, with_digests
from flickr_emotion.datasets.folder.layout import CARD, CROISSANT, DESCRIPTION, VOCABULARY


def write_description(
    folder: Path,
    content: dict[str, Any],
    vocabulary: Mapping[str, Any],
    known: Mapping[str, dict[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write vocabulary, Croissant, card and, last, ``dataset.json``, which is returned.

    ``content``: what ``dataset.json`` says, without the counts by preference, which are made from
    ``references.parquet``, and without the digests of the files. ``known``: the digests of files
    that were taken over unchanged.
    """
    content = content | {"counts": with_preferences(folder, content["counts"])}
    _write_json(folder / VOCABULARY, vocabulary)
    sheet = datasheet(content, votes_of(folder))
    # Of a folder that is described anew, the old one does not count.
    files = {it: found for it, found in file_digests(folder, known).items() if it != CROISSANT}
    _write_json(folder / CROISSANT, croissant(content, sheet, files))
    (folder / CARD).write_text(data_set_card(content, sheet), encoding="utf-8")
    described = with_digests(folder, content, files)
    _write_json(folder / DESCRIPTION, described)
    return described


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json_text(content), encoding="utf-8")
