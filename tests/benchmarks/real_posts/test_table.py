"""The figures of the table on real posts, against scikit-learn's."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from benchmarks.real_posts.answers import Pooled, pool
from benchmarks.real_posts.figures import accuracy_B, draws_BN, markdown_table, weighted_f1_B
from flickr_emotion.common.modalities import SUBSETS

CLASSES = 3
POSTS = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES)), min_size=1, max_size=20
)


def pooled(posts: list[tuple[int, int]]) -> Pooled:
    """Return posts of these labels and answers: every second one complete, every third agreeing."""
    return Pooled(
        photo_ids=[str(number) for number in range(len(posts))],
        classes=CLASSES,
        labels_N=np.array([label for label, _ in posts]),
        answers_N=np.array([answer for _, answer in posts]),
        chances_N=np.full(len(posts), 0.5),
        complete_N=np.arange(len(posts)) % 2 == 0,
        agreeing_N=np.arange(len(posts)) % 3 == 0,
    )


@given(POSTS, st.integers(0, 50))
def test_figures_are_scikit_learns_in_every_draw(posts: list[tuple[int, int]], draw: int) -> None:
    """Posts that nobody answers count as wrong; draw 0 is the posts themselves."""
    here = pooled(posts)
    drawn = np.repeat(np.arange(len(posts)), draws_BN(len(posts))[draw].astype(int))
    labels, answers = here.labels_N[drawn], here.answers_N[drawn]
    weighted = f1_score(
        labels, answers, labels=range(CLASSES), average="weighted", zero_division=0.0
    )
    assert accuracy_B(here)[draw] == pytest.approx(accuracy_score(labels, answers))
    assert weighted_f1_B(here)[draw] == pytest.approx(weighted)


def test_the_difference_is_paired() -> None:
    """A row that answers as the reference does is behind by nothing, whatever the draw."""
    posts = [(number % 3, number % 2) for number in range(40)]
    *_, same = markdown_table({"one": pooled(posts), "other": pooled(posts)}, "one")
    assert same.endswith("| +0.0 (+0.0 to +0.0) |")


def test_a_post_is_answered_by_the_head_of_what_it_holds(tmp_path: Path) -> None:
    """Or by the largest that answered within it; by none where only others did."""
    posts: list[tuple[str, dict[str, list[float]]]] = [
        ("image+text+tags", {"image": [1, 0], "image+text+tags": [0, 1]}),
        ("image+text", {"image": [1, 0], "text": [0, 1]}),
        ("image", {}),
    ]
    rows: list[dict[str, Any]] = [
        {"photo_id": str(number), "label": "b", "modalities": held}
        | {subset: said.get(subset) for subset in SUBSETS}
        for number, (held, said) in enumerate(posts)
    ]
    numbers = [pa.field(subset, pa.list_(pa.float64())) for subset in SUBSETS]
    names = [pa.field(name, pa.string()) for name in ("photo_id", "label", "modalities")]
    files = [tmp_path / "fold-1.parquet", tmp_path / "fold-2.parquet"]
    for path, part in zip(files, (rows[1:], rows[:1]), strict=True):
        pq.write_table(pa.Table.from_pylist(part, pa.schema(names + numbers)), path)
    found = pool(files, ("a", "b"), {"1"})
    assert found.answers_N.tolist() == [1, 1, 2]
    assert found.complete_N.tolist() == [True, False, False]
    assert found.agreeing_N.tolist() == [False, True, False]


def test_agreeing_posts_are_counted_apart() -> None:
    """Posts 0 and 3 agree, and only post 3 is answered rightly."""
    head, _, row = markdown_table({"one": pooled([(0, 1), (0, 0), (0, 0), (1, 1)])}, None)
    column = head.split(" | ").index("accuracy, 2 agreeing posts")
    assert row.split(" | ")[column].startswith("50.0 ")
