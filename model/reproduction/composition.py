"""Figure 3: the posts of a data set by label and by modalities. Nothing is trained."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.printing import markdown_cell, printable
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction import drawing
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained
from flickr_emotion.model.reproduction.markdown import DASH, percent
from flickr_emotion.model.reproduction.paper import FIGURE_3
from flickr_emotion.model.reproduction.tables import letters


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


def _markdown(content: Content) -> list[str]:
    labels = table_lines(
        ["label", *SPLITS, "all"],
        [
            [markdown_cell(label), *(str(row[split]) for split in SPLITS), str(sum(row.values()))]
            for label, row in content["labels"].items()
        ],
    )
    subsets = table_lines(
        ["training posts", "paper", "% of them", "ours", "% of them"],
        [
            [
                letters(subset),
                str(row["paper"] or DASH),
                percent(row["paper_share"]),
                str(row["ours"]),
                percent(row["share"]),
            ]
            for subset, row in content["subsets"].items()
        ],
    )
    return [*labels, "", *subsets]


def _draw(content: Content, axes: Axes) -> None:
    # The paper's two halves, one above the other: all posts by label, training posts by modalities.
    bars = [(printable(label), sum(row.values())) for label, row in content["labels"].items()]
    bars += [(letters(subset), row["ours"]) for subset, row in content["subsets"].items()]
    labels = len(content["labels"])
    places = [place + (place >= labels) for place in range(len(bars))]
    colours = [drawing.OURS if place < labels else drawing.OTHER for place in range(len(bars))]
    drawn = axes.barh(places, [count for _, count in bars], color=colours)
    axes.bar_label(drawn, padding=2)
    axes.set_yticks(places, [name for name, _ in bars])
    axes.invert_yaxis()
    axes.set_xlabel("posts by label (above), training posts by modalities (below)")


COMPOSITION = Experiment(
    title="Figure 3: what the data set is made of, in the paper Flickr Emotion",
    cells=lambda dataset, seeds: [],
    content=_content,
    markdown=_markdown,
    draw=_draw,
    size=(6.4, 5.0),
)
