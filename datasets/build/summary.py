"""The summary that a build prints: posts by label and split, exclusions and leakage."""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.rules.verdicts import texts_in_words


def describe(content: dict[str, Any]) -> str:
    """Return a table of posts by label and split, from what ``build_splits`` returns."""
    counts = content["counts"]
    rows = [
        (label, [counts[split]["labels"].get(label, 0) for split in SPLITS])
        for label in content["classes"]
    ]
    rows.append(("all", [counts[split]["total"] for split in SPLITS]))
    return "\n".join(
        [
            f"{'':<14}" + "".join(f"{split:>12}" for split in SPLITS),
            *(
                f"{printable(name):<14}" + "".join(f"{n:>12}" for n in numbers)
                for name, numbers in rows
            ),
            *([_modalities(content)] if content.get("service") == "own" else []),
            f"not in the data set: {counted(content['excluded'])}",
            f"texts: {texts_in_words(content['texts'])}",
            *(_leaks(split, content) for split in content["leakage"]),
        ]
    )


def _modalities(content: dict[str, Any]) -> str:
    """Return how many posts have each modality: one that is missing is seen here first."""
    counts: dict[str, int] = dict.fromkeys(MODALITIES, 0)
    for split in SPLITS:
        for subset, count in content["counts"][split]["subsets"].items():
            for modality in subset.split("+"):
                counts[modality] += count
    held = ", ".join(f"{count} {modality}" for modality, count in counts.items())
    return f"posts with each modality: {held}"


def _leaks(split: str, content: dict[str, Any]) -> str:
    """Return how many posts of a split have something in common with a training post."""
    posts = max(content["counts"][split]["total"], 1)
    share = {
        kind: None if n is None else f"{100 * n / posts:.0f}%"
        for kind, n in content["leakage"][split].items()
    }
    others = f"{share['picture']} a near-duplicate picture, {share['text']} a near-duplicate text"
    if share["owner"] is None:
        return f"leakage: owner not known; of {split} posts {others}, shared with a training post"
    return (
        f"leakage: {share['owner']} of {split} posts share an owner with a training post, {others}"
    )


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by name in one line, the largest first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name}" for name, count in ordered) or "none"
