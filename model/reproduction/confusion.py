"""Figure 4: the confusion matrix of the complete head, trained with the incomplete posts too.

The matrices of the repeats are summed: in a single one, a class with few posts would show nothing.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.presentation.heat_map import heat_map, heat_map_size
from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction.cell import MULTITASK, Cell
from flickr_emotion.model.reproduction.estimates import confusion_figures
from flickr_emotion.model.reproduction.experiment import Content, Experiment, Trained, repeats
from flickr_emotion.model.reproduction.markdown import DASH, lines, percent, spread
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


def _tables(content: Content) -> list[Table]:
    classes = content["classes"]
    return [
        Table(
            name="figure4-confusion",
            title="Test posts of each class by answer, in per cent of them",
            head=["", *classes, "answers"],
            rows=[
                [label, *(f"{share:.1f}" if share else DASH for share in shares), str(sum(counts))]
                for label, shares, counts in zip(
                    classes, content["row_shares"], content["confusion"], strict=True
                )
            ],
        )
    ]


def _markdown(content: Content) -> list[str]:
    figures = content["figures"]
    return [
        "In each row the test posts of a class (of all repeats), in per cent of them by answer.",
        "",
        *lines(*_tables(content)),
        "",
        f"Accuracy {percent(figures['accuracy'])}, weighted F1 {percent(figures['weighted_f1'])}, "
        f"macro F1 {percent(figures['macro_f1'])}, of {figures['count']} answers. "
        f"The paper's accuracy: {spread(content['paper'])} (Table 3).",
    ]


def _draw(content: Content, figure: Figure) -> None:
    heat_map(
        figure,
        content["row_shares"],
        content["classes"],
        content["classes"],
        row_axis="label (test posts of all repeats)",
        column_axis="answer",
        bar="per cent of the label's posts",
        posts=[sum(counts) for counts in content["confusion"]],
    )


CONFUSION = Experiment(
    title="Figure 4: confusion matrix of the complete head, trained with the incomplete posts too",
    cells=lambda dataset, seeds: [Cell(system=MULTITASK, seed=seed) for seed in seeds],
    content=_content,
    markdown=_markdown,
    tables=_tables,
    draw=_draw,
    size=lambda content: heat_map_size(len(content["classes"])),
)
