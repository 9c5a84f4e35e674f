"""The paper's own numbers, each with its table, figure or section.

Accuracies on the test sets in per cent, mean and standard deviation of three repeats. Figures 3, 4
and 5 are not printed as numbers; for these, the numbers in the text are given.
"""

from typing import Literal, NamedTuple, get_args

from flickr_emotion.common.modalities import SUBSETS

ALL = "all"
Target = Literal["table1", "table2", "table3", "figure3", "figure4", "figure5", "all"]
"""The tables and figures that `reproduce` makes, and all of them."""
TARGETS: tuple[str, ...] = tuple(target for target in get_args(Target) if target != ALL)


class Printed(NamedTuple):
    """An accuracy as the paper prints it, in per cent."""

    mean: float
    std: float


def _column(*cells: tuple[float, float]) -> dict[str, Printed]:
    return {subset: Printed(*cell) for subset, cell in zip(SUBSETS, cells, strict=True)}


# In the order of SUBSETS, which is that of the paper's rows: I, T, #, I+T, I+#, T+#, I+T+#.

TABLE_1 = {
    "single-task": _column(
        (70.61, 0.57),
        (78.32, 2.59),
        (78.32, 1.51),
        (80.26, 0.50),
        (85.09, 0.47),
        (89.41, 0.60),
        (92.48, 0.53),
    ),
    "multitask": _column(
        (69.74, 2.50),
        (77.69, 0.87),
        (78.76, 0.76),
        (85.06, 1.13),
        (85.90, 0.65),
        (91.10, 0.39),
        (93.61, 0.50),
    ),
}
"""Flickr Emotion, trained on the complete posts only."""

TABLE_2 = {
    "single-task": _column(
        (70.40, 0.18),
        (75.45, 0.31),
        (79.13, 0.09),
        (77.31, 0.91),
        (79.31, 0.51),
        (82.22, 0.13),
        (83.27, 0.52),
    ),
    "multitask": _column(
        (70.48, 0.38),
        (73.87, 0.71),
        (77.80, 0.34),
        (77.46, 0.26),
        (79.77, 0.25),
        (82.10, 0.93),
        (83.55, 0.43),
    ),
}
"""VSO, trained on complete posts only."""

TABLE_3 = {
    "late-fusion": _column(
        (72.93, 0.67),
        (78.20, 1.53),
        (84.59, 1.60),
        (82.89, 1.72),
        (89.29, 2.28),
        (91.35, 0.64),
        (93.42, 0.22),
    ),
    "multitask": _column(
        (72.74, 1.81),
        (78.13, 1.60),
        (85.59, 0.89),
        (82.96, 1.98),
        (90.60, 0.50),
        (91.29, 0.74),
        (94.80, 0.43),
    ),
}
"""Flickr Emotion, trained with the incomplete posts too."""

FIGURE_3 = {"image": 2118, "image+text": 1612, "image+tags": 7368, "image+text+tags": 8674}
"""Flickr Emotion's training posts by subset (section 4.2.2, Figure 3's right half)."""

FIGURE_5_GAP = 19.5
"""Points by which multitask is ahead of single-task when 1% of the posts are complete (4.2.2)."""

FIGURE_5_MATCH = 0.25
"""The fraction at which multitask is "similar" to single-task with all posts complete (4.2.2)."""
