"""How many of the first suspects of ``inspect --suspects`` are labels that were turned.

    python -m benchmarks.sandbox.suspects --posts 2000 --out /tmp/suspects

The labels of a tenth of the simulation's photos are turned: in every row of the list that names
one, its emotion and another one, drawn at random, change places. So the votes of a turned photo
look like those of any other. The posts are crawled and built by the real commands, and ranked as
`inspect --suspects` does, with one picture network in place of two. The figure is the share of
turned labels among the first tenth of the ranking: its precision.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from benchmarks.sandbox.paper_results import KEY, SECRET, command
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.inspect.suspects import Judged
from flickr_emotion.harvest.flickr.photo_url import parse_photo_url
from flickr_emotion.harvest.sandbox.lists import write_votes_lists
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.simulation.lexicon import EMOTIONS
from flickr_emotion.harvest.sandbox.simulation.simulation import Row, Simulation, simulation
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.recipes import BEST
from flickr_emotion.model.suspects.label_quality import TRUST_IN_VOTES
from flickr_emotion.model.suspects.out_of_fold import Chances, out_of_fold
from flickr_emotion.model.suspects.suspects import judged

TURNED = 0.1


def main() -> None:
    """Turn labels, build the data set, rank the suspects, and print the precision."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--image-encoder", default="efficientnet_lite0")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    simulated = simulation(posts=options.posts, seed=options.seed)
    turned = turned_photos(simulated, options.seed)
    dataset = options.out / "dataset"
    if not dataset.exists():
        write_votes_lists(options.out / "lists", turned_rows(simulated.rows, turned))
        with SandboxServer(simulated.corpus, keys={KEY: SECRET}) as server:
            command(
                *("crawl", options.out / "lists", "--out", options.out / "harvest"),
                *("--flickr-url", server.url, "--quota", 0),
            )
        command("build-splits", options.out / "harvest", "--out", dataset)
    config = TrainingConfig(recipe=BEST, image_encoder=options.image_encoder)
    report(open_dataset(dataset), out_of_fold(open_dataset(dataset), config), set(turned))


def report(dataset: Dataset, answers: dict[str, Chances], turned: set[str]) -> None:
    """Print the figures of the ranking, and of rankings that trust the votes less or more."""
    for trust in (TRUST_IN_VOTES, 0, 0.25, 0.75):
        found = judged(dataset, answers, trust)
        print(f"the votes' weight in the prior: {trust}")
        print(json.dumps(precisions(found, turned), indent=1))


def turned_photos(simulated: Simulation, seed: int) -> dict[str, tuple[str, str]]:
    """Return, for a tenth of the photos, the emotion and the one that it changes places with."""
    random = Random(f"turned {seed}")
    photo_ids = sorted(simulated.emotions)
    chosen = random.sample(photo_ids, round(TURNED * len(photo_ids)))
    return {
        photo_id: (own, random.choice([it for it in EMOTIONS if it != own]))
        for photo_id in sorted(chosen)
        for own in (simulated.emotions[photo_id],)
    }


def turned_rows(rows: Iterable[Row], turned: dict[str, tuple[str, str]]) -> list[Row]:
    """Return the rows of the list, with the two emotions of turned photos exchanged."""
    found: list[Row] = []
    for row in rows:
        try:
            one, other = turned[parse_photo_url(str(row[1])).photo_id]
        except (KeyError, IndexError, ValueError):  # not turned, or a broken row
            found.append(row)
            continue
        exchanged = {one: other, other: one}
        found.append((exchanged.get(str(row[0]), row[0]), *row[1:]))
    return found


def precisions(posts: Sequence[Judged], turned: set[str]) -> dict[str, float | int]:
    """Return the shares of turned labels among the first posts of a ranking and the suspects."""
    are_turned = [post.photo_id in turned for post in posts]
    first = round(TURNED * len(posts))
    suspects = [
        is_turned for post, is_turned in zip(posts, are_turned, strict=True) if post.suspect
    ]
    return {
        "posts": len(posts),
        "turned": sum(are_turned),
        "first tenth": first,
        "turned among the first tenth": sum(are_turned[:first]),
        "precision of the first tenth": _share(are_turned[:first]),
        "precision of the first twentieth": _share(are_turned[: first // 2]),
        "suspects": len(suspects),
        "precision of the suspects": _share(suspects),
        "recall of the suspects": round(sum(suspects) / max(sum(are_turned), 1), 3),
    }


def _share(flags: Sequence[bool]) -> float:
    return round(sum(flags) / max(len(flags), 1), 3)


if __name__ == "__main__":
    main()
