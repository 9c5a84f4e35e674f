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
import numpy.typing as npt

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset
from flickr_emotion.datasets.pictures.files import picture_path, read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import clean, words
from flickr_emotion.model.config import AUTO, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.features.picture_sizes import PictureSizes
from flickr_emotion.model.features.texts.readers import READ, features_of, say_cut
from flickr_emotion.model.features.texts.views import Floats
from flickr_emotion.model.posts.posts import Post, encode
from flickr_emotion.model.prediction.answers import HeadOpinion, Prediction, RawPost
from flickr_emotion.model.prediction.networks import ReadPosts
from flickr_emotion.model.prediction.opening import open_network

if TYPE_CHECKING:
    import pandas as pd


class _Readable:
    """A post with its picture decoded and its tags normalised."""

    def __init__(self, post: RawPost, sizes: PictureSizes | None, *, partly: bool) -> None:
        """``sizes``: how pictures are prepared; ``partly``: a picture that cannot be read is absent
        if there are text or tags.
        """
        if post.image is None and post.text is None and post.tags is None:
            raise ModelError(f"{post.name} has no modality: give an image, a text or tags")
        text, tags = post.text or "", post.tags or ()
        self.text = text if post.is_clean else clean(text)  # as in data sets
        self.words = words(self.text)
        if post.text is not None and not self.words:
            raise ModelError(f"the text of {post.name} has no word in it: give a text or none")
        self.name = post.name
        self.tags = tags if post.is_clean else normalise_tags(tags)
        if post.tags is not None and not self.tags:
            raise ModelError(f"the tags of {post.name} have no letter in them: give tags or none")
        self.picture: npt.NDArray[np.uint8] | None = None
        self.warning: str | None = None
        """Why the post has no picture, although one was given."""
        if post.image is not None:
            try:
                self.picture = _picture(post.image, post.name, sizes)
            except ModelError as error:
                if not partly or not (self.text or self.tags):
                    raise
                self.warning = str(error)

    @property
    def held(self) -> tuple[bool, bool, bool]:
        """For each of ``MODALITIES``, whether the post holds it."""
        return self.picture is not None, bool(self.text), bool(self.tags)


def _picture(image: bytes | Path, name: str, sizes: PictureSizes | None) -> npt.NDArray[np.uint8]:
    """Return a picture as the run's image encoder reads it; raises ``ModelError``."""
    content = _picture_bytes(image, name)
    if sizes is None:
        return np.empty((0, 0, 3), np.uint8)  # the system reads no pictures
    where = f"{name} ({image})" if isinstance(image, Path) else name
    return sizes.pixels(content, where)


def _picture_bytes(image: bytes | Path, name: str) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return read_picture_file(picture_path(str(image), Path()))
    except UnreadablePictureError as error:
        raise ModelError(f"the picture of {name} {error}: give the path of a picture") from None


class Predictor:
    """A trained run that answers posts: loaded once, asked as often as you like.

    >>> from pathlib import Path
    >>> from flickr_emotion import Predictor
    >>> predictor = Predictor(Path("run"), device="cpu")
    >>> answer = predictor.answer(text="a storm of rage", tags=["riot"])
    >>> answer.label in predictor.classes, round(sum(answer.probabilities.values()), 3)
    (True, 1.0)
    """

    def __init__(self, run: Path, *, device: str = "auto", engine: str = AUTO) -> None:
        """Load a run folder. Raises ``ModelError`` where it is none or is damaged.

        ``engine`` says what runs the network (docs/model.md).
        """
        TrainingConfig(device=device, engine=engine)  # validates the names
        self._network = open_network(run, device=device, engine=engine)
        self._calibration = read_calibration(run)
        self._pool = ThreadPoolExecutor()
        self._cut_said = False
        self._heads: dict[tuple[bool, bool, bool], str | None] = {}
        self.classes = self._network.encoding.classes

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
        answers = self.predict(posts, partly=True, all_heads=explain)
        rows = [output_row(answer, explain=explain) for answer in answers]
        _, *columns = output_columns(self.classes, explain=explain).names  # but for the id
        return pd.DataFrame(rows, index=frame.index, columns=columns)

    def predict(
        self, posts: Sequence[RawPost], *, partly: bool = False, all_heads: bool = True
    ) -> list[Prediction | ModelError]:
        """Return an answer for each post, or the error that prevents one.

        With ``partly``, a post whose picture cannot be read is answered from its text and tags, and
        the answer says so (``warning``). Without ``all_heads`` an answer has only the head that
        gave it, which takes less time.
        """
        seen = [post for post in posts if post.image is not None]
        read_one = partial(self._read, sizes=self._network.sizes if seen else None, partly=partly)
        # Only pictures are read outside of the interpreter's lock.
        with_picture = self._pool.map(read_one, seen)
        read = [read_one(post) if post.image is None else next(with_picture) for post in posts]
        readable = [post for post in read if isinstance(post, _Readable)]
        answers = iter(self._answers(readable, all_heads=all_heads) if readable else ())
        return [next(answers) if isinstance(post, _Readable) else post for post in read]

    def _read(
        self, post: RawPost, *, sizes: PictureSizes | None, partly: bool
    ) -> "_Readable | ModelError":
        try:
            return _Readable(post, sizes, partly=partly)
        except ModelError as error:
            return error

    def _answers(self, posts: list[_Readable], *, all_heads: bool) -> list[Prediction | ModelError]:
        encoded = encode(
            (
                Post(
                    photo_id="",
                    text=p.text,
                    tags=p.tags,
                    has_image=p.picture is not None,
                    label=None,
                    words=p.words,
                )
                for p in posts
            ),
            self._network.encoding,
        )
        read = ReadPosts(
            posts=encoded,
            pictures=[post.picture for post in posts if post.picture is not None],
            texts=self._texts(posts),
        )
        answering = [self._answering(post.held) for post in posts]
        rows: dict[str, list[int]] = {}
        for row, head in enumerate(answering):
            if head is not None:
                rows.setdefault(head, []).append(row)
        asked = {
            head: np.flatnonzero(encoded.holding(head)) if all_heads else np.array(rows[head])
            for head in SUBSETS
            if head in (self._network.ranking if all_heads else rows)
        }
        spoken: list[dict[str, list[float]]] = [{} for _ in posts]
        for head, logits_NC in self._network.logits(read, asked).items():
            probabilities_NC = self._calibration.probabilities(head, logits_NC)
            for row, probabilities in zip(
                asked[head].tolist(), probabilities_NC.tolist(), strict=True
            ):
                spoken[row][head] = probabilities
        return [
            self._prediction(post, subset, heads)
            for post, subset, heads in zip(posts, answering, spoken, strict=True)
        ]

    def _answering(self, held: tuple[bool, bool, bool]) -> str | None:
        """Return the head that answers posts with these modalities; None if none does."""
        if held not in self._heads:
            modalities = [m for m, there in zip(MODALITIES, held, strict=True) if there]
            self._heads[held] = answering_subset(modalities, self._network.ranking)
        return self._heads[held]

    def _texts(self, posts: list[_Readable]) -> dict[str, list[Floats]] | None:
        readers = self._network.readers
        if not readers:
            return None
        before = [reader.cut for reader in readers]
        features = {
            modality: features_of(readers, [(post.text, post.tags) for post in posts], modality)
            for modality in READ
        }
        for reader, earlier in zip(readers, before, strict=True):
            if reader.cut > earlier and not self._cut_said:
                say_cut(reader, reader.cut - earlier, len(posts))
                self._cut_said = True
        return features

    def _prediction(
        self, post: _Readable, subset: str | None, heads: dict[str, list[float]]
    ) -> Prediction | ModelError:
        if subset is None:
            modalities = [m for m, there in zip(MODALITIES, post.held, strict=True) if there]
            return ModelError(
                f"{post.name} has {' and '.join(modalities)}, which the run was not trained "
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
    engine: str = AUTO,
) -> dict[str, Any]:
    """Answer one post: ``{"subset": .., "label": .., "probabilities": {label: p}}``.

    With ``explain`` also ``"heads": {subset: {"label": .., "probability": ..}}``.
    """
    answer = Predictor(run, device=device, engine=engine).answer(image=image, text=text, tags=tags)
    return answer.content(explain=explain)
