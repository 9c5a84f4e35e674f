"""Figure 3: the posts of a data set by label and by modalities. Nothing is trained."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from flickr_emotion.common.modalities import SUBSETS, subset_in_words
from flickr_emotion.common.presentation.drawing import BLUE, PALE, WIDTH
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.common.printing import printable, shortened
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained
from flickr_emotion.model.reproduction.markdown import DASH, lines, percent
from flickr_emotion.model.reproduction.paper import FIGURE_3
from flickr_emotion.model.reproduction.tables import letters

_OF_WHOM = {"paper": "paper (Flickr Emotion)", "ours": "this data set"}


def _content(dataset: Dataset, trained: Trained, seeds: Sequence[int]) -> Content:
    counts = dataset.counts
    training = counts[TRAIN]
    return {
        "labels": {
            label: {split: counts[split]["labels"].get(label, 0) for split in SPLITS}
            for label in dataset.classes
        },
        "subsets": {
            subset: {
                "paper": FIGURE_3.get(subset, 0),
                "paper_share": _share(FIGURE_3.get(subset, 0), sum(FIGURE_3.values())),
                "ours": training["subsets"].get(subset, 0),
                "share": _share(training["subsets"].get(subset, 0), training["total"]),
            }
            for subset in SUBSETS
        },
        "claims": [],
    }


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _tables(content: Content) -> list[Table]:
    return [
        Table(
            name="figure3-labels",
            title="Posts by label",
            head=["label", *SPLITS, "all"],
            rows=[
                [label, *(str(row[split]) for split in SPLITS), str(sum(row.values()))]
                for label, row in content["labels"].items()
            ],
        ),
        Table(
            name="figure3-modalities",
            title="Training posts by modalities",
            head=["training posts", "paper", "% of them", "ours", "% of them"],
            rows=[
                [
                    letters(subset),
                    str(row["paper"] or DASH),
                    percent(row["paper_share"]),
                    str(row["ours"]),
                    percent(row["share"]),
                ]
                for subset, row in content["subsets"].items()
            ],
        ),
    ]


def _markdown(content: Content) -> list[str]:
    labels, subsets = map(lines, _tables(content))
    return [*labels, "", *subsets]


def _draw(content: Content, figure: Figure) -> None:
    """Draw the paper's two halves: all posts by label, training posts by modalities."""
    labels = content["labels"]
    subsets = {it: row for it, row in content["subsets"].items() if row["paper"] or row["ours"]}
    above, below = figure.subplots(2, height_ratios=[len(labels), 2 * len(subsets)])
    counts = [sum(row.values()) for row in labels.values()]
    above.bar_label(above.barh(range(len(counts)), counts, color=BLUE), padding=2, fontsize="small")
    above.set_yticks(range(len(labels)), [shortened(printable(it), 24) for it in labels])
    above.set_xlabel("number of posts of all splits, by label")
    for place, (name, share, colour) in enumerate(
        (("paper", "paper_share", PALE), ("ours", "share", BLUE))
    ):
        shares = [row[share] or 0 for row in subsets.values()]
        bars = below.barh(
            [number + 0.38 * (place - 0.5) for number in range(len(subsets))],
            shares,
            height=0.38,
            color=colour,
            label=_OF_WHOM[name],
        )
        told = [f"{row[name]:,}" for row in subsets.values()]
        below.bar_label(bars, told, padding=2, fontsize="small")
    below.set_yticks(range(len(subsets)), [subset_in_words(subset) for subset in subsets])
    below.set_xlabel("training posts by what they have, in per cent (numbers: posts)")
    below.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    for axes in (above, below):
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.spines[["top", "right"]].set_visible(False)


COMPOSITION = Experiment(
    title="Figure 3: what the data set is made of, in the paper Flickr Emotion",
    cells=lambda dataset, seeds: [],
    content=_content,
    markdown=_markdown,
    tables=_tables,
    draw=_draw,
    size=lambda content: (WIDTH, 3.2 + 0.27 * len(content["labels"])),
)
