"""Posts that are nearly the same as another, which a reader can ask for."""

import numpy as np

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.inspect.near_posts import near_groups
from flickr_emotion.datasets.rules.groups import Groups
from flickr_emotion.serve.post_index import Mask, PostIndex
from flickr_emotion.serve.shard_reader import ShardReader


class NearPosts:
    """The groups of posts that are nearly the same."""

    def __init__(self, groups: Groups) -> None:
        """``groups`` (N,): the group of each post."""
        self._groups = groups
        self._sizes = np.bincount(groups)

    def any(self) -> Mask:
        """Return which posts have another that is nearly the same."""
        found: Mask = self._sizes[self._groups] > 1
        return found

    def like(self, post: int) -> Mask:
        """Return a post and those that are nearly the same."""
        found: Mask = self._groups == self._groups[post]
        return found


def find_near_posts(dataset: Dataset, index: PostIndex, reader: ShardReader) -> NearPosts:
    """Find them, when a reader first asks for them; raises ``DamagedDatasetError``."""
    return NearPosts(near_groups(dataset, index.photo_ids, reader.columns("text")))
