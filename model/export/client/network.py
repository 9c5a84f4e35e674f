"""Answers posts with the files of an export: what `predict` does, without torch.

``preprocessing.json`` says which files there are and how a post becomes their inputs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from flickr_emotion.common.modalities import answering_subset
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.model.engines.sessions import open_session
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.export.client.readers import open_reader
from flickr_emotion.model.features.picture_sizes import PictureSizes
from flickr_emotion.model.features.texts.views import features_of_views, read_text
from flickr_emotion.model.posts.ids import tag_ids, word_ids
from flickr_emotion.model.prediction.contents import text_and_tags

Numbers = npt.NDArray[Any]

POSTS_PER_PASS = 32


@dataclass(frozen=True, kw_only=True)
class Post:
    """A post that was read; absent modalities are None."""

    picture: Numbers | None
    """(3, side, side), bytes; empty for a run that reads no pictures."""
    text: str | None
    tags: list[str] | None

    @property
    def modalities(self) -> list[str]:
        """The modalities that the post holds."""
        held = {"image": self.picture, "text": self.text, "tags": self.tags}
        return [modality for modality, content in held.items() if content is not None]


class Network:
    """The files of an export: opened when they are first needed, asked as often as you like."""

    def __init__(self, folder: Path) -> None:
        """Read what the folder says of itself. Raises ``ModelError`` where it is no export."""
        try:
            self._described = json.loads((folder / "preprocessing.json").read_text("utf-8"))
            vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))
            self.classes: list[str] = self._described["classes"]
            self._files: dict[str, Any] = self._described["files"]
            self._inputs: dict[str, Any] = self._described["inputs"]
            self._words, self._tags = vocabulary["words"], vocabulary["tags"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder} holds no export that can be read ({error!r}): export the run again"
            ) from None
        self._session = cache(lambda name: open_session(folder / name))
        self._reader = cache(lambda number: open_reader(folder, self._described["readers"][number]))

    def read(self, row: Mapping[str, Any], picture: bytes | None, name: str) -> Post:
        """Read a post: its raw ``text``, or ``title`` and ``description``, ``tags``, and picture.

        Raises ``ModelError``, which names it, for a picture that cannot be decoded.
        """
        text, tags = text_and_tags(row)
        return Post(
            picture=None if picture is None else self._pixels(picture, name), text=text, tags=tags
        )

    def answer(self, posts: Sequence[Post]) -> list[dict[str, Any]]:
        """Return for each post ``subset``, ``label`` and ``probabilities``, or ``error``."""
        answers: list[dict[str, Any]] = [{} for _ in posts]
        groups: dict[str, list[int]] = {}
        for number, post in enumerate(posts):
            subset = answering_subset(post.modalities, self._files)
            if subset is None:
                held = " and ".join(post.modalities) or "no modality"
                answers[number] = {"error": f"it has {held}, which the run does not answer"}
            else:
                groups.setdefault(subset, []).append(number)
        for subset, numbers in groups.items():
            for at in range(0, len(numbers), POSTS_PER_PASS):
                some = numbers[at : at + POSTS_PER_PASS]
                found = self.probabilities(subset, [posts[number] for number in some])
                for number, probabilities in zip(some, found.tolist(), strict=True):
                    answers[number] = {
                        "subset": subset,
                        "label": self.classes[int(np.argmax(probabilities))],
                        "probabilities": dict(zip(self.classes, probabilities, strict=True)),
                    }
        return answers

    def probabilities(self, subset: str, posts: Sequence[Post]) -> Numbers:
        """Return the probabilities (posts, classes) of posts that hold a subset."""
        file = self._files[subset]
        return self._run(file, {name: self._input(name, posts) for name in file["inputs"]})

    def _input(self, name: str, posts: Sequence[Post]) -> Numbers:
        how = self._inputs[name]
        if name == "image":
            return np.stack([post.picture for post in posts if post.picture is not None])
        if name == "image_features":
            return self._run(how, {"image": self._input("image", posts)})
        if name in ("words", "tags"):
            return _padded([self._ids(name, post, how) for post in posts], how["padding"])
        modality = name.removesuffix("_features")
        parts: list[Numbers] = []
        for number, reader in enumerate(self._described["readers"]):
            read = self._reader(number)
            if reader.get("together"):
                pairs = [(post.text, post.tags) for post in posts]
                parts.append(features_of_views(read, reader["dimension"], pairs, modality))
            else:
                parts.append(read([read_text(post.text, post.tags, modality) for post in posts]))
        return np.concatenate(parts, axis=1)

    def _ids(self, name: str, post: Post, how: dict[str, Any]) -> list[int]:
        limits = {"unknown": how["unknown"], "most": how["most"]}
        if name == "words":
            return word_ids(words(post.text or ""), self._words, **limits)
        return tag_ids(post.tags or (), self._tags, **limits)

    def _pixels(self, content: bytes, name: str) -> Numbers:
        how = self._inputs.get("image")
        if how is None:
            return np.empty(0, np.uint8)
        is_square = "resize_square" in how
        sizes = PictureSizes(
            resize=how["resize_square" if is_square else "resize_short_side"],
            square=is_square,
            crop=how["crop"],
            interpolation=Image.Resampling[how["interpolation"].upper()],
        )
        return sizes.pixels(content, name).transpose(2, 0, 1)

    def _run(self, file: Mapping[str, Any], feeds: dict[str, Numbers]) -> Numbers:
        (found,) = self._session(file["file"]).run([file["output"]], feeds)
        return np.asarray(found)


def _padded(lists: Sequence[list[int]], padding: int) -> npt.NDArray[np.int64]:
    longest = max(map(len, lists))
    return np.array([ids + [padding] * (longest - len(ids)) for ids in lists], np.int64)
