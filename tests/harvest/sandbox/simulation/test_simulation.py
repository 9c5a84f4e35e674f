"""The simulation has the difficulties of real lists and posts, in the paper's proportions."""

import io
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from langdetect_rs import DetectorFactory, detect_batch
from PIL import Image

from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.search import is_machine_tag
from flickr_emotion.harvest.sandbox.simulation.drawing import STYLES
from flickr_emotion.harvest.sandbox.simulation.lexicon import EMOTIONS, NEIGHBOURS, WORDS
from flickr_emotion.harvest.sandbox.simulation.simulation import Simulation, simulation

PHOTO = re.compile(r"http://farm\d\.staticflickr\.com/\d+/(\d+)_([0-9a-f]{10})\.jpg")


@pytest.fixture(scope="module")
def simulated() -> Simulation:
    return simulation()


def words(post: Post) -> list[str]:
    """Return the words of a post, approximately as the build counts them."""
    text = re.sub(r"<a .*?</a>|<[^>]+>", " ", f"{post.title} {post.description}")
    return [word for word in text.split() if any(c.isalnum() for c in word)]


def test_the_same_seed_gives_the_same_bytes(simulated: Simulation) -> None:
    again, other = simulation(), simulation(seed=1)
    assert list(simulated.corpus) == list(again.corpus)
    assert simulated.rows == again.rows
    assert {post.photo_id for post in other.corpus} != {post.photo_id for post in again.corpus}
    for mine, yours in list(zip(simulated.corpus, again.corpus, strict=True))[:40]:
        assert mine.jpeg() == yours.jpeg()


def test_composition(simulated: Simulation) -> None:
    assert len(simulated.corpus) == 2000
    emotions = Counter(simulated.emotions.values())
    assert set(emotions) == set(EMOTIONS)
    assert min(emotions.values()) >= 80
    assert emotions["contentment"] == max(emotions.values())
    statuses = Counter(post.status for post in simulated.corpus)
    assert 160 < statuses["deleted"] < 240
    assert 20 < statuses["private"] < 60
    assert 8 < statuses["placeholder"] < 35
    subsets = Counter(simulated.subsets.values())
    for subset, share in (
        ("image+text+tags", 0.494),
        ("image+tags", 0.336),
        ("image+text", 0.073),
        ("image", 0.097),
    ):
        assert subsets[subset] / 2000 == pytest.approx(share, abs=0.03)
    assert 200 < len({post.owner for post in simulated.corpus}) <= 400


def test_posts_are_shaped_like_flickrs(simulated: Simulation) -> None:
    posts = list(simulated.corpus)
    assert [post.date_upload for post in posts] == sorted(post.date_upload for post in posts)
    for post in posts:
        assert re.fullmatch(r"\d{10,11}", post.photo_id)
        assert re.fullmatch(r"[0-9a-f]{10}", post.secret)
        assert re.fullmatch(r"\d{8}@N0\d", post.owner)
        assert len(set(post.tags)) == len(post.tags)
    for post in posts[::40]:
        with Image.open(io.BytesIO(post.jpeg())) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("JPEG", post.size)
            assert 240 <= max(post.size) <= 500


def test_texts_and_tags_are_as_difficult_as_real_ones(simulated: Simulation) -> None:
    posts = list(simulated.corpus)
    counts = {post.photo_id: len(words(post)) for post in posts}
    for post in posts:
        own = [tag for tag in post.tags if not is_machine_tag(tag)]
        assert bool(own) == ("tags" in simulated.subsets[post.photo_id])
        if "text" in simulated.subsets[post.photo_id]:
            assert 5 <= counts[post.photo_id] <= 150
    assert sum(1 for count in counts.values() if 0 < count < 5) > 50
    assert sum(1 for count in counts.values() if count > 150) > 50
    assert sum(1 for post in posts if len(post.tags) > 10) > 50
    assert sum(1 for post in posts if any(map(is_machine_tag, post.tags))) > 100
    for markup in ("<a href=", "<b>", "&amp;", "&quot;", "\n"):
        assert sum(markup in post.description for post in posts) > 20


def test_english_is_english_and_the_rest_is_not(simulated: Simulation) -> None:
    DetectorFactory.seed = 0
    long_enough = [post for post in simulated.corpus if len(words(post)) >= 5]
    languages = detect_batch([" ".join(words(post)) for post in long_enough])
    found: defaultdict[bool, Counter[str]] = defaultdict(Counter)
    for post, language in zip(long_enough, languages, strict=True):
        found["text" in simulated.subsets[post.photo_id]][str(language)] += 1
    assert found[True]["en"] / found[True].total() > 0.995
    assert {"fr", "de", "es", "pt", "it"} <= set(found[False])


def test_lists_hold_what_real_lists_hold(simulated: Simulation, tmp_path: Path) -> None:
    simulated.write_lists(tmp_path)
    files = sorted((tmp_path / "agg").glob("*.csv"))
    assert len(files) == 7 * 8
    rows = [line.split(",") for file in files for line in file.read_text().splitlines()]
    assert sorted(rows) == sorted([str(cell) for cell in row] for row in simulated.rows)
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    pairs: Counter[tuple[str, str]] = Counter()
    broken = Counter[str]()
    totals: Counter[int] = Counter()
    for row in rows:
        match = PHOTO.fullmatch(row[1])
        if len(row) != 4 or not (row[2].isdigit() and row[3].isdigit()):
            broken["votes"] += 1
        elif match is None:
            broken["url"] += 1
        else:
            post = simulated.corpus.get(match[1])
            assert post is not None
            assert post.secret == match[2]
            votes[match[1]][row[0]] += int(row[3])
            pairs[match[1], row[0]] += 1
            totals[int(row[2]) + int(row[3])] += 1
    assert broken["votes"] >= 3
    assert broken["url"] >= 8
    assert set(votes) == set(simulated.subsets)
    assert sum(1 for count in pairs.values() if count > 1) > 20, "rows to be summed"
    assert totals[0] > 2
    assert totals[5] > 0.85 * totals.total()
    tied = [v for v in votes.values() if len(v) == 2 and len(set(v.values())) == 1]
    assert len(tied) > 10
    labelled = {p: max(v, key=lambda e: v[e]) for p, v in votes.items() if max(v.values()) >= 3}
    right = sum(simulated.emotions[photo_id] == label for photo_id, label in labelled.items())
    assert right >= len(labelled) - len(tied)
    complete = [p for p in labelled if simulated.subsets[p] == "image+text+tags"]
    assert sum(max(votes[p].values()) == 5 for p in complete) / len(complete) > 0.55


def test_every_emotion_has_words_and_a_style_of_its_own() -> None:
    assert set(WORDS) == set(NEIGHBOURS) == set(STYLES) == set(EMOTIONS)
    for kind in ("adjectives", "nouns", "tags"):
        every = [word for words in WORDS.values() for word in getattr(words, kind)]
        assert len(every) == len(set(every))
