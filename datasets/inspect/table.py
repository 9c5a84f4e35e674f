"""Formats an inspection as tables for a terminal.

The content of a data set is untrusted, so every cell goes through
``flickr_emotion.common.printing``.
"""

from collections.abc import Iterable, Mapping

from flickr_emotion.common.printing import printable, shortened
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.inspect.inspection import Inspection
from flickr_emotion.datasets.inspect.samples import Sample
from flickr_emotion.datasets.inspect.tag_counts import tags_in_words

_BAR_WIDTH = 40
_SHOWN_SAMPLES = 2
_SHOWN_CHARACTERS = 100
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(inspection: Inspection) -> str:
    """Return all tables and lists as text."""
    described = inspection.dataset.described
    parts = [
        _table("posts by label", inspection.by_label, SPLITS),
        _table("posts by subset", occurring(inspection.by_subset), SPLITS),
        _table("label and subset", inspection.label_subsets, list(occurring(inspection.by_subset))),
        _text_lengths(inspection),
        _list("most frequent training tags by label", tags_in_words(inspection.frequent_tags)),
        _list("distinctive training tags by label", tags_in_words(inspection.telling_tags)),
    ]
    if leakage := inspection.leakage():
        parts.append(
            _list("leakage: posts that share something with a training post", leakage.items())
        )
    if reduced := described.get("reduced"):
        fraction = printable(str(reduced.get("fraction")))
        parts.append(
            f"reduced: a fraction of {fraction} of the complete training posts is unchanged"
        )
    excluded = [(reason, str(n)) for reason, n in (described.get("excluded") or {}).items()]
    parts.append(_list("not in the data set", excluded or [("none", "0")]))
    parts.append(_samples(inspection))
    return "\n\n".join(parts)


def occurring(rows: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    """Return the rows that are not all zero."""
    return {name: counts for name, counts in rows.items() if any(counts.values())}


def summary(inspection: Inspection) -> str:
    """Return the number of texts and quantiles of their lengths in words."""
    lengths = inspection.text_lengths
    if not lengths:
        return "no texts"
    quantiles = "  ".join(f"{q:.0%} {inspection.text_length(q)}" for q in QUANTILES)
    return f"{lengths.total()} texts, words: min {min(lengths)}  {quantiles}  max {max(lengths)}"


def _table(title: str, rows: Mapping[str, Mapping[str, int]], columns: Iterable[str]) -> str:
    columns = list(columns)
    totals = {column: sum(counts[column] for counts in rows.values()) for column in columns}
    lines = [[title, *columns, "all"]]
    for name, counts in [*rows.items(), ("all", totals)]:
        numbers = [counts[column] for column in columns]
        lines.append([printable(name), *map(str, numbers), str(sum(numbers))])
    first = max(len(line[0]) for line in lines)
    widths = [max(map(len, column)) + 2 for column in list(zip(*lines, strict=True))[1:]]
    return "\n".join(
        line[0].ljust(first)
        + "".join(cell.rjust(width) for cell, width in zip(line[1:], widths, strict=True))
        for line in lines
    )


def _text_lengths(inspection: Inspection) -> str:
    bins = inspection.text_bins()
    most = max((count for *_, count in bins), default=0)
    lines = [
        f"{f'{first}-{last}':>12}{count:>9}  {'#' * round(_BAR_WIDTH * count / most)}".rstrip()
        for first, last, count in bins
    ]
    told = inspection.texts()
    return "\n".join([summary(inspection), *([told] if told else []), *lines])


def _list(title: str, rows: Iterable[tuple[str, str]]) -> str:
    shown = [(printable(name), printable(value)) for name, value in rows]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join([title, *(f"  {name.ljust(width)}  {value}" for name, value in shown)])


def _samples(inspection: Inspection) -> str:
    lines = ["samples of training posts"]
    for label in inspection.dataset.classes:
        of_label = [sample for sample in inspection.samples if sample.label == label]
        lines += [_sample(sample) for sample in of_label[:_SHOWN_SAMPLES]]
    return "\n".join(lines)


def _sample(sample: Sample) -> str:
    text = shortened(sample.text or "", _SHOWN_CHARACTERS)
    shown = [f"{sample.photo_id} {sample.label} ({sample.subset})"]
    shown += [f"    {text}"] if text else []
    shown += [f"    # {', '.join(sample.tags[:20])}"] if sample.tags else []
    return "\n".join(f"  {printable(line)}" for line in shown)
