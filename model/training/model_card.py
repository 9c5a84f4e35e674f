"""The model card (``README.md`` of a run): what a run is, what it is worth, and how to use it.

In Hugging Face's format: a YAML header with the figures, then Markdown. It is written from
``config.json`` and ``metrics.json`` when the training ends, so it says nothing that they do not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import markdown_cell
from flickr_emotion.common.split_names import TRAIN
from flickr_emotion.datasets.description.labelling import LABELLED_BY
from flickr_emotion.datasets.folder.card_markup import language_line, markdown_table
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.departures import departures
from flickr_emotion.model.recipes import BEST, PARTS
from flickr_emotion.model.runs.heads import TRAINING_POSTS
from flickr_emotion.model.training.card_figures import (
    calibration_of,
    distances_of,
    figures_of,
    model_index,
)

_HEADER = """\
---
license: other
{language}library_name: flickr-emotion
tags: [emotion, sentiment, multimodal{tag}]
metrics: [accuracy, f1]
{index}---
"""

_SAID_OTHERWISE = (
    *("model", "subset", "recipe", "without", "image_encoder", "finetune_image", "seed"),
    *("word_vectors", "image_weights"),  # paths of the machine
)

_FROM = {
    "flickr": "Flickr",
    "other": "another server in Flickr's place (`--flickr-url`), such as the toolkit's sandbox, "
    "whose posts are a simulation",
    "own": "posts of one's own",
}

_ABSENT = {
    "multitask": "There is a head for each subset of the modalities. A post is answered by the "
    "head of exactly what it has, or by the largest trained one that it has the modalities for. "
    "Nothing stands in the place of what is absent.",
    "single-task": "There is a network for each subset of the modalities. A post is answered by "
    "that of exactly what it has, or by the largest one that it has the modalities for.",
    "late-fusion": "The probabilities of the networks whose modality is there are averaged.",
    "weighted-vote": "The networks whose modality is there vote; the others do not.",
    "early-fusion": "Zeros stand in the place of an absent modality's representation, in training "
    "and afterwards.",
    "joint-fusion": "The representations of the modalities that are there are averaged.",
    "common-space": "The representations of the modalities that are there are averaged.",
    "fasttext": "It reads the text only. A post without a text is not answered.",
    "inception": "It reads the picture only. A post without a picture is not answered.",
    "mmtrans-mt": "The sequence that the transformer reads leaves an absent modality out.",
}

_MUST_NOT = """\
The labels say what a post was found to express or evoke, as its source counts it: votes of
strangers, words of its owner, or the opinion of its collector. They do not say what any person
feels. Do not use this model

- to judge, watch or rank persons, from their pictures, texts or profiles: in employment, education,
  credit, insurance, health, policing, migration, or anything else that affects them;
- to infer the emotions, the health, the opinions or the identity of persons in a picture or of who
  posted it;
- without a person's check where an error does harm: see the share of errors below;
- on other kinds of posts, in other languages or of other years than its training posts, before it
  has been measured there (`flickr-emotion evaluate R --input labelled.csv`);
- to pass the training posts on, or to recover them: they belong to their owners.
"""

_LOADING = """\
The folder R is read by the project flickr-emotion, which checks it against `digests.json` and never
unpickles anything:

```python
from pathlib import Path
from flickr_emotion import Predictor

predictor = Predictor(Path("R"))
answer = predictor.answer(image=Path("picture.jpg"), text="a text", tags=["tag"])
answer.label, answer.probabilities
```

Any of the three may be left out. On the command line: `flickr-emotion predict R --text "a text"`.
"""


def model_card(
    description: Mapping[str, Any],
    metrics: Mapping[str, Any],
    dataset: Dataset,
    *,
    selected: bool,
) -> str:
    """Return the content of ``README.md``.

    ``description`` is that of ``config.json``, ``metrics`` that of ``metrics.json``. ``selected``:
    only some of the training posts were used, as experiments do.
    """
    config = TrainingConfig.of_options(description["options"])
    labels = f"posts labelled by {LABELLED_BY[dataset.kind]}"
    parts = [
        _HEADER.format(
            language=language_line(str(dataset.options.get("language", ""))),
            tag="" if dataset.service == "own" else ", flickr",
            index=model_index(metrics, config.model, labels, dataset.digest),
        ),
        f"# {config.model}: the emotion or sentiment of posts (image, text, tags)\n\n"
        f"A network that says which of {len(dataset.classes)} classes a post is of, with a "
        f"probability for each, from any of its modalities. It was trained on {labels}. "
        "`config.json` and `metrics.json` of the run hold all settings and figures.\n",
        "\n## What it must not be used for\n\n",
        _MUST_NOT,
        "\n## What it was trained on\n\n",
        markdown_table(["", ""], _origin(dataset)),
        "\n`manifest export` of that data set writes a manifest with the same content digest, from "
        "which others can rebuild it without any content being passed on.\n\n",
        markdown_table(["class", "training posts"], _classes(dataset)),
        "\nThis training used a selection of them.\n\n" if selected else "\n",
        markdown_table(["held, among others", "training posts"], _subsets(description)),
        "\nLicences of the training posts; pictures and texts belong to their owners:\n\n",
        markdown_table(["licence", "training posts"], _licences(dataset)),
        "\n## How it was trained\n\n",
        markdown_table(["", ""], _settings(config, description, metrics)),
        _departures(config),
        "\n## Figures\n\nIn per cent, on the test posts, which the training did not see; each head "
        'on all posts that hold its modalities. "Majority" always answers '
        f"{markdown_cell(str(metrics['majority']['label']))}, the most frequent class of the "
        f"training posts.{_repeats(metrics)}\n\n",
        figures_of(metrics),
        distances_of(metrics),
        "\n## Calibration\n\nA head's logits are divided by its temperature, fitted on the "
        "validation posts (1 where they are too few). ECE is the expected calibration error on the "
        "test posts, in per cent.\n\n",
        calibration_of(metrics),
        f"\n## Absent modalities\n\n{_ABSENT[config.model]} `evaluate --missing` measures it.\n",
        f"\n## How to load it\n\n{_LOADING}",
    ]
    return "".join(parts)


def _origin(dataset: Dataset) -> Iterable[tuple[str, str]]:
    lists = dataset.described.get("lists_digest")
    yield "posts from", _FROM[dataset.service]
    yield "content digest of the data set", f"`{markdown_cell(dataset.digest)}`"
    yield (
        "digest of the lists, or of the manifest, that it was made from",
        f"`{markdown_cell(str(lists))}`" if lists else "none",
    )
    yield "language of the texts", markdown_cell(str(dataset.options.get("language", "not known")))


def _classes(dataset: Dataset) -> Iterable[tuple[str, str]]:
    labels = dataset.counts[TRAIN]["labels"]
    return [(markdown_cell(name), str(labels.get(name, 0))) for name in dataset.classes]


def _subsets(description: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield how many of the posts used hold a subset; earlier versions did not record it."""
    counts = description.get(TRAINING_POSTS) or {}
    return [(subset, str(counts.get(subset, "not known"))) for subset in SUBSETS]


def _licences(dataset: Dataset) -> Iterable[tuple[str, str]]:
    """Yield the licences of the training posts; a data set of an earlier version has no counts."""
    counts = dataset.counts[TRAIN].get("licenses") or {"not known": dataset.counts[TRAIN]["total"]}
    return [(markdown_cell(name), str(count)) for name, count in counts.items()]


def _settings(
    config: TrainingConfig, description: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    yield "system", f"`{config.model}`" + (f", of `{config.subset}`" if config.subset else "")
    yield "recipe", f"`{config.recipe}`"
    if config.recipe == BEST:
        for part in (part for part in PARTS if part in config.parts):
            yield f"part `{part}`", PARTS[part]
    if "image" in config.modalities:
        how = "trained" if config.finetune_image else "frozen"
        begun = "random weights" if config.image_weights == "none" else "pretrained weights"
        yield "image encoder", f"{markdown_cell(config.resolved_image_encoder)}, {begun}, {how}"
    for reader, digest in description.get("readers", {}).items():
        yield f"digest of the reader {markdown_cell(reader)}", f"`{markdown_cell(digest)}`"
    for option, digest in description.get("files", {}).items():
        yield f"SHA-256 of the file of {markdown_cell(option)}", f"`{markdown_cell(digest)}`"
    yield "seeds", ", ".join(map(str, metrics.get("seeds") or [metrics["seed"]]))
    for name, value in description["options"].items():
        if name not in _SAID_OTHERWISE:
            yield f"option `{markdown_cell(name)}`", markdown_cell(str(value))
    versions = description["versions"].items()
    yield "versions", markdown_cell(", ".join(f"{name} {version}" for name, version in versions))


def _departures(config: TrainingConfig) -> str:
    if config.recipe == BEST:
        return (
            "\nIt is not the network of the paper (Pagé Fortin and Chaib-draa 2019): the parts of "
            "the recipe replace the paper's choices.\n"
        )
    found = departures(config.options(), config.modalities)
    return "\nNot as in the paper (Pagé Fortin and Chaib-draa 2019): " + (
        f"{markdown_cell('; '.join(found))}. What the paper leaves open is said in the project's "
        "`docs/model.md`.\n"
        if found
        else "nothing that it says; what it leaves open is said in the project's `docs/model.md`.\n"
    )


def _repeats(metrics: Mapping[str, Any]) -> str:
    if "seeds" not in metrics:
        return ""
    return (
        f" Mean and standard deviation of {len(metrics['seeds'])} trainings; the weights are those "
        f"of seed {metrics['best_seed']}, which has the lowest validation loss."
    )
