"""The usual baselines for `table`: the majority class, logistic regressions.

They are fitted on the same training posts as the systems, with the strength C of the lowest loss on
the same validation posts, and get the same texts, tags and frozen image features. A baseline that
reads some modalities only is fitted on the posts that hold one of them, and answers only those.

Shapes in names: N posts, D features, S size of a sentence vector, C classes.
"""

# ruff: noqa: N803, N806, N815 (shapes in names)

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.real_posts.answers import Probabilities
from benchmarks.real_posts.folds import IMAGE_ENCODER
from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.texts.readers import READ, open_readers
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.splits import open_splits
from flickr_emotion.model.posts.posts import Encoding, Floats
from flickr_emotion.model.recipes import BEST_IMAGES, BEST_TEXT, LEXICON, MINILM

STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Values of C. Thousands of features need the small ones, TF-IDF the large ones."""

_SENTENCE = 384
"""The length of a sentence vector: MiniLM's last layer, the last part of the reader's features."""
_LEXICON = 4
"""The number of the lexicon's features, the last of a modality."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A split's posts as the baselines read them; absent modalities are empty or zeros."""

    labels: list[str]
    words: list[list[str]]
    tags: list[list[str]]
    pictures_ND: Floats
    sentences_NS: Floats
    """The vector of the text followed by that of the tags."""
    best: dict[str, Floats]
    """All inputs of the best recipe, (N, D) by source: pictures, and each reader of texts and of
    tags."""
    held: dict[str, npt.NDArray[np.bool_]]
    """By modality."""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A data set's splits as the baselines read them."""

    classes: tuple[str, ...]
    sides: dict[str, Side]


def read_fold(dataset: Dataset) -> Fold:
    """Read a data set; features are kept in the same place as in training."""
    usual, best = (
        open_splits(
            dataset,
            SPLITS,
            Encoding.of(dataset),
            load_backbone(encoder, "imagenet"),
            finetuned=False,
            run_folder=dataset.folder,
            device=torch.device("cpu"),
            readers=open_readers(readers),
        )
        for encoder, readers in ((IMAGE_ENCODER, (MINILM,)), (BEST_IMAGES, (BEST_TEXT, LEXICON)))
    )
    return Fold(
        classes=dataset.classes,
        sides={name: _side(dataset, name, usual[name], best[name]) for name in SPLITS},
    )


def _side(dataset: Dataset, name: str, usual: Split, best: Split) -> Side:
    columns = ("label", "text", "tags", "modalities")
    posts = [row for rows in dataset.batches(name, columns) for row in rows]
    held = {m: np.array([m in row["modalities"].split("+") for row in posts]) for m in MODALITIES}
    return Side(
        labels=[row["label"] for row in posts],
        words=[words(row["text"] or "") for row in posts],
        tags=[row["tags"] for row in posts],
        pictures_ND=_pictures(usual, held["image"]),
        sentences_NS=np.concatenate([read[:, -_SENTENCE:] for read in _read(usual)], axis=1),
        best={"image": _pictures(best, held["image"])} | _by_reader(best),
        held=held,
    )


def _pictures(split: Split, held_N: npt.NDArray[np.bool_]) -> Floats:
    """Return the features of pictures, zeros for a post without one."""
    pictures_ND = split.images.rows(list(range(split.posts.images))).numpy()
    all_ND = np.zeros((len(held_N), pictures_ND.shape[1]), np.float32)
    all_ND[held_N] = pictures_ND
    return all_ND


def _read(split: Split) -> list[Floats]:
    """Return the readers' features of texts and of tags, zeros for a post without them."""
    assert split.texts is not None
    places = list(range(len(split.posts)))
    return [split.texts.rows(modality, places).numpy() for modality in READ]


def _by_reader(split: Split) -> dict[str, Floats]:
    """Return the features of the best recipe's two readers, by modality and reader."""
    return {
        f"{modality} {reader}": part
        for modality, read_ND in zip(READ, _read(split), strict=True)
        for reader, part in (
            (BEST_TEXT, read_ND[:, :-_LEXICON]),
            (LEXICON, read_ND[:, -_LEXICON:]),
        )
    }


def majority(fold: Fold) -> Probabilities:
    """Predict each class with its share of the training posts."""
    labels = fold.sides[TRAIN].labels
    shares = [labels.count(name) / len(labels) for name in fold.classes]
    return np.tile(shares, (len(fold.sides[TEST].labels), 1))


def tfidf_text(fold: Fold) -> Probabilities:
    """TF-IDF of a text's words."""
    return _fitted(fold, _tfidf, lambda side: side.words, ("text",))


def tfidf_tags(fold: Fold) -> Probabilities:
    """TF-IDF of the tags."""
    return _fitted(fold, _tfidf, lambda side: side.tags, ("tags",))


def tfidf_text_and_tags(fold: Fold) -> Probabilities:
    """TF-IDF of words and tags; a token that is both is counted once."""
    return _fitted(
        fold,
        _tfidf,
        lambda side: [text + tags for text, tags in zip(side.words, side.tags, strict=True)],
        ("text", "tags"),
    )


def image_features(fold: Fold) -> Probabilities:
    """Frozen image features."""
    return _fitted(fold, StandardScaler, lambda side: side.pictures_ND, ("image",))


def late_fusion(fold: Fold) -> Probabilities:
    """The mean over those regressions on text, tags and image that can answer."""
    answers_MNC = np.stack([tfidf_text(fold), tfidf_tags(fold), image_features(fold)])
    given_MNC = ~np.isnan(answers_MNC)
    counts_NC = given_MNC.sum(0)
    sums_NC = np.where(given_MNC, answers_MNC, 0).sum(0)
    return np.where(counts_NC, sums_NC / np.maximum(counts_NC, 1), np.nan)


def image_and_sentence(fold: Fold) -> Probabilities:
    """Image features with the sentence vectors of text and tags."""
    return _fitted(
        fold,
        StandardScaler,
        lambda side: np.concatenate([side.pictures_ND, side.sentences_NS], axis=1),
        MODALITIES,
    )


def best_features(fold: Fold) -> Probabilities:
    """All inputs of the best recipe."""
    return _fitted(fold, StandardScaler, lambda side: np.hstack([*side.best.values()]), MODALITIES)


BASELINES: dict[str, Callable[[Fold], Probabilities]] = {
    "majority": majority,
    "TF-IDF + LR, text": tfidf_text,
    "TF-IDF + LR, text and tags": tfidf_text_and_tags,
    "LR, image features": image_features,
    "late fusion of LRs on text, tags, image": late_fusion,
    "LR, image features + sentence vectors": image_and_sentence,
    "LR, all that the best recipe reads": best_features,
}


def _tfidf() -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=lambda tokens: tokens, sublinear_tf=True)


def _fitted(
    fold: Fold,
    first_step: Callable[[], Any],
    features: Callable[[Side], Any],
    modalities: Sequence[str],
) -> Probabilities:
    """Fit a regression for each strength; answer with the one of the lowest validation loss."""
    rows = {
        name: np.flatnonzero(np.any([side.held[m] for m in modalities], axis=0))
        for name, side in fold.sides.items()
    }
    inputs = {name: _chosen(features(side), rows[name]) for name, side in fold.sides.items()}
    labels = {name: _chosen(side.labels, rows[name]) for name, side in fold.sides.items()}
    fitted = []
    for strength in STRENGTHS:
        model = make_pipeline(first_step(), LogisticRegression(C=strength, max_iter=1000))
        model.fit(inputs[TRAIN], labels[TRAIN])
        said_NC = model.predict_proba(inputs[VALIDATION])
        fitted.append((log_loss(labels[VALIDATION], said_NC, labels=model.classes_), model))
    _, best = min(fitted, key=lambda one: one[0])
    assert tuple(best.classes_) == fold.classes
    answers_NC = np.full((len(fold.sides[TEST].labels), len(fold.classes)), np.nan)
    answers_NC[rows[TEST]] = best.predict_proba(inputs[TEST])
    return answers_NC


def _chosen(values: Any, rows: npt.NDArray[np.int64]) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
