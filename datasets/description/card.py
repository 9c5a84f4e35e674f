"""The data set card (``README.md``): what a data set holds and how it was made."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import markdown_cell
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.description.datasheet import Entry
from flickr_emotion.datasets.description.labelling import LABELLED_BY
from flickr_emotion.datasets.description.post_counts import posts_by_license, posts_by_preference
from flickr_emotion.datasets.folder.card_markup import language_line, yaml_text
from flickr_emotion.datasets.folder.shards import DISTRIBUTIONS, features_of
from flickr_emotion.datasets.rules.verdicts import texts_in_words

# Hugging Face's cache identifies a local data set by the folder's name and the configuration:
# without the digest in it, `load_dataset` would return the data set of an earlier build. It cannot
# load an empty split, so empty splits are not listed.
# With `class_label`, it reads the shards' names of classes as `ClassLabel`.
_FRONT_MATTER = """\
---
license: other
{language}task_categories: [image-classification, text-classification]
tags: [emotion, sentiment, multimodal{tag}]
configs:
- config_name: default
  description: content digest {digest}
  data_files:
{splits}dataset_info:
  config_name: default
  features:
{features}---
"""

_SIMULATION = """
**Not from Flickr.** The posts were fetched from another server (`--flickr-url`), such as the
toolkit's sandbox, whose built-in posts are a simulation.
"""

_OWN = """
**Posts of one's own.** They were not fetched from Flickr by this toolkit: `photo_id`, `owner` and
`license` are what their file says, `owner` as a salted digest.
"""

_OWN_TERMS = """
## Terms

Pictures and texts belong to their authors. Only who collected them can say whether and how they may
be passed on; `license` holds what their file says of each.
"""

_TERMS = """
## Terms

This product uses the Flickr API but is not endorsed or certified by SmugMug, Inc. Pictures and
texts belong to their owners under the licence in `license` (Flickr's licence ids). A post's page is
`https://www.flickr.com/photo.gne?id=<photo_id>`. Posts that owners withdraw are to be removed
(`takedown`). Share the list of photos, not their content.
"""


def data_set_card(content: dict[str, Any], sheet: Sequence[Entry]) -> str:
    """Return the content of ``README.md``; ``content`` is that of ``dataset.json``."""
    options = content["options"]
    counts = content["counts"]
    parts = [
        _FRONT_MATTER.format(
            language=language_line(options["language"]),
            tag="" if content["service"] == "own" else ", flickr",
            digest=markdown_cell(content["digest"]),
            splits="".join(
                f"  - split: {split}\n    path: data/{split}-*\n"
                for split in SPLITS
                if counts[split]["total"]
            ),
            features="".join(_features(content)),
        ),
        f"# Posts (image, text, tags) labelled by {LABELLED_BY[content['kind']]}\n",
        {"other": _SIMULATION, "own": _OWN}.get(content["service"], ""),
        _reduced(content),
        "\n## Posts by label\n\n",
        _table(content["classes"], [counts[split]["labels"] for split in SPLITS]),
        "\n## Posts by modalities\n\n",
        _table(SUBSETS, [counts[split]["subsets"] for split in SPLITS]),
        _counted("Posts by licence", posts_by_license(counts)),
        _counted("Posts by preference", posts_by_preference(counts)),
        _distributions(content),
        _leaks(content),
        "\n## Posts that are not here\n\n| reason | count |\n|---|---|\n",
        *(
            f"| {markdown_cell(reason)} | {count} |\n"
            for reason, count in content["excluded"].items()
        ),
        "\nEach is listed in `excluded.parquet` with its file and row.\n",
        "\n## Texts\n\n| verdict | posts |\n|---|---|\n",
        *(
            f"| {markdown_cell(verdict)} | {count} |\n"
            for verdict, count in content["texts"].items()
        ),
        f"\n{texts_in_words(content['texts'])}. A text that is not kept is dropped; its post stays "
        "with its other modalities.\n",
        "\n## How it was made\n\n| option | value |\n|---|---|\n",
        *(
            f"| {markdown_cell(name)} | {markdown_cell(str(value))} |\n"
            for name, value in options.items()
        ),
        f"\nContent digest: `{markdown_cell(content['digest'])}`\n",
        *_datasheet(sheet),
        _OWN_TERMS if content["service"] == "own" else _TERMS,
    ]
    return "".join(parts)


def _datasheet(sheet: Sequence[Entry]) -> Iterator[str]:
    """Yield the questions by section, the answered ones first."""
    yield "\n## Datasheet\n\n"
    yield (
        "The questions are those of Datasheets for Datasets (Gebru et al. 2021). Open ones are for "
        "whoever publishes this data set. `croissant.json` says the same to programs.\n"
    )
    for section, entries in groupby(sheet, key=lambda entry: entry.section):
        held = list(entries)
        yield f"\n### {section}\n\n"
        for entry in held:
            if entry.answers:
                yield f"- **{entry.question}** {markdown_cell(' '.join(entry.answers))}\n"
        if left := [entry.question for entry in held if not entry.answers]:
            yield f"- **Open:** {' '.join(left)}\n"


def _features(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the columns' types."""
    classes = content["classes"]
    for name, described in features_of(distributions=DISTRIBUTIONS in content).items():
        yield f"  - name: {name}\n"
        if name == "label":
            yield "    dtype:\n      class_label:\n        names:\n"
            yield from (
                f"          '{number}': {yaml_text(label)}\n"
                for number, label in enumerate(classes)
            )
        elif described["_type"] == "Sequence":
            yield f"    sequence: {described['feature']['dtype']}\n"
        else:
            yield f"    dtype: {described.get('dtype', described['_type'].lower())}\n"


def _reduced(content: dict[str, Any]) -> str:
    if "reduced" not in content:
        return ""
    fraction, seed = content["reduced"]["fraction"], content["reduced"]["seed"]
    return (
        f"\n**Reduced on purpose.** A fraction of {fraction:g} of the complete training posts of "
        "each class is unchanged. Of the others, a third keeps only the image, a third only the "
        f"text and a third only the tags (seed {seed}).\n"
    )


def _table(rows: list[str] | tuple[str, ...], columns: list[dict[str, int]]) -> str:
    lines = [
        f"| {markdown_cell(row)} | {' | '.join(str(column.get(row, 0)) for column in columns)} |\n"
        for row in rows
        if any(column.get(row) for column in columns)
    ]
    totals = " | ".join(str(sum(column.values())) for column in columns)
    head = f"| | {' | '.join(SPLITS)} |\n|---|---|---|---|\n"
    return f"{head}{''.join(lines)}| all | {totals} |\n"


def _counted(title: str, rows: Mapping[str, Mapping[str, int]]) -> str:
    """Return a table of posts by split; nothing where nothing was counted."""
    if not rows:
        return ""
    columns = [{name: by_split[split] for name, by_split in rows.items()} for split in SPLITS]
    return f"\n## {title}\n\n{_table(list(rows), columns)}"


def _distributions(content: dict[str, Any]) -> str:
    if DISTRIBUTIONS not in content:
        return ""
    return (
        f"\n`vote_distribution` holds the share of each class in all votes on a post, in the order "
        f"of the classes above ({content[DISTRIBUTIONS]} posts have one).\n"
    )


def _leaks(content: dict[str, Any]) -> str:
    """Return how many validation and test posts have something in common with a training post."""
    if "leakage" not in content:
        return ""
    lines = [
        f"| {split} | {' | '.join(_share(leaks[kind], content, split) for kind in _LEAKS)} |\n"
        for split, leaks in content["leakage"].items()
    ]
    return (
        "\n## Leakage\n\nPosts that share something with a training post:\n\n"
        f"| | {' | '.join(_LEAKS.values())} |\n|---|---|---|---|---|\n{''.join(lines)}"
        "\nA network may answer for these from memory: `build-splits --group-by owner` or "
        "`--group-by near-duplicate` keeps such posts on one side of the split.\n"
    )


_LEAKS = {
    "owner": "same owner",
    "picture": "nearly the same picture",
    "text": "nearly the same text",
    "any": "any of these",
}


def _share(count: int | None, content: dict[str, Any], split: str) -> str:
    if count is None:
        return "not known"
    total = content["counts"][split]["total"]
    return f"{count} ({100 * count / total:.1f}%)" if total else "0"
