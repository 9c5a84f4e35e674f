"""Lists laid end to end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.model.posts.packing import pack
from tests.model.small_networks import pack_lists


@given(
    lists=st.lists(st.lists(st.integers(1, 9), max_size=7), min_size=1, max_size=9),
    least=st.integers(1, 5),
    data=st.data(),
)
def test_what_is_packed_is_what_was_chosen(
    lists: list[list[int]], least: int, data: st.DataObject
) -> None:
    full = [number for number, entries in enumerate(lists) if entries]
    if not full:
        return
    chosen = data.draw(st.lists(st.sampled_from(full), min_size=1))
    starts = np.concatenate([[0], np.cumsum([len(entries) for entries in lists])])
    ids = np.array([entry for entries in lists for entry in entries])
    before = ids.copy()
    packed = pack(ids, starts, np.array(chosen), least=least)
    assert len(packed) == len(chosen)
    assert packed.longest == max(len(lists[number]) for number in chosen)
    ends = [*packed.starts_N[1:].tolist(), len(packed.ids_T)]
    for number, start, end, length in zip(
        chosen, packed.starts_N.tolist(), ends, packed.lengths_N.tolist(), strict=True
    ):
        assert packed.ids_T[start : start + length].tolist() == lists[number]
        assert end - start == max(length, least)
        assert not packed.ids_T[start + length : end].any()
    assert (ids == before).all()


def test_lists() -> None:
    packed = pack_lists([[3], [4, 5]], least=2)
    assert packed.ids_T.tolist() == [3, 0, 4, 5]
    assert packed.starts_N.tolist() == [0, 2]
    assert packed.lengths_N.tolist() == [1, 2]
