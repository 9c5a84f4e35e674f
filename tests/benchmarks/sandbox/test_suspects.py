"""The labels that the benchmark of suspects turns, and what it counts."""

from benchmarks.sandbox.suspects import precisions, turned_photos, turned_rows
from flickr_emotion.harvest.sandbox.simulation.simulation import simulation
from tests.datasets.inspect.test_suspects import judged


def test_a_tenth_of_the_photos_change_their_emotion_and_keep_their_votes() -> None:
    simulated = simulation(posts=60)
    turned = turned_photos(simulated, 0)
    assert len(turned) == 6
    rows = turned_rows(simulated.rows, turned)
    assert len(rows) == len(simulated.rows)
    changed = set()
    for before, after in zip(simulated.rows, rows, strict=True):
        assert before[1:] == after[1:]
        if before != after:
            photo_id = str(before[1]).rpartition("/")[2].partition("_")[0]
            changed.add(photo_id)
            assert {before[0], after[0]} == set(turned[photo_id])
    assert changed == set(turned)


def test_precision_is_of_the_first_tenth_and_of_the_suspects() -> None:
    ranked = [judged(number, suspect=number < 2) for number in range(40)]
    found = precisions(ranked, {"0", "2", "3", "39"})
    assert found["first tenth"] == 4
    assert found["precision of the first tenth"] == 0.75
    assert found["precision of the first twentieth"] == 0.5
    assert (found["suspects"], found["precision of the suspects"]) == (2, 0.5)
    assert (found["turned"], found["recall of the suspects"]) == (4, 0.25)
