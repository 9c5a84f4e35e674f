"""How often an explanation points at a word of emotion, on posts of the simulation.

    python -m benchmarks.explanations D R [--posts 200]

D and R are a data set and a run of the sandbox's simulation, as `demo` makes them. The simulation
plants words of an emotion in a text. A post counts if its text holds words of the emotion that the
run answers; it is a hit if the word that weighs most is one of them. Beside it stands how often a
word drawn at random would be one. The same for tags.
"""

import argparse
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.harvest.sandbox.simulation.lexicon import WORDS
from flickr_emotion.model.prediction.occlusion import Part, explain
from flickr_emotion.model.prediction.prediction import Predictor


def words_of(emotion: str) -> tuple[set[str], set[str]]:
    """Return the words and the tags that the simulation plants for an emotion."""
    lexicon = WORDS[emotion]
    phrases = (*lexicon.adjectives, *lexicon.nouns)
    return {word for phrase in phrases for word in words(phrase)}, {*normalise_tags(lexicon.tags)}


def hit(parts: list[Part], planted: set[str], *, of_text: bool) -> tuple[bool, float] | None:
    """Return whether the heaviest part is planted, and the share of planted parts.

    None if none is planted, or there is nothing else.
    """
    judged = [it for it in parts if it.weight is not None]
    is_planted = [
        bool({*words(it.text)} & planted) if of_text else it.text in planted for it in judged
    ]
    if not any(is_planted) or all(is_planted):
        return None
    heaviest = max(range(len(judged)), key=lambda at: judged[at].weight or 0.0)
    return is_planted[heaviest], sum(is_planted) / len(is_planted)


def main() -> None:
    """Explain the test and validation posts of a data set, and print the shares of hits."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--posts", type=int, default=200)
    parser.add_argument("--given", choices=("text", "tags", "text+tags"), default="text+tags")
    given = parser.parse_args()
    dataset, predictor = open_dataset(given.data), Predictor(given.run, device="cpu")
    rows: list[dict[str, Any]] = [
        row
        for split in ("test", "validation")
        for batch in dataset.batches(split, ("text", "tags", "label"))
        for row in batch
    ][: given.posts]
    found: dict[str, list[tuple[bool, float]]] = {"words": [], "tags": []}
    for row in rows:
        text = row["text"] if "text" in given.given else None
        tags = row["tags"] if "tags" in given.given else None
        if not text and not tags:
            continue
        explained = explain(predictor, text=text or None, tags=tags or None)
        planted = words_of(explained.answer.label)
        for name, parts, own in zip(found, (explained.words, explained.tags), planted, strict=True):
            if one := hit(parts, own, of_text=name == "words"):
                found[name].append(one)
    for name, hits in found.items():
        if hits:
            share = sum(it for it, _ in hits) / len(hits)
            chance = sum(it for _, it in hits) / len(hits)
            print(f"{name}: {100 * share:.1f}% of {len(hits)} posts; by chance {100 * chance:.1f}%")


if __name__ == "__main__":
    main()
