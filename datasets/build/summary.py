"""What a build says at its end: posts by label and split, what was left out, and what leaks."""

from collections.abc import Mapping
from typing import Any

from flickr_emotion.common.printing import printable
from flickr_emotion.common.split_names import SPLITS


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
            f"not in the data set: {counted(content['excluded'])}",
            f"like a post of training: {_leaks(content)}",
        ]
    )


def _leaks(content: dict[str, Any]) -> str:
    """Return how much of validation and test training has seen something of."""
    return "; ".join(
        f"{split} "
        + ", ".join(
            f"{100 * leaks[kind] / max(content['counts'][split]['total'], 1):.0f}% by {kind}"
            for kind in ("owner", "picture", "text")
        )
        for split, leaks in content["leakage"].items()
    )


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by name as one line, the largest first."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {name}" for name, count in ordered) or "none"
