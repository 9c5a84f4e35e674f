"""The rows of the table: what is prepared once, and what is measured in turns."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.against import programs
from benchmarks.against.measuring import Build, Measured
from benchmarks.prediction import write_posts

_ENCODERS = "efficientnet_lite0+efficientnet_lite2"


@dataclass
class World:
    """What rows share."""

    builds: tuple[Build, Build]
    """The older one first."""
    data: Path
    """The folder of third-party data (``mvsa.parquet`` and others)."""
    folder: Path
    size: float
    """A factor of all numbers of posts and pictures."""
    made: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def count(self, whole: int) -> int:
        """Return a number of posts or pictures at this size."""
        return max(1, round(whole * self.size))

    def once(self, path: Path, make: Callable[[Path], object]) -> Path:
        """Return a path that rows share, made when it is first asked for."""
        if path not in self.made:
            path.parent.mkdir(parents=True, exist_ok=True)
            make(path)
            self.made.add(path)
        return path

    @property
    def mvsa(self) -> Path:
        """Real posts with pictures."""
        return self.data / "mvsa.parquet"

    def harvest(self, build: Build, count: int, *, pictures: bool) -> Path:
        """Return a harvest of a build's own making."""
        return self.once(
            build.folder / f"harvest-{count}-{pictures}",
            lambda path: build.program(programs.HARVEST, self.data, count, pictures, path),
        )

    def dataset(self, build: Build, count: int, *, pictures: bool) -> Path:
        """Return a data set of a build's own making."""
        harvest = self.harvest(build, count, pictures=pictures)
        return self.once(
            build.folder / f"dataset-{count}-{pictures}",
            lambda path: build.cli("build-splits", harvest, "--out", path),
        )

    def run(self) -> Path:
        """Return a run that the older build has trained; both answer with it."""
        older = self.builds[0]
        options = ["--image-encoder", "efficientnet_lite0", "--epochs", "3", "--device", "cpu"]

        def train(path: Path) -> None:
            dataset = self.dataset(older, self.count(4000), pictures=True)
            older.cli("train", dataset, "--out", path, *options)
            for build in self.builds:
                if build.offers("predict", "--engine"):  # a graph is made
                    build.cli("predict", path, "--image", self.picture(), "--engine", "onnxruntime")

        return self.once(self.folder / "run", train)

    def picture(self) -> Path:
        """Return a real photograph."""

        def write(path: Path) -> None:
            column = pq.read_table(self.mvsa, columns=["image"])["image"]
            path.write_bytes(next(content for content in column.to_pylist() if content))

        return self.once(self.folder / "picture.jpg", write)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table."""

    what: str
    asked: str
    measure: Callable[[World, Build, int], Measured]
    """By world, build and number of the round."""
    count: int = 0
    """How many posts or pictures it takes, for a rate; 0 where seconds are shown."""
    by_cpu: bool = False
    """Whether processor time counts, and not wall time."""


def picture_features(encoder: str, weights: str, count: int) -> Callable[..., Measured]:
    """Return the measure of frozen picture features."""

    def measure(world: World, build: Build, _: int) -> Measured:
        arguments = (world.mvsa, encoder, weights, world.count(count), build.folder)
        return Measured.said_by(build.program(programs.PICTURE_FEATURES, *arguments))

    return measure


def _texts(world: World, build: Build, _: int) -> Measured:
    return Measured.said_by(build.program(programs.TEXT_FEATURES, world.mvsa, world.count(2048)))


def _text(world: World, build: Build, _: int) -> Measured:
    return build.cli("predict", world.run(), "--text", "a storm of rage over the calm sea")


def _post(world: World, build: Build, _: int) -> Measured:
    given = ("--text", "a storm of rage", "--tags", "storm, sea", "--image", world.picture())
    return build.cli("predict", world.run(), *given)


def _file(world: World, build: Build, _: int) -> Measured:
    posts = world.once(
        world.folder / "posts.parquet", lambda path: write_posts(path, world.count(100_000))
    )
    answers = build.folder / "answers.parquet"
    measured = build.cli("predict", world.run(), "--input", posts, "--out", answers)
    older, newer = (it.folder / "answers.parquet" for it in world.builds)
    if build is world.builds[1]:
        world.notes.append(f"predict-input: {_difference(older, newer)}")
    return measured


def _difference(older: Path, newer: Path) -> str:
    """Compare the probabilities of posts that both have answered from the same modalities."""
    one, other = pq.read_table(older), pq.read_table(newer)
    alike = pc.equal(one["subset"], other["subset"])
    apart = max(
        pc.max(pc.abs(pc.subtract(one[name], other[name])).filter(alike)).as_py()
        for name in one.column_names
        if name.startswith("probability_")
    )
    labels = pc.sum(pc.not_equal(one["label"], other["label"]).filter(alike)).as_py() or 0
    return (
        f"{pc.sum(alike).as_py():,} posts answered from the same modalities: probabilities differ "
        f"by {apart:.1g} at most, {labels} labels differ"
    )


def _build(world: World, build: Build, _: int) -> Measured:
    harvest = world.harvest(build, world.count(1_000_000), pictures=False)
    out = build.folder / "built"
    shutil.rmtree(out, ignore_errors=True)
    return build.cli("build-splits", harvest, "--out", out)


def _build_again(world: World, build: Build, _: int) -> Measured:
    harvest = world.harvest(build, world.count(1_000_000), pictures=False)
    out = world.once(
        build.folder / "again", lambda path: build.cli("build-splits", harvest, "--out", path)
    )
    return build.cli("build-splits", harvest, "--out", out)


def _build_changed(world: World, build: Build, round_: int) -> Measured:
    harvest = world.harvest(build, world.count(1_000_000), pictures=False)
    out = world.once(
        build.folder / "changed", lambda path: build.cli("build-splits", harvest, "--out", path)
    )
    build.program(programs.CHANGE_POSTS, harvest / "ledger.sqlite", round_)
    return build.cli("build-splits", harvest, "--out", out)


def _pictures(world: World, build: Build, _: int) -> Measured:
    harvest = world.harvest(build, world.count(16_000), pictures=True)
    out = build.folder / "pictures"
    shutil.rmtree(out, ignore_errors=True)
    return build.cli("build-splits", harvest, "--out", out)


def _crawl(world: World, build: Build, _: int) -> Measured:
    return Measured.said_by(build.program(programs.CRAWL, world.count(5000), build.folder))


def _train(world: World, build: Build, _: int) -> Measured:
    dataset = world.dataset(build, world.count(4000), pictures=True)
    options = ["--recipe", "best", "--device", "cpu", "--image-encoder", _ENCODERS]
    if build.offers("train", "--text-encoder"):
        options += ["--text-encoder", "minilm"]

    def train(out: Path) -> Measured:
        shutil.rmtree(out, ignore_errors=True)
        return build.cli("train", dataset, "--out", out, *options)

    world.once(build.folder / "trained", train)  # features are kept
    return train(build.folder / "trained")


def _tests(world: World, build: Build, _: int) -> Measured:
    options = "-m pytest -q -n auto --dist loadfile -p no:cacheprovider -m"
    return build.python(*options.split(), "not slow")


ROWS = {
    "lite0": Row(
        what="frozen features of EfficientNet-lite0, JPEG to feature",
        asked=">= 2.5",
        measure=picture_features("efficientnet_lite0", "imagenet", 400),
        count=400,
    ),
    "densenet121": Row(
        what="the same, DenseNet-121 (random weights)",
        asked=">= 1.5",
        measure=picture_features("densenet121", "none", 100),
        count=100,
    ),
    "lite0+lite2": Row(
        what="the same, EfficientNet-lite0 and lite2",
        asked=">= 2.5",
        measure=picture_features(_ENCODERS, "imagenet", 200),
        count=200,
    ),
    "minilm": Row(
        what="sentence features of MiniLM, texts", asked=">= 2", measure=_texts, count=2048
    ),
    "predict-text": Row(
        what="`predict` of one text", asked=">= 4, <= 350 MB", measure=_text, by_cpu=True
    ),
    "predict-post": Row(
        what="`predict` of one picture, text and tags", asked=">= 3", measure=_post, by_cpu=True
    ),
    "predict-input": Row(
        what="`predict --input`, 100,000 posts, 1% with pictures",
        asked=">= 2, <= 600 MB",
        measure=_file,
        count=100_000,
    ),
    "build": Row(
        what="`build-splits`, 1,000,000 posts without pictures",
        asked=">= 1.6",
        measure=_build,
        count=1_000_000,
    ),
    "build-again": Row(
        what="built again, nothing changed", asked=">= 5", measure=_build_again, count=1_000_000
    ),
    "build-changed": Row(
        what="built again, 1% changed", asked=">= 4", measure=_build_changed, count=1_000_000
    ),
    "pictures": Row(
        what="`build-splits` of pictures, 500 to 256 pixels",
        asked=">= 1.3",
        measure=_pictures,
        count=16_000,
    ),
    "crawl": Row(
        what="`crawl`, pictures of 90 KB",
        asked=">= 1.67 by processor time",
        measure=_crawl,
        count=5000,
    ),
    "train": Row(what="`train --recipe best`, features cached", asked=">= 1.5", measure=_train),
    "tests": Row(what="the tests that are not slow", asked=">= 1.43", measure=_tests),
}
"""By name, as ``--only`` takes it."""
