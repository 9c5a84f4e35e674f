"""Selects the training posts, and the modalities they are trained with.

The paper's experiments train on some of the posts only: on the complete ones (section 4.2.1), or on
a fraction of them while the others are cut to a single modality (Figure 5). Posts are cut in memory
instead of in a separate data set, so that picture features are computed once for all experiments.
The vocabulary covers the selected posts only: a word that occurs in no selected post is ``<UNK>``,
as if the other posts had never been collected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from flickr_emotion.common.modalities import COMPLETE, MODALITIES
from flickr_emotion.common.split_names import TRAIN
from flickr_emotion.datasets.build.reduce import kept_modalities
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.folder.vocabulary import Vocabulary
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.datasets.rules.vocabulary import VocabularyCounter
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.posts.posts import NO_IMAGE, Integers, Posts


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The training posts in use."""

    kept: Mapping[str, str]
    """By photo id, the subset to train each post with; other posts are not used."""

    posts_per_epoch: int = 0
    """Posts are repeated in order until an epoch has this many; 0 means no repetition."""

    def vocabulary(self, dataset: Dataset) -> Vocabulary:
        """Count the words and tags of the selected training posts."""
        counter = VocabularyCounter()
        for table in dataset.tables(TRAIN, ("photo_id", "text", "tags")):
            subsets = [self.kept.get(key, "") for key in table["photo_id"].to_pylist()]
            texts = [
                words(text) if text and "text" in subset.split("+") else None
                for text, subset in zip(table["text"].to_pylist(), subsets, strict=True)
            ]
            tags = [
                held if "tags" in subset.split("+") else None
                for held, subset in zip(table["tags"].to_pylist(), subsets, strict=True)
            ]
            lists = pa.list_(pa.string())
            counter.add(pa.array(texts, lists), pa.array(tags, lists))
        return Vocabulary(min_count=dataset.vocabulary().min_count, **counter.counts())

    def cut(self, posts: Posts, dataset: Dataset) -> Posts:
        """Return the selected training posts; their pictures keep their rows.

        Raises ``ModelError`` if there are none.
        """
        subsets = [self.kept.get(photo_id, "") for photo_id, _, _ in training_posts(dataset)]
        chosen = np.flatnonzero([subset != "" for subset in subsets])
        if not len(chosen):
            raise ModelError(f"{dataset.folder}: no training post is selected: build larger splits")
        chosen = np.resize(chosen, max(len(chosen), self.posts_per_epoch))
        held = {
            modality: np.array([modality in subset.split("+") for subset in subsets])[chosen]
            for modality in MODALITIES
        }
        word_ids, word_starts = _parts(posts.words, posts.word_starts, chosen, held["text"])
        tag_ids, tag_starts = _parts(posts.tags, posts.tag_starts, chosen, held["tags"])
        return Posts(
            labels=posts.labels[chosen],
            words=word_ids,
            word_starts=word_starts,
            tags=tag_ids,
            tag_starts=tag_starts,
            image_rows=np.where(held["image"], posts.image_rows[chosen], NO_IMAGE),
            sentiments=None if posts.sentiments is None else posts.sentiments[chosen],
            distributions=None if posts.distributions is None else posts.distributions[chosen],
            places=chosen,
        )


def complete_posts(dataset: Dataset) -> Selection:
    """Select the complete training posts (section 4.2.1)."""
    return Selection(
        kept={key: subset for key, _, subset in training_posts(dataset) if subset == COMPLETE}
    )


def fraction_complete(
    dataset: Dataset, fraction: float, *, seed: int, with_the_cut: bool
) -> Selection:
    """Select the complete training posts, of which only a fraction stays complete (Figure 5).

    ``with_the_cut``, the others keep one modality each. Without it they are not used, and the
    remaining posts are repeated to fill their place, so that a network with few posts is trained
    for as many steps as one with all of them.
    """
    complete = [post for post in training_posts(dataset) if post[2] == COMPLETE]
    kept = kept_modalities(complete, fraction=fraction, seed=seed)
    if with_the_cut:
        return Selection(kept=kept)
    return Selection(
        kept={key: subset for key, subset in kept.items() if subset == COMPLETE},
        posts_per_epoch=len(complete),
    )


def training_posts(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Yield photo id, label and subset of the training posts, in order."""
    for rows in dataset.batches(TRAIN, ("photo_id", "label", "modalities")):
        for row in rows:
            yield row["photo_id"], row["label"], row["modalities"]


def _parts(
    values: Integers, starts: Integers, chosen: Integers, held: np.typing.NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Return the values of the chosen posts end to end; posts that are not ``held`` have none."""
    runs = [
        values[starts[post] : starts[post + 1] if keeps else starts[post]]
        for post, keeps in zip(chosen, held, strict=True)
    ]
    return np.concatenate(runs), np.concatenate([[0], np.cumsum([len(run) for run in runs])])
