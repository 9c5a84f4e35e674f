"""Figure 4: the confusion matrix of the complete head, trained with the incomplete posts too.

The matrices of the repeats are summed: in a single one, a class with few posts would show nothing.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.printing import markdown_cell, printable
from flickr_emotion.datasets.folder.card_markup import table_lines
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction.cell import MULTITASK, Cell
from flickr_emotion.model.reproduction.estimates import confusion_figures
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained, repeats
from flickr_emotion.model.reproduction.markdown import DASH, percent, spread
from flickr_emotion.model.reproduction.paper import TABLE_3


def _content(dataset: Dataset, trained: Trained, seeds: Sequence[int]) -> Content:
    found = [done.answers.confusion(COMPLETE) for done in repeats(trained, seeds, MULTITASK, None)]
    counts = np.sum(found, axis=0)
    posts = counts.sum(1, keepdims=True)
    shares = np.divide(100 * counts, posts, out=np.zeros(counts.shape), where=posts > 0)
    return {
        "classes": list(dataset.classes),
        "confusion": counts.tolist(),
        "row_shares": shares.tolist(),
        "figures": confusion_figures(counts.tolist()),
        "paper": TABLE_3[MULTITASK][COMPLETE]._asdict(),
        "claims": [],
    }


def _markdown(content: Content) -> list[str]:
    classes = [markdown_cell(label) for label in content["classes"]]
    figures = content["figures"]
    return [
        "In each row the test posts of a class (of all repeats), in per cent of them by answer.",
        "",
        *table_lines(
            ["", *classes, "answers"],
            [
                [label, *(f"{share:.1f}" if share else DASH for share in shares), str(sum(counts))]
                for label, shares, counts in zip(
                    classes, content["row_shares"], content["confusion"], strict=True
                )
            ],
        ),
        "",
        f"Accuracy {percent(figures['accuracy'])}, weighted F1 {percent(figures['weighted_f1'])}, "
        f"macro F1 {percent(figures['macro_f1'])}, of {figures['count']} answers. "
        f"The paper's accuracy: {spread(content['paper'])} (Table 3).",
    ]


def _draw(content: Content, axes: Axes) -> None:
    classes, shares = [*map(printable, content["classes"])], content["row_shares"]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for row, line in enumerate(shares):
        for column, share in enumerate(line):
            if share:
                colour = "white" if share > 50 else "black"
                axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("answer")
    axes.set_ylabel("label")


CONFUSION = Experiment(
    title="Figure 4: confusion matrix of the complete head, trained with the incomplete posts too",
    cells=lambda dataset, seeds: [Cell(system=MULTITASK, seed=seed) for seed in seeds],
    content=_content,
    markdown=_markdown,
    draw=_draw,
    size=(6.0, 5.4),
)
