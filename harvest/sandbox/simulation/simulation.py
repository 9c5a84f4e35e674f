"""The built-in corpus: a simulation of Flickr posts, for users without data or a key.

Nothing in it is real. Its posts have the proportions of the paper (Figure 3, section 4.2.2) and of
You et al.'s counts, and the difficulties of real lists: missing photos, texts in other languages,
texts that are too short or too long, ties, and broken rows. Each modality of a post indicates its
emotion, a neighbouring emotion, or nothing, independently of the others. The frequencies are set so
that single modalities and their combinations are about as informative as in the paper's Table 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import TypeVar

from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.lists import write_votes_lists
from flickr_emotion.harvest.sandbox.posts import Post, Status
from flickr_emotion.harvest.sandbox.simulation import writing
from flickr_emotion.harvest.sandbox.simulation.drawing import DrawnPicture
from flickr_emotion.harvest.sandbox.simulation.lexicon import EMOTIONS, NEIGHBOURS

Row = tuple[str | int, ...]
T = TypeVar("T", bound=str)

# You et al.'s published counts of pictures with more agreeing than disagreeing votes.
_PUBLISHED = {
    "amusement": 4923,
    "anger": 1255,
    "awe": 3133,
    "contentment": 5356,
    "disgust": 1650,
    "excitement": 2918,
    "fear": 1029,
    "sadness": 2902,
}
_SOFTENING = 0.85  # Exponent of the counts, so that a few hundred posts include the rarest class.
# The paper's posts: 8,674 complete ones are 80% of all complete ones; the others only train.
_SUBSETS = {
    "image+text+tags": 10842,
    "image+text": 1612,
    "image+tags": 7368,
    "image": 2118,
}
_STATUSES: dict[Status, float] = {"ok": 0.87, "deleted": 0.1, "private": 0.02, "placeholder": 0.01}
_UNTEXTS: dict[writing.TextKind, float] = {
    "absent": 0.45,
    "foreign": 0.3,
    "short": 0.15,
    "long": 0.1,
}
"""What a post without a usable text has instead; the paper's rules drop the last three."""


@dataclass(frozen=True)
class Clarity:
    """How often a modality indicates the post's emotion or a neighbouring one; otherwise none."""

    own: float
    neighbour: float


CLARITY: Mapping[str, Clarity] = {
    "image": Clarity(0.66, 0.06),
    "text": Clarity(0.75, 0.04),
    "tags": Clarity(0.76, 0.03),
}


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A simulated corpus, the lists that name its photos, and the true values for both."""

    corpus: Corpus
    rows: tuple[Row, ...]
    """The lists' rows: emotion, URL, disagreeing votes, agreeing votes; some of them broken."""
    emotions: Mapping[str, str]
    """The true emotion of each post, by photo id."""
    subsets: Mapping[str, str]
    """The modalities that a post keeps under the paper's rules on texts and tags, by photo id."""

    def write_lists(self, folder: Path) -> None:
        """Write the rows as You et al.'s `agg/*.csv` below `folder`; raises ``OSError``."""
        write_votes_lists(folder, self.rows)


def simulation(*, seed: int = 0, posts: int = 2000) -> Simulation:
    """Return a simulation of this many posts; the same seed gives the same bytes."""
    random = Random(f"simulation {seed}")
    emotions = _apportioned(random, {e: n**_SOFTENING for e, n in _PUBLISHED.items()}, posts)
    numbers = sorted(random.sample(range(1_500_000_000, 19_000_000_000), k=posts))
    owners = [
        f"{random.randint(10_000_000, 99_999_999)}@N0{random.randint(0, 8)}"
        for _ in range(max(posts // 5, 1))
    ]
    made: list[Post] = []
    subsets: dict[str, str] = {}
    rows: list[Row] = []
    for number, emotion in zip(numbers, emotions, strict=True):
        own = Random(f"{seed} {number}")
        subset = _chosen(own, _SUBSETS)
        post = _post(
            own, str(number), emotion, subset, owners[int(len(owners) * own.random() ** 2)]
        )
        made.append(post)
        subsets[post.photo_id] = subset
        rows += _vote_rows(own, post, emotion, complete=subset == "image+text+tags")
    rows += _broken_rows(random)
    random.shuffle(rows)
    return Simulation(
        corpus=Corpus(made),
        rows=tuple(rows),
        emotions=dict(zip(subsets, emotions, strict=True)),
        subsets=subsets,
    )


def _apportioned(random: Random, weights: Mapping[str, float], count: int) -> list[str]:
    """Return `count` names in the proportions of their weights, in random order."""
    total = sum(weights.values())
    ends = [round(count * part / total) for part in accumulate(weights.values())]
    names = [
        name
        for name, start, end in zip(weights, [0, *ends], ends, strict=False)
        for _ in range(end - start)
    ]
    random.shuffle(names)
    return names


def _chosen(random: Random, weights: Mapping[T, float]) -> T:
    return random.choices(list(weights), weights=list(weights.values()))[0]


def _cue(random: Random, emotion: str, clarity: Clarity) -> str | None:
    """Return the emotion that one modality indicates: the post's own, a neighbour, or none."""
    chance = random.random()
    if chance < clarity.own:
        return emotion
    if chance < clarity.own + clarity.neighbour:
        return random.choice(NEIGHBOURS[emotion])
    return None


def _post(random: Random, photo_id: str, emotion: str, subset: str, owner: str) -> Post:
    modalities = subset.split("+")
    kind = "english" if "text" in modalities else _chosen(random, _UNTEXTS)
    title, description = writing.text(random, kind, _cue(random, emotion, CLARITY["text"]))
    tags: Sequence[str] = ()
    if "tags" in modalities:
        tags = writing.tags(random, _cue(random, emotion, CLARITY["tags"]))
    elif random.random() < 0.1:
        tags = writing.machine_tags(random)
    longest = random.choice((240, 320, 400, 500))
    shortest = longest * random.choice((2, 3)) // (3 if longest == 500 else 4)
    size = (longest, shortest) if random.random() < 0.75 else (shortest, longest)
    return Post(
        photo_id=photo_id,
        secret=f"{random.getrandbits(40):010x}",
        server=str(random.randint(1001, 8999)),
        farm=random.randint(1, 9),
        title=title,
        description=description,
        tags=tuple(tags),
        image=DrawnPicture(
            seed=f"{photo_id} {random.getrandbits(64)}",
            cue=_cue(random, emotion, CLARITY["image"]),
            size=size,
        ),
        owner=owner,
        license=random.choice((0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6)),
        status=_chosen(random, _STATUSES),
    )


def _vote_rows(random: Random, post: Post, emotion: str, *, complete: bool) -> list[Row]:
    """Return a post's rows: mostly one with five votes; sometimes none that gives a label."""
    url = f"http://farm{post.farm}.staticflickr.com/{post.server}/{post.photo_id}_{post.secret}.jpg"
    other = random.choice(NEIGHBOURS[emotion])
    chance = random.random()
    if chance < 0.015:  # A tie.
        return [(emotion, url, 2, 3), (other, url, 2, 3)]
    if chance < 0.03:  # Too few agree.
        return [(emotion, url, 3, 2)]
    if chance < 0.035:  # There are no votes.
        return [(emotion, url, 0, 0)]
    agree = random.choices((5, 4, 3), weights=(62, 24, 14) if complete else (45, 33, 22))[0]
    disagree = 5 - agree if random.random() < 0.93 else random.randint(0, 2)
    if chance < 0.065:  # The votes are split over two rows.
        return [(emotion, url, 0, 2), (emotion, url, disagree, agree - 2)]
    rows: list[Row] = [(emotion, url, disagree, agree)]
    if chance < 0.13:  # The photo is also listed under another emotion, with fewer votes.
        less = random.randint(0, agree - 2)
        rows.append((other, url, 5 - less, less))
    return rows


def _broken_rows(random: Random) -> list[Row]:
    """Return rows that a reader must count and report: other hosts, votes that are not numbers."""

    def photo() -> str:
        return (
            f"http://farm4.staticflickr.com/3456/{random.randint(10**9, 10**10)}"
            f"_{random.getrandbits(40):010x}.jpg"
        )

    rows: list[Row] = [
        (
            random.choice(EMOTIONS),
            f"http://distilleryimage{k}.instagram.com/{random.getrandbits(128):032x}_7.jpg",
            random.randint(0, 2),
            random.randint(3, 5),
        )
        for k in range(1, 9)
    ]
    rows += [("awe", photo(), "two", 3), ("fear", photo(), 1, ""), ("anger", photo(), -1, 5)]
    rows += [("sadness", photo()), ("disgust", "", 0, 5)]
    return rows
