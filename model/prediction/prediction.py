"""Answers posts, each with the head of its own subset.

Probabilities are calibrated. An answer also holds the other heads' answers, which show what each
modality contributes. For files see ``model/prediction/file_prediction.py``.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import answering_subset
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.features.text_features import READ, TextFeatures, features_of, read_text
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import Post, encode
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.runs.loading import TrainedRun, load_run


@dataclass(frozen=True, kw_only=True)
class RawPost:
    """A post as a user gives it; absent modalities are None."""

    name: str
    """The name of the post in error messages."""
    image: bytes | Path | None = None
    text: str | None = None
    tags: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class HeadOpinion:
    """One head's answer to a post."""

    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one post."""

    subset: str
    """The subset of the head that gave the answer."""
    label: str
    probabilities: dict[str, float]
    heads: dict[str, HeadOpinion]
    """By subset, the answers of all heads that can answer the post."""

    def content(self, *, explain: bool) -> dict[str, Any]:
        """Return the answer as JSON content; ``heads`` only with ``explain``."""
        content = asdict(self)
        return content if explain else {n: v for n, v in content.items() if n != "heads"}


class _Readable:
    """A post with its picture decoded and its tags normalised."""

    def __init__(self, post: RawPost, run: TrainedRun) -> None:
        if post.image is None and post.text is None and post.tags is None:
            raise ModelError(f"{post.name} has no modality: give an image, a text or tags")
        self.text = clean(post.text or "")  # as in data sets
        if post.text is not None and not words(self.text):
            raise ModelError(f"the text of {post.name} has no word in it: give a text or none")
        self.name = post.name
        self.tags = normalise_tags(post.tags or ())
        if post.tags is not None and not self.tags:
            raise ModelError(f"the tags of {post.name} have no letter in them: give tags or none")
        self.picture: Tensor | None = None
        if post.image is not None:
            content = _picture_bytes(post.image, post.name)
            backbone = run.network.backbone
            # A system that reads no pictures gets an empty tensor.
            self.picture = torch.empty(0)
            if backbone:
                self.picture = backbone.preprocessing.picture(content, post.name)

    @property
    def modalities(self) -> list[str]:
        """The modalities that the post holds."""
        held = (self.picture is not None, bool(self.text), bool(self.tags))
        return [modality for modality, there in zip(MODALITIES, held, strict=True) if there]


def _picture_bytes(image: bytes | Path, name: str) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return image.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ModelError(
            f"the picture of {name} cannot be read: {image} ({reason}): give the path of a picture"
        ) from None


class _Pictures:
    """The decoded pictures of a few posts."""

    def __init__(self, pictures: list[Tensor]) -> None:
        self._pictures = pictures

    def rows(self, rows: Sequence[int]) -> Tensor:
        return torch.stack([self._pictures[row] for row in rows])


class Predictor:
    """A loaded run that answers posts."""

    def __init__(self, run: Path, *, device: str = "auto") -> None:
        self._device = choose_device(device)
        self._run = load_run(run, self._device)
        self._calibration = read_calibration(run)
        self._pool = ThreadPoolExecutor()
        self.classes = self._run.encoding.classes

    def predict(self, posts: Sequence[RawPost]) -> list[Prediction | ModelError]:
        """Return an answer for each post, or the error that prevents one."""
        read = list(self._pool.map(self._read, posts))
        readable = [post for post in read if isinstance(post, _Readable)]
        answers = iter(self._answers(readable) if readable else ())
        return [next(answers) if isinstance(post, _Readable) else post for post in read]

    def _read(self, post: RawPost) -> "_Readable | ModelError":
        try:
            return _Readable(post, self._run)
        except ModelError as error:
            return error

    @torch.inference_mode()
    def _answers(self, posts: list[_Readable]) -> list[Prediction | ModelError]:
        encoded = encode(
            (
                Post(
                    photo_id="",
                    text=p.text,
                    tags=p.tags,
                    has_image=p.picture is not None,
                    label=None,
                )
                for p in posts
            ),
            self._run.encoding,
        )
        images = _Pictures([post.picture for post in posts if post.picture is not None])
        split = Split(posts=encoded, images=images, texts=self._texts(posts))
        batch = split.batch(np.arange(len(posts))).to(self._device)
        spoken: list[dict[str, list[float]]] = [{} for _ in posts]
        answers = self._run.network(batch)
        for subset in (subset for subset in SUBSETS if subset in answers):
            logits_NC = answers[subset].float().cpu().numpy()
            probabilities_NC = self._calibration.probabilities(subset, logits_NC)
            rows = batch.rows[subset].tolist()
            for row, probabilities in zip(rows, probabilities_NC.tolist(), strict=True):
                spoken[row][subset] = probabilities
        return [self._prediction(post, heads) for post, heads in zip(posts, spoken, strict=True)]

    def _texts(self, posts: list[_Readable]) -> TextFeatures | None:
        if not self._run.readers:
            return None
        return TextFeatures(
            {
                modality: features_of(
                    self._run.readers, [read_text(post.text, post.tags, modality) for post in posts]
                )
                for modality in READ
            }
        )

    def _prediction(
        self, post: _Readable, heads: dict[str, list[float]]
    ) -> Prediction | ModelError:
        subset = answering_subset(post.modalities, heads)
        if subset is None:
            return ModelError(
                f"{post.name} has {' and '.join(post.modalities)}, which the run was not trained "
                "to answer: give only some of its modalities"
            )
        opinions = {}
        for head, probabilities in heads.items():
            probability = max(probabilities)
            label = self.classes[probabilities.index(probability)]
            opinions[head] = HeadOpinion(label=label, probability=probability)
        return Prediction(
            subset=subset,
            label=opinions[subset].label,
            probabilities=dict(zip(self.classes, heads[subset], strict=True)),
            heads=opinions,
        )


def predict_one(
    run: Path,
    *,
    image: Path | bytes | None = None,
    text: str | None = None,
    tags: Sequence[str] | None = None,
    explain: bool = False,
    device: str = "auto",
) -> dict[str, Any]:
    """Answer one post: ``{"subset": .., "label": .., "probabilities": {label: p}}``.

    With ``explain`` also ``"heads": {subset: {"label": .., "probability": ..}}``.
    """
    post = RawPost(name="the post", image=image, text=text, tags=tags)
    (answer,) = Predictor(run, device=device).predict([post])
    if isinstance(answer, ModelError):
        raise answer
    return answer.content(explain=explain)
