"""Answers posts, each with the head of its own subset or, without one, the largest that fits.

Probabilities are calibrated. An answer also holds the other heads' answers, which show what each
modality contributes. For files see ``model/prediction/file_prediction.py``.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset
from flickr_emotion.datasets.pictures.files import picture_path, read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.features.texts.readers import READ, features_of, read_text, say_cut
from flickr_emotion.model.features.texts.text_features import TextFeatures
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import Post, encode
from flickr_emotion.model.prediction.answers import HeadOpinion, Prediction, RawPost
from flickr_emotion.model.processes.devices import choose_device
from flickr_emotion.model.runs.loading import TrainedRun, load_run

if TYPE_CHECKING:
    import pandas as pd


class _Readable:
    """A post with its picture decoded and its tags normalised."""

    def __init__(self, post: RawPost, run: TrainedRun, *, partly: bool) -> None:
        """``partly``: a picture that cannot be read is absent if there are text or tags."""
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
        self.warning: str | None = None
        """Why the post has no picture, although one was given."""
        if post.image is not None:
            try:
                self.picture = _picture(post.image, post.name, run)
            except ModelError as error:
                if not partly or not (self.text or self.tags):
                    raise
                self.warning = str(error)

    @property
    def modalities(self) -> list[str]:
        """The modalities that the post holds."""
        held = (self.picture is not None, bool(self.text), bool(self.tags))
        return [modality for modality, there in zip(MODALITIES, held, strict=True) if there]


def _picture(image: bytes | Path, name: str, run: TrainedRun) -> Tensor:
    """Return a picture as the run's image encoder reads it; raises ``ModelError``."""
    content = _picture_bytes(image, name)
    backbone = run.network.backbone
    if not backbone:
        return torch.empty(0)  # the system reads no pictures
    where = f"{name} ({image})" if isinstance(image, Path) else name
    return backbone.preprocessing.picture(content, where)


def _picture_bytes(image: bytes | Path, name: str) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return read_picture_file(picture_path(str(image), Path()))
    except UnreadablePictureError as error:
        raise ModelError(f"the picture of {name} {error}: give the path of a picture") from None


class _Pictures:
    """The decoded pictures of a few posts."""

    def __init__(self, pictures: list[Tensor]) -> None:
        self._pictures = pictures

    def rows(self, rows: Sequence[int]) -> Tensor:
        return torch.stack([self._pictures[row] for row in rows])


class Predictor:
    """A trained run that answers posts: loaded once, asked as often as you like.

    >>> from pathlib import Path
    >>> from flickr_emotion import Predictor
    >>> predictor = Predictor(Path("run"), device="cpu")
    >>> answer = predictor.answer(text="a storm of rage", tags=["riot"])
    >>> answer.label in predictor.classes, round(sum(answer.probabilities.values()), 3)
    (True, 1.0)
    """

    def __init__(self, run: Path, *, device: str = "auto") -> None:
        """Load a run folder. Raises ``ModelError`` where it is none or is damaged."""
        self._device = choose_device(device)
        self._run = load_run(run, self._device)
        self._calibration = read_calibration(run)
        self._pool = ThreadPoolExecutor()
        self._cut_said = False
        self.classes = self._run.encoding.classes

    def answer(
        self,
        *,
        image: bytes | Path | None = None,
        text: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> Prediction:
        """Answer one post; raises ``ModelError`` where nothing can be said of it."""
        (answer,) = self.predict([RawPost(name="the post", image=image, text=text, tags=tags)])
        if isinstance(answer, ModelError):
            raise answer
        return answer

    def predict_frame(self, frame: "pd.DataFrame", *, explain: bool = False) -> "pd.DataFrame":
        """Answer the rows of a table, which has some of the columns ``image``, ``text``, ``tags``.

        ``image`` holds bytes or paths, ``tags`` lists or texts joined by commas. The result has the
        frame's index and the columns of ``predict --input``: ``subset``, ``label``,
        ``probability_<class>``, ``warning``, ``error``; with ``explain`` also ``heads``, as JSON.
        """
        import pandas as pd

        from flickr_emotion.model.prediction.rows import output_columns, output_row, raw_post

        missing = frame.astype(object).where(frame.notna(), None)
        posts = [
            raw_post({str(name): value for name, value in row.items()}, number, Path())
            for number, row in enumerate(missing.to_dict("records"), start=1)
        ]
        rows = [output_row(answer, explain=explain) for answer in self.predict(posts, partly=True)]
        _, *columns = output_columns(self.classes, explain=explain).names  # but for the id
        return pd.DataFrame(rows, index=frame.index, columns=columns)

    def predict(
        self, posts: Sequence[RawPost], *, partly: bool = False
    ) -> list[Prediction | ModelError]:
        """Return an answer for each post, or the error that prevents one.

        With ``partly``, a post whose picture cannot be read is answered from its text and tags, and
        the answer says so (``warning``).
        """
        read = list(self._pool.map(partial(self._read, partly=partly), posts))
        readable = [post for post in read if isinstance(post, _Readable)]
        answers = iter(self._answers(readable) if readable else ())
        return [next(answers) if isinstance(post, _Readable) else post for post in read]

    def _read(self, post: RawPost, *, partly: bool) -> "_Readable | ModelError":
        try:
            return _Readable(post, self._run, partly=partly)
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
        readers = self._run.readers
        if not readers:
            return None
        before = [reader.cut for reader in readers]
        features = TextFeatures(
            {
                modality: [
                    torch.from_numpy(made)
                    for made in features_of(
                        readers, [read_text(post.text, post.tags, modality) for post in posts]
                    )
                ]
                for modality in READ
            }
        )
        for reader, earlier in zip(readers, before, strict=True):
            if reader.cut > earlier and not self._cut_said:
                say_cut(reader, reader.cut - earlier, len(posts))
                self._cut_said = True
        return features

    def _prediction(
        self, post: _Readable, heads: dict[str, list[float]]
    ) -> Prediction | ModelError:
        subset = answering_subset(
            post.modalities, [head for head in self._run.ranking if head in heads]
        )
        if subset is None:
            return ModelError(
                f"{post.name} has {' and '.join(post.modalities)}, which the run was not trained "
                "to answer: give only some of its modalities"
                + (f"; {post.warning}" if post.warning else "")
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
            warning=post.warning,
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
    answer = Predictor(run, device=device).answer(image=image, text=text, tags=tags)
    return answer.content(explain=explain)
