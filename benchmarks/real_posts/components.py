"""The strongest baseline of `table`: principal components of all inputs of the best recipe.

A network on frozen features should be ahead of what scikit-learn makes of the same features in
seconds. So this baseline reads every input of the recipe, reduces each source on its own, so that
the few scores of the lexicon are not lost among thousands of features, and averages a ridge and a
logistic regression.

Shapes in names: N posts, D features, C classes.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from benchmarks.real_posts.answers import Probabilities
from benchmarks.real_posts.baselines import STRENGTHS, Fold
from flickr_emotion.common.split_names import TEST, TRAIN, VALIDATION
from flickr_emotion.model.posts.posts import Floats
from flickr_emotion.model.recipes import LEXICON

_LENGTHS = {"image": 7.0, "text": 5.0, "tags": 4.0, LEXICON: 2.0}
"""The mean norm of a source's features for `PCA + ridge and LR`, chosen on the validation posts."""
_COMPONENTS = (128, 256)
_PENALTIES = (30.0, 100.0, 300.0, 1000.0)


def components_regressions(fold: Fold) -> Probabilities:
    """PCA of each input of the best recipe; the mean of a ridge and a logistic regression on it.

    The number of components and both strengths are those of the lowest loss on validation.
    """
    ridges, regressions = [], []
    labels = {name: np.array(side.labels) for name, side in fold.sides.items()}
    for components in _COMPONENTS:
        inputs = _components(fold, components)
        for penalty in _PENALTIES:
            indicators_NC = labels[TRAIN][:, None] == np.array(fold.classes)
            ridge = Ridge(alpha=penalty).fit(inputs[TRAIN], indicators_NC.astype(np.float32))
            ridges.append(_judged(fold, lambda name: _shares(ridge.predict(inputs[name]))))  # noqa: B023
        for strength in STRENGTHS[:-3]:
            model = LogisticRegression(C=strength, max_iter=1000).fit(inputs[TRAIN], labels[TRAIN])
            regressions.append(_judged(fold, lambda name: model.predict_proba(inputs[name])))  # noqa: B023
    ridge_NC, regression_NC = (
        min(some, key=lambda one: one[0])[1] for some in (ridges, regressions)
    )
    return (ridge_NC + regression_NC) / 2


def _components(fold: Fold, components: int) -> dict[str, Floats]:
    """Return the principal components of each source, standardised; zeros where it is absent."""
    joined: dict[str, list[Floats]] = {name: [] for name in fold.sides}
    for source, training_ND in fold.sides[TRAIN].best.items():
        modality, _, reader = source.partition(" ")
        held_N = fold.sides[TRAIN].held[modality]
        scaler = StandardScaler().fit(training_ND[held_N])
        steps: list[Any] = [scaler]
        if training_ND.shape[1] > components:
            pca = PCA(components, random_state=0).fit(scaler.transform(training_ND[held_N]))
            steps.append(pca)
        length = _LENGTHS.get(reader, _LENGTHS[modality]) / training_ND.shape[1] ** 0.5
        for name, side in fold.sides.items():
            found = side.best[source]
            for step in steps:
                found = step.transform(found)
            joined[name].append(np.where(side.held[modality][:, None], length * found, 0))
    return {name: np.hstack(parts) for name, parts in joined.items()}


def _shares(scores_NC: Floats) -> Probabilities:
    """Return a ridge regression's scores of the classes as probabilities."""
    positive_NC = np.clip(scores_NC, 0.02, None)
    shares: Probabilities = positive_NC / positive_NC.sum(1, keepdims=True)
    return shares


def _judged(fold: Fold, answer: Callable[[str], Probabilities]) -> tuple[float, Probabilities]:
    """Return a model's loss on validation, and its answers to test."""
    labels = fold.sides[VALIDATION].labels
    loss = log_loss(labels, answer(VALIDATION), labels=list(fold.classes))
    return loss, answer(TEST)
