"""A run's network in torch: the reference, for every system and on every device."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from flickr_emotion.model.features.picture_sizes import PictureSizes
from flickr_emotion.model.features.texts.text_features import TextFeatures
from flickr_emotion.model.features.texts.views import Floats
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.prediction.networks import ReadPosts
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.runs.loading import load_run


class TorchRun:
    """Answers with the network that was trained."""

    def __init__(self, run: Path, *, device: str, engine: str) -> None:
        """Load a run folder. Raises ``ModelError`` where it is none or is damaged."""
        self._device = choose_device(device)
        self.run = load_run(run, self._device, engine)
        self.encoding, self.readers = self.run.encoding, self.run.readers
        self.ranking = self.run.ranking

    @property
    def sizes(self) -> PictureSizes | None:
        """How pictures are prepared."""
        backbone = self.run.network.backbone
        return backbone.preprocessing if backbone else None

    @torch.inference_mode()
    def logits(self, read: ReadPosts, rows: Mapping[str, Integers]) -> dict[str, Floats]:
        """Return, by head, its logits (N, C) for the posts at ``rows[head]``."""
        texts = None
        if read.texts is not None:
            texts = TextFeatures(
                {
                    modality: [torch.from_numpy(one) for one in each]
                    for modality, each in read.texts.items()
                }
            )
        split = Split(posts=read.posts, images=_Pictures(read.pictures), texts=texts)
        batch = split.batch(np.arange(len(read.posts))).to(self._device)
        answers = self.run.network(batch, [head for head, chosen in rows.items() if len(chosen)])
        found = {}
        for head, chosen in rows.items():
            if head in answers:
                places = np.searchsorted(batch.rows[head].cpu().numpy(), chosen)
                found[head] = answers[head].float().cpu().numpy()[places]
        return found


class _Pictures:
    """The decoded pictures of a few posts."""

    def __init__(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        self._pictures = pictures

    def rows(self, rows: Sequence[int]) -> Tensor:
        return torch.stack([torch.from_numpy(self._pictures[row]).permute(2, 0, 1) for row in rows])
