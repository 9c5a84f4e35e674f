"""What the counts of a data set say, in sentences for its datasheet.

Reasons, labels and licences come from others, so each passes ``printable``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS


def missing_posts(content: Mapping[str, Any]) -> str:
    """Return how many listed posts and rows are not in the data set, by reason."""
    excluded: Mapping[str, int] = content.get("excluded") or {}
    if not excluded:
        return "Every listed post is in the data set."
    why = ", ".join(f"{count} {printable(reason)}" for reason, count in excluded.items())
    return (
        f"Listed posts and rows that are not in the data set: {sum(excluded.values())} ({why}). "
        "excluded.parquet names each with its reason."
    )


def missing_modalities(content: Mapping[str, Any]) -> str:
    """Return how many posts lack each modality."""
    counts = dict.fromkeys(MODALITIES, 0)
    total = 0
    for split in SPLITS:
        total += content["counts"][split]["total"]
        for subset, count in content["counts"][split]["subsets"].items():
            for modality in subset.split("+"):
                counts[modality] += count
    lacking = ", ".join(f"{total - counts[name]} without {name}" for name in MODALITIES)
    return f"Of its {total} posts {lacking}."


def biases(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield which biases follow from the counts and from how the posts were collected."""
    labels: dict[str, int] = {}
    for split in SPLITS:
        for name, count in content["counts"][split]["labels"].items():
            labels[name] = labels.get(name, 0) + count
    if labels:
        by_size = sorted(labels, key=lambda name: labels[name])
        fewest, most = by_size[0], by_size[-1]
        yield (
            f"The classes differ in size: from {labels[fewest]} posts of {printable(fewest)} to "
            f"{labels[most]} of {printable(most)}."
        )
    language = printable(str(content["options"]["language"]))
    yield f"Texts in other languages than {language!r} are dropped."
    if content.get("service") != "own":
        yield (
            "Only posts that were still public at the time of the crawl are there: what owners "
            "took back before is missing, and not at random."
        )


def when(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield when a harvest was crawled, if that is known."""
    if collected := content.get("collected"):
        yield (
            f"From {printable(collected['first'])} to {printable(collected['last'])}, with "
            f"{collected['calls']} calls of the API."
        )


def counted(what: str, rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Yield how many posts have which licence or the like, if they were counted."""
    if rows:
        by_name = ", ".join(
            f"{printable(name)} {sum(by_split.values())}" for name, by_split in rows.items()
        )
        yield f"Posts by {what}: {by_name}."
