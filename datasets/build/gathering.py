"""Gathers the few numbers of each post that splits, groups and leaks are computed from.

The split rule needs all posts in memory at once. So few bytes of each are kept here that twenty
million posts fit into 1.5 GB; everything else of a post stays in the spool.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.build.judged_posts import first_numbers
from flickr_emotion.datasets.build.judged_rows import fixed_bytes
from flickr_emotion.datasets.build.spool import Spool
from flickr_emotion.datasets.rules.groups import PostGroups
from flickr_emotion.datasets.rules.near_duplicates import (
    SIGNATURE_BYTES,
    Edges,
    components,
    near_pictures,
    near_texts,
    near_texts_among,
)
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.permissions import NOT_KNOWN
from flickr_emotion.datasets.rules.splits import Candidates, Places, fraction_of
from flickr_emotion.datasets.rules.word_sets import WordSets, WordSetsFile

_SHOWN_PICTURES = 20
_COLUMNS = (
    *("place", "photo_id", "reason", "label", "votes", "modalities", "split", "owner"),
    "ballots",
    *("picture_error", "picture_hash", "text_signature", "verdict", "words", "preference"),
)


@dataclass(kw_only=True)
class Gathered:
    """The results of the first pass: arrays over the posts that are not excluded, in the order of
    their digests."""

    classes: list[str]
    labels: npt.NDArray[np.int16]
    votes: npt.NDArray[np.int32]
    """Agreeing votes; -1 for a post without a number of votes."""
    subsets: npt.NDArray[np.int8]
    """One bit for each modality, in the order of ``MODALITIES`` from the lowest bit."""
    fixed: Places
    """The split that a manifest or a column gives; -1 where there is none."""
    numbers: npt.NDArray[np.uint64]
    """The first 64 bits of each post's digest."""
    owners: npt.NDArray[np.uint64]
    """A number for the owner; 0 for none."""
    hashed: npt.NDArray[np.bool_]
    """Whether each post has a picture with a hash."""
    picture_hashes: npt.NDArray[np.uint64]
    """One for each of these posts."""
    text_signatures: npt.NDArray[np.uint8]
    """(number of posts with a text, 64)."""
    words: WordSets
    """The sets of words of the posts with a text."""
    texts: Counter[str] = field(default_factory=Counter)
    """Posts by the verdict on their text."""
    excluded: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    """Number of posts and excluded photos together."""
    pictures_left_out: int = 0
    shown_pictures: list[tuple[str, str]] = field(default_factory=list)
    """Photo id and error of the first pictures that were left out."""
    unusable_pictures: list[str] = field(default_factory=list)
    """Photo ids of all pictures that were left out."""
    unknown_preferences: int = 0
    """Posts of which nobody knows what is stated on their use."""
    distributions: bool = False
    """Whether the votes on any post say more than those for its label."""

    def has(self, modality: str) -> npt.NDArray[np.bool_]:
        """Return whether each post has a modality."""
        return (self.subsets >> MODALITIES.index(modality) & 1).astype(bool)

    def needed(self, kind: str, options: BuildOptions) -> tuple[str, ...]:
        """Return the modalities that a post needs to be evaluated on.

        Of the published lists these are all three, as in the paper. Of a user's own posts these are
        the modalities that most posts have together, so that a rare one does not empty validation
        and test; with folds none, because the test sets must cover the data.
        """
        if options.needed is not None:
            return options.needed
        if kind != "labels":
            return MODALITIES
        needed: tuple[str, ...] = ()
        if options.fold is None:
            for modality in sorted(MODALITIES, key=self.holding, reverse=True):
                if 2 * self.holding(*needed, modality) >= len(self.subsets):
                    needed += (modality,)
        return tuple(modality for modality in MODALITIES if modality in needed)

    def holding(self, *modalities: str) -> int:
        """Return how many posts have all of these modalities."""
        return int(np.count_nonzero(self._hold(modalities)))

    def _hold(self, modalities: Sequence[str]) -> npt.NDArray[np.bool_]:
        bits = sum(1 << MODALITIES.index(modality) for modality in modalities)
        held: npt.NDArray[np.bool_] = (self.subsets & bits) == bits
        return held

    def candidates(self, needed: Sequence[str], options: BuildOptions) -> Candidates:
        """Return the input of the split rule; ``needed`` are the modalities of evaluated posts."""
        complete = self._hold(needed)
        enough = (self.votes < 0) | (self.votes >= options.eval_votes)
        return Candidates(
            classes=self.labels,
            complete=complete,
            eligible=complete & enough,
            test=fraction_of(options.test_fraction),
            validation=fraction_of(options.validation_fraction),
        )

    def groups(self) -> PostGroups:
        """Find the posts of one owner, and those whose pictures or texts are nearly the same."""
        owner = np.full(len(self.owners), -1, np.int32)
        known = self.owners != 0
        owner[known] = np.unique(self.owners[known], return_inverse=True)[1]
        picture, text = np.full_like(owner, -1), np.full_like(owner, -1)
        picture[self.hashed] = components(
            len(self.picture_hashes), near_pictures(self.picture_hashes)
        )
        text[self.has("text")] = components(
            len(self.text_signatures), near_texts(self.text_signatures, self.words)
        )
        return PostGroups(owner=owner, picture=picture, text=text)

    def near_training_texts(self, places: Places) -> Edges:
        """Return an edge from each evaluated post to a training post with nearly the same text.

        Every validation and test post is checked by itself, against more candidates than the groups
        are found among.
        """
        posts = np.flatnonzero(self.has("text"))
        split = places[posts]
        training = np.flatnonzero(split == SPLITS.index(TRAIN))
        evaluated = np.flatnonzero(split > SPLITS.index(TRAIN))
        one, other = near_texts_among(evaluated, training, self.text_signatures, self.words)
        return posts[one], posts[other]


def gather(spool: Spool, posts: int) -> Gathered:
    """Gather the numbers from a spool of at most ``posts`` posts."""
    numbers: dict[str, int] = {}  # of the classes, in the order of their first posts
    gathered = Gathered(
        classes=[],
        labels=np.empty(posts, np.int16),
        votes=np.empty(posts, np.int32),
        subsets=np.empty(posts, np.int8),
        fixed=np.empty(posts, np.int8),
        numbers=np.empty(posts, np.uint64),
        owners=np.empty(posts, np.uint64),
        hashed=np.empty(posts, np.bool_),
        picture_hashes=np.empty(posts, np.uint64),
        text_signatures=np.empty((posts, SIGNATURE_BYTES), np.uint8),
        words=WordSets.of([]),
    )
    words = WordSetsFile(spool.folder / "words")
    at = pictures = texts = 0
    for table in spool.tables(_COLUMNS):
        gathered.rows += table.num_rows
        _count(gathered, table)
        kept = table.filter(pc.is_null(table.column("reason")))
        unknown = pc.sum(pc.equal(kept.column("preference"), NOT_KNOWN)).as_py()
        gathered.unknown_preferences += unknown or 0
        here = slice(at, at + kept.num_rows)
        at += kept.num_rows
        labels = kept.column("label").combine_chunks().dictionary_encode()
        codes = [numbers.setdefault(name, len(numbers)) for name in labels.dictionary.to_pylist()]
        gathered.labels[here] = np.array(codes, np.int16)[labels.indices.to_numpy()]
        gathered.votes[here] = pc.fill_null(kept.column("votes"), -1).to_numpy()
        gathered.subsets[here] = _coded(kept.column("modalities"), _bits)
        gathered.fixed[here] = _coded(kept.column("split"), SPLITS.index)
        gathered.numbers[here] = first_numbers(kept.column("place"))
        owners = "".join(owner or "0" * 16 for owner in kept.column("owner").to_pylist())
        gathered.owners[here] = np.frombuffer(bytes.fromhex(owners), ">u8")
        gathered.hashed[here] = kept.column("picture_hash").is_valid()
        hashes = kept.column("picture_hash").drop_null()
        gathered.picture_hashes[pictures : pictures + len(hashes)] = hashes.to_numpy()
        pictures += len(hashes)
        gathered.distributions = gathered.distributions or _say_more(kept.column("ballots"))
        words.add(kept.column("words").drop_null().combine_chunks())
        found = fixed_bytes(kept.column("text_signature").drop_null(), SIGNATURE_BYTES)
        gathered.text_signatures[texts : texts + len(found)] = found
        texts += len(found)
    for name in ("labels", "votes", "subsets", "fixed", "numbers", "owners", "hashed"):
        setattr(gathered, name, getattr(gathered, name)[:at])
    gathered.picture_hashes = gathered.picture_hashes[:pictures]
    gathered.text_signatures = gathered.text_signatures[:texts]
    gathered.words = words.finish()
    gathered.classes = sorted(numbers)
    ranks = np.array([gathered.classes.index(name) for name in numbers], np.int16)
    gathered.labels = ranks[gathered.labels]
    return gathered


def _say_more(ballots: pa.ChunkedArray) -> bool:
    """Whether any post's ballots name two classes, or votes against one."""
    held = ballots.drop_null().combine_chunks()
    several = pc.any(pc.greater(pc.list_value_length(held), 1)).as_py()
    against = pc.struct_field(held.flatten(), "disagree").drop_null()
    return bool(several) or len(against) > 0


def _count(gathered: Gathered, table: pa.Table) -> None:
    for name, counter in (("verdict", gathered.texts), ("reason", gathered.excluded)):
        counted = pc.value_counts(table.column(name).drop_null())
        for item in counted.to_pylist():
            counter[item["values"]] += item["counts"]
    errors = table.filter(pc.is_valid(table.column("picture_error")))
    gathered.pictures_left_out += errors.num_rows
    gathered.unusable_pictures += errors.column("photo_id").to_pylist()
    left = _SHOWN_PICTURES - len(gathered.shown_pictures)
    for row in errors.slice(0, left).select(["photo_id", "picture_error"]).to_pylist():
        gathered.shown_pictures.append((row["photo_id"], row["picture_error"]))


def _bits(subset: str) -> int:
    return sum(1 << MODALITIES.index(modality) for modality in subset.split("+"))


def _coded(column: pa.ChunkedArray, code: Callable[[str], int]) -> npt.NDArray[np.int8]:
    """Return a number for each value; -1 for a null."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = np.array([*map(code, encoded.dictionary.to_pylist()), -1], np.int8)
    found: npt.NDArray[np.int8] = codes[pc.fill_null(encoded.indices, len(codes) - 1).to_numpy()]
    return found
