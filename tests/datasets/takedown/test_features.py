"""Features beside a data set from which posts are withdrawn."""

from pathlib import Path

import numpy as np

from flickr_emotion.common.takedown.feature_folders import features_path, write_made_from
from flickr_emotion.datasets.takedown.features import features_follow


def test_rows_follow_and_what_was_learnt_of_the_posts_does_not(tmp_path: Path) -> None:
    """Layers of an encoder that was trained on a withdrawn post are removed."""
    for name in ("sentences", "tuned-layers"):
        folder = tmp_path / features_path(name, "before")
        folder.mkdir(parents=True)
        write_made_from(folder, [name, "before"])
        split = "train-text" if name == "sentences" else "tuned"
        np.save(folder / f"{split}.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    places = {("train", False): [1]}
    removed = features_follow(
        tmp_path,
        lambda split, image: places.get((split, image), []),
        before="before",
        after="after",
    )
    assert removed == 1
    (left,) = (tmp_path / "features").iterdir()
    assert left == tmp_path / features_path("sentences", "after")
    assert np.load(left / "train-text.npy").tolist() == [[0, 1], [4, 5]]
