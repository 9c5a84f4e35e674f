"""The difficulty of the sandbox's simulation: each subset compared with the paper's Table 1.

    python -m benchmarks.sandbox.simulation_difficulty

Logistic regressions on frozen EfficientNet-lite0 features, on TF-IDF of words and of tags, and on
their concatenations, fitted on 690 complete posts (about as many as in the demo's training, which
also has incomplete ones) and evaluated on the others, over three splits.
"""

from collections import Counter
from statistics import fmean

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from flickr_emotion.common.modalities import COMPLETE, SUBSETS
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import post_text, words
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.simulation.simulation import simulation
from flickr_emotion.model.features.backbone_weights import load_backbone

POSTS = 3600
TRAINING = 690
SPLITS = 3
MIN_COUNT = 5
PAPER = (69.74, 77.69, 78.76, 85.06, 85.90, 91.10, 93.61)


def image_features(posts: list[Post]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the frozen backbone's features of the posts' pictures."""
    backbone = load_backbone("efficientnet_lite0", "imagenet").eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(posts), 32):
            pictures = [
                backbone.preprocessing.picture(post.jpeg(), post.photo_id)
                for post in posts[start : start + 32]
            ]
            rows.append(backbone(torch.stack(pictures)).numpy())
    return np.concatenate(rows)


def token_features(documents: list[list[str]], training: list[int]) -> sp.csr_matrix:
    """Return TF-IDF of the tokens that occur at least five times in training."""
    counts = Counter(token for index in training for token in documents[index])
    kept = sorted(token for token, count in counts.items() if count >= MIN_COUNT)
    vectorizer = TfidfVectorizer(analyzer=list, vocabulary=kept, sublinear_tf=True)
    vectorizer.fit([documents[index] for index in training])
    return vectorizer.transform(documents)


def main() -> None:
    """Print the table."""
    simulated = simulation(posts=POSTS)
    posts = [
        post
        for post in simulated.corpus
        if post.status == "ok" and simulated.subsets[post.photo_id] == COMPLETE
    ]
    labels = np.array([simulated.emotions[post.photo_id] for post in posts])
    pictures = image_features(posts)
    texts = [words(post_text(post.title, post.description)) for post in posts]
    tags = [normalise_tags(tag for tag in post.tags if ":" not in tag) for post in posts]
    accuracies: dict[str, list[float]] = {subset: [] for subset in SUBSETS}
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(posts)).tolist()
        training, test = order[:TRAINING], order[TRAINING:]
        scaled = StandardScaler().fit(pictures[training]).transform(pictures)
        reduced = PCA(96, random_state=0).fit(scaled[training]).transform(scaled)
        features = {
            "image": sp.csr_matrix(reduced / np.sqrt(pictures.shape[1])),
            "text": token_features(texts, training),
            "tags": token_features(tags, training),
        }
        for subset in SUBSETS:
            rows = sp.hstack([features[modality] for modality in subset.split("+")]).tocsr()
            model = LogisticRegression(C=5.0, max_iter=1000).fit(rows[training], labels[training])
            accuracies[subset].append(model.score(rows[test], labels[test]))
    print(f"{TRAINING} posts for training, {len(posts) - TRAINING} for testing, {SPLITS} splits")
    print("| subset | paper, multitask | simulation, logistic regression |\n|---|---|---|")
    for subset, paper in zip(SUBSETS, PAPER, strict=True):
        print(f"| {subset} | {paper:.1f} | {100 * fmean(accuracies[subset]):.1f} |")


if __name__ == "__main__":
    main()
