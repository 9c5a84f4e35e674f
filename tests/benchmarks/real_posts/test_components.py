"""The strongest baseline of the table on made-up features."""

import numpy as np

from benchmarks.real_posts.baselines import Fold, Side
from benchmarks.real_posts.components import components_regressions
from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.split_names import SPLITS

CLASSES = ("bad", "good", "neither")
SOURCES = {"image": 300, "text mpnet": 150, "text lexicon": 4, "tags mpnet": 150, "tags lexicon": 4}


def side(posts: int, seed: int) -> Side:
    """Return posts of which the lexicon of the text alone tells the class; a third have no text."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 3, posts)
    held = {m: np.ones(posts, bool) for m in MODALITIES} | {"text": np.arange(posts) % 3 > 0}
    best = {name: random.normal(size=(posts, size)) for name, size in SOURCES.items()}
    best["text lexicon"][np.arange(posts), classes] += 6.0
    for name, features in best.items():
        features[~held[name.partition(" ")[0]]] = 0
    return Side(
        labels=[CLASSES[number] for number in classes],
        words=[],
        tags=[],
        pictures_ND=np.zeros((posts, 0), np.float32),
        sentences_NS=np.zeros((posts, 0), np.float32),
        best={name: features.astype(np.float32) for name, features in best.items()},
        held=held,
    )


def test_a_few_scores_are_not_lost_among_many_features() -> None:
    """The classes that they tell apart are told; a post without them gets no answer of theirs."""
    fold = Fold(
        classes=CLASSES,
        sides={
            name: side(posts, n)
            for n, (name, posts) in enumerate(zip(SPLITS, (300, 90, 90), strict=True))
        },
    )
    answers = components_regressions(fold)
    tested = fold.sides[SPLITS[2]]
    labels = np.array([CLASSES.index(name) for name in tested.labels])
    right = answers.argmax(1) == labels
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    assert right[tested.held["text"]].mean() > 0.9
    assert right[~tested.held["text"]].mean() < 0.7
