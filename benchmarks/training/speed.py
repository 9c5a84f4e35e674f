"""Training speed, compared with the plain reference of `plain`.

    python -m benchmarks.training.speed [SECTION ...] [--posts 150000]

Both alternate in the same process, on the same posts, with batches of 64 and image features in
memory; the fastest of the repeats counts. The sections:

- mvsa: an epoch on MVSA's real posts (goal: 8 times as fast as plain)
- uniform: an epoch on texts of 5 to 150 words, uniformly distributed (2.5 times)
- vocabulary: a step with vocabularies of 1,000 and of 60,000 words
- heads: a multitask step against a step of the complete single-task network (at most 1.35 times)
- seven: one multitask epoch against seven single-task ones, on MVSA (2.5 times)
- finetuned: the same with SqueezeNet trained on decoded pictures of complete posts (3.5 times)
- convergence: the loss on validation posts after a few epochs, three seeds each
- scale: synthetic complete posts with a vocabulary of 60,000 words, at three sizes up to --posts:
  peak memory (goal: 4 GB) and whether the time is linear in the number of posts
"""

import argparse
import copy
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.training import posts as source
from benchmarks.training.plain import PlainNetwork, PlainSplit, plain_order
from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.evaluation.evaluation import score
from flickr_emotion.model.features.image_backbones import Backbone, build_backbone
from flickr_emotion.model.features.picture_decoding import PictureTable, open_decoder
from flickr_emotion.model.inputs.batches import Batch, Split, training_order
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.posts.posts import Encoding, Integers, Posts
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.recipes import PAPERS_WARM_UP
from flickr_emotion.model.training.optimisers import LazyAdam

BATCH = 64
RATE = 0.001
EPOCHS = 4
SEEDS = (0, 1, 2)
COMPLETE = "image+text+tags"
ALL_WORDS = 60_000


class Trained:
    """A network with its posts, optimiser and schedule."""

    network: Any
    _split: Any
    _optimiser: torch.optim.Optimizer
    _schedule: torch.optim.lr_scheduler.LRScheduler

    def _loss(self, batch: Any) -> Any:
        return self.network.loss(self.network(batch), batch)

    def steps(self, batches: Sequence[Integers]) -> None:
        """Take a step on each of these batches."""
        self.network.train()
        for indices in batches:
            batch = self._split.batch(indices)
            loss = self._loss(batch)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            self._schedule.step()


class Ours(Trained):
    """A network of the toolkit with its optimiser and schedule."""

    def __init__(
        self,
        encoding: Encoding,
        split: Split,
        backbone: Backbone,
        *,
        subsets: Sequence[str] = SUBSETS,
        frozen: bool = True,
        seed: int = 0,
        batch_size: int = BATCH,
    ) -> None:
        torch.manual_seed(seed)
        self.network = MultitaskNetwork(
            encoding, copy.deepcopy(backbone), frozen_image=frozen, subsets=subsets
        )
        held = np.any(
            [np.all([split.posts.present[m] for m in s.split("+")], axis=0) for s in subsets],
            axis=0,
        )
        self._split, self._posts = split, np.flatnonzero(held)
        self._batch_size = batch_size
        self._order = np.random.default_rng(seed)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self._optimiser = LazyAdam(trained, lr=RATE)
        self._schedule = _warm_up(self._optimiser)

    def _loss(self, batch: Batch) -> Tensor:
        counts = {subset: len(rows) for subset, rows in batch.rows.items()}
        loss: Tensor = self.network.loss(self.network(batch), batch, counts)
        return loss

    def epoch(self) -> None:
        """Take a step on each batch."""
        lengths = self._split.posts.text_lengths[self._posts]
        self.steps([self._posts[b] for b in training_order(lengths, self._batch_size, self._order)])


class Plain(Trained):
    """The plain network with PyTorch's Adam."""

    def __init__(
        self, encoding: Encoding, split: PlainSplit, backbone: Backbone, *, seed: int = 0
    ) -> None:
        torch.manual_seed(seed)
        self.network = PlainNetwork(encoding, copy.deepcopy(backbone), frozen_image=True)
        self._split = split
        self._order = np.random.default_rng(seed)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self._optimiser = torch.optim.Adam(trained, lr=RATE)
        self._schedule = _warm_up(self._optimiser)

    def epoch(self) -> None:
        """Take a step on each batch."""
        self.steps(list(plain_order(len(self._split.posts), BATCH, self._order)))


def _warm_up(optimiser: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.LinearLR(
        optimiser, start_factor=1 / PAPERS_WARM_UP, total_iters=PAPERS_WARM_UP
    )


def in_turn(repeats: int, **runs: Callable[[], object]) -> dict[str, float]:
    """Return each run's fastest time in seconds; they alternate, so that all meet the same load."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def _backbone() -> Backbone:
    return build_backbone("efficientnet_lite0")


def _pair(posts: Posts, encoding: Encoding) -> tuple[Ours, Plain]:
    features = source.random_features(posts)
    backbone = _backbone()
    return (
        Ours(encoding, source.split(posts, features), backbone),
        Plain(encoding, PlainSplit(posts=posts, features=features), backbone),
    )


def _against_plain(name: str, posts: Posts, encoding: Encoding, goal: float) -> None:
    ours, plain = _pair(posts, encoding)
    ours.steps([np.arange(BATCH)])
    plain.steps([np.arange(BATCH)])
    seconds = in_turn(2, ours=ours.epoch, plain=plain.epoch)
    print(
        f"{name}: {len(posts):,} posts, {len(encoding.words):,} words of vocabulary: an epoch "
        f"{seconds['ours']:.2f} s, plain {seconds['plain']:.2f} s: "
        f"{seconds['plain'] / seconds['ours']:.2f} times as fast (goal {goal})"
    )


def mvsa(_: int) -> None:
    """Compare an epoch on real posts."""
    _against_plain("mvsa", source.mvsa_posts(training=True)[0], source.mvsa_encoding(), 8)


def uniform(_: int) -> None:
    """Compare an epoch on texts of all lengths."""
    for vocabulary in (10_000, ALL_WORDS):
        posts = source.made_up_posts(3200, shortest=5, longest=150, vocabulary=vocabulary)
        _against_plain("uniform", posts, source.made_up_encoding(vocabulary), 2.5)


def vocabulary(_: int) -> None:
    """Compare steps with a small and a large vocabulary, on the same ids."""
    posts = source.made_up_posts(640, shortest=5, longest=20, vocabulary=1000)
    batches = training_order(posts.text_lengths, BATCH, np.random.default_rng(0))
    runs = {}
    for size in (1_000, ALL_WORDS):
        ours, plain = _pair(posts, source.made_up_encoding(size))
        ours.steps(batches[:2])
        plain.steps(batches[:2])
        runs[f"ours_{size}"] = lambda ours=ours: ours.steps(batches)
        runs[f"plain_{size}"] = lambda plain=plain: plain.steps(batches[:5])
    seconds = in_turn(5, **runs)
    for name, steps in (("ours", len(batches)), ("plain", 5)):
        small, large = (1000 * seconds[f"{name}_{size}"] / steps for size in (1_000, ALL_WORDS))
        print(
            f"vocabulary: {name}: a step {small:.1f} ms with 1,000 words, {large:.1f} ms with "
            f"{ALL_WORDS:,}: {large / small:.2f} times"
        )


def heads(_: int) -> None:
    """Compare a multitask step with a complete single-task step, on MVSA's complete posts."""
    posts, _rows = source.mvsa_posts(training=True)
    split, backbone = source.split(posts, source.random_features(posts)), _backbone()
    complete = np.flatnonzero(np.all(list(posts.present.values()), axis=0))
    lengths = posts.text_lengths[complete]
    batches = [complete[b] for b in training_order(lengths, BATCH, np.random.default_rng(0))]
    encoding = source.mvsa_encoding()
    multitask = Ours(encoding, split, backbone)
    single = Ours(encoding, split, backbone, subsets=(COMPLETE,))
    seconds = in_turn(
        8, multitask=lambda: multitask.steps(batches), single=lambda: single.steps(batches)
    )
    multitask_ms, single_ms = (1000 * s / len(batches) for s in seconds.values())
    print(
        f"heads: a multitask step {multitask_ms:.1f} ms, a complete single-task step "
        f"{single_ms:.1f} ms: {multitask_ms / single_ms:.2f} times (goal at most 1.35)"
    )


def _one_against_seven(
    name: str, multitask: Ours, singles: dict[str, Ours], repeats: int, goal: float
) -> None:
    seconds = in_turn(
        repeats, multitask=multitask.epoch, **{s: run.epoch for s, run in singles.items()}
    )
    total = sum(seconds[subset] for subset in singles)
    print(
        f"{name}: one multitask epoch {seconds['multitask']:.2f} s, seven single-task epochs "
        f"{total:.2f} s: {total / seconds['multitask']:.2f} times cheaper (goal {goal})"
    )
    print("  " + ", ".join(f"{s} {seconds[s]:.2f} s" for s in singles))


def seven(_: int) -> None:
    """Compare one multitask epoch with seven single-task ones, on cached features."""
    encoding, backbone = source.mvsa_encoding(), _backbone()
    posts, _rows = source.mvsa_posts(training=True)
    complete = source.made_up_posts(3200, shortest=5, longest=20, vocabulary=5000)
    for name, some, words in (
        ("seven: MVSA, half without tags", posts, encoding),
        ("seven: synthetic complete posts", complete, source.made_up_encoding(5000)),
    ):
        split = source.split(some, source.random_features(some))
        singles = {s: Ours(words, split, backbone, subsets=(s,)) for s in SUBSETS}
        _one_against_seven(name, Ours(words, split, backbone), singles, 3, 2.5)


def finetuned(_: int) -> None:
    """Compare the same with a trained image encoder, on complete posts with their pictures."""
    posts, rows = source.mvsa_posts(training=True)
    complete = np.flatnonzero(np.all(list(posts.present.values()), axis=0))[:64]
    backbone = build_backbone("squeezenet1_1")
    pictures = PictureTable(
        source.mvsa_pictures([rows[index] for index in complete]),
        [str(index) for index in complete],
        open_decoder(backbone.preprocessing, "cpu", torch.device("cpu")),
    )
    some = _only(posts, complete)
    split = Split(posts=some, images=pictures)
    encoding = source.mvsa_encoding()
    runs = {
        name: Ours(encoding, split, backbone, subsets=subsets, frozen=False, batch_size=32)
        for name, subsets in (("all", SUBSETS), *((s, (s,)) for s in SUBSETS))
    }
    multitask = runs.pop("all")
    _one_against_seven("finetuned: 64 pictures", multitask, runs, 2, 3.5)


def _only(posts: Posts, chosen: Integers) -> Posts:
    """Return some complete posts as a separate split."""
    words = [posts.words[posts.word_starts[n] : posts.word_starts[n + 1]] for n in chosen]
    tags = [posts.tags[posts.tag_starts[n] : posts.tag_starts[n + 1]] for n in chosen]
    return Posts(
        labels=posts.labels[chosen],
        words=np.concatenate(words),
        word_starts=np.concatenate([[0], np.cumsum([len(w) for w in words])]),
        tags=np.concatenate(tags),
        tag_starts=np.concatenate([[0], np.cumsum([len(t) for t in tags])]),
        image_rows=np.arange(len(chosen)),
    )


def convergence(_: int) -> None:
    """Compare the validation losses after training."""
    encoding, backbone, features = source.mvsa_encoding(), _backbone(), source.mvsa_features()
    train, _rows = source.mvsa_posts(training=True)
    validation = source.split(source.mvsa_posts(training=False)[0], features[False])
    losses: dict[str, list[list[float]]] = {"ours": [], "plain": []}
    for seed in SEEDS:
        plain_split = PlainSplit(posts=train, features=features[True])
        runs: dict[str, Ours | Plain] = {
            "ours": Ours(encoding, source.split(train, features[True]), backbone, seed=seed),
            "plain": Plain(encoding, plain_split, backbone, seed=seed),
        }
        for name, run in runs.items():
            losses[name].append([])
            judge = MultitaskNetwork(encoding, copy.deepcopy(backbone), frozen_image=True)
            for _epoch in range(EPOCHS):
                run.epoch()
                judge.load_state_dict(run.network.state_dict())
                judged = score(
                    judge, validation, len(encoding.classes), World(device=torch.device("cpu"))
                )
                losses[name][-1].append(judged.loss)
    for name, curves in losses.items():
        best, last = [min(curve) for curve in curves], [curve[-1] for curve in curves]
        print(
            f"convergence: {name}: validation loss after {EPOCHS} epochs {fmean(last):.3f} ± "
            f"{stdev(last):.3f}, lowest {fmean(best):.3f} ± {stdev(best):.3f} over seeds {SEEDS}"
        )
        for seed, curve in zip(SEEDS, curves, strict=True):
            print(f"  seed {seed}: " + ", ".join(f"{loss:.3f}" for loss in curve))


def scale(posts: int) -> None:
    """Train for an epoch at three sizes, each in a separate process."""
    context = multiprocessing.get_context("spawn")
    per_post = []
    for size in (posts // 4, posts // 2, posts):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            seconds, gigabytes = pool.submit(_epoch_of, size).result()
        per_post.append(1e6 * seconds / size)
        print(
            f"scale: {size:,} posts, {ALL_WORDS:,} words of vocabulary: an epoch {seconds:.1f} s, "
            f"{per_post[-1]:.0f} µs a post, peak memory {gigabytes:.2f} GB (goal 4)",
            flush=True,
        )
    print(f"scale: a post at the largest size takes {per_post[-1] / per_post[0]:.2f} times as long")


def _epoch_of(size: int) -> tuple[float, float]:
    posts = source.made_up_posts(size, shortest=5, longest=30, vocabulary=ALL_WORDS)
    split = source.split(posts, source.random_features(posts))
    ours = Ours(source.made_up_encoding(ALL_WORDS), split, _backbone())
    ours.steps([np.arange(BATCH)])
    started = time.perf_counter()
    ours.epoch()
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


SECTIONS: dict[str, Callable[[int], Any]] = {
    section.__name__: section
    for section in (mvsa, uniform, vocabulary, heads, seven, finetuned, convergence, scale)
}


def main() -> None:
    """Run the given sections, by default all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--posts", type=int, default=150_000, help="posts in the section `scale`")
    arguments = parser.parse_args()
    for name in arguments.sections:
        if name not in SECTIONS:
            parser.error(f"section {name} is not known: give some of {', '.join(SECTIONS)}")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in arguments.sections or SECTIONS:
        SECTIONS[name](arguments.posts)


if __name__ == "__main__":
    main()
