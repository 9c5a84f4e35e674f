"""The digest of a manifest's rows."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.manifests.digest import RowsDigest


@given(
    st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.integers(0, 9)), max_size=8),
    st.integers(0, 8),
)
def test_the_digest_does_not_depend_on_the_batches(
    rows: list[tuple[str | None, int | None]], cut: int
) -> None:
    """The size of pieces does not matter; another value, or one in another row, does."""

    def table(some: list[tuple[str | None, int | None]]) -> pa.Table:
        texts, numbers = [it[0] for it in some], [it[1] for it in some]
        halves = [None if it is None else bytes([it]) * 16 for it in numbers]
        return pa.table(
            {
                "text": pa.array(texts, pa.string()),
                "number": pa.array(numbers, pa.int32()),
                "half": pa.array(halves, pa.binary(16)),
            }
        )

    def digest(*pieces: pa.Table) -> str:
        found = RowsDigest(["text", "number", "half"])
        for piece in pieces:
            found.add(piece)
        return found.of(b"described")

    whole = table(rows)
    assert digest(whole) == digest(whole.slice(0, cut), whole.slice(cut))
    assert digest(whole) == digest(*[table([it]) for it in rows])
    if rows[::-1] != rows:
        assert digest(whole) != digest(table(rows[::-1]))
    assert digest(whole) != digest(table([*rows, ("", 0)]))
