"""``manifest diff``: the differences between two manifests."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flickr_emotion.datasets.manifests.diff import ManifestDiff, diff_manifests
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.manifests.description import parse_description
from flickr_emotion.harvest.manifests.file import schema_of
from tests.harvest.written_manifests import Row, described, options, row, write_manifest

ROWS = [row(number) for number in range(10)]


def diff(folder: Path, a: list[Row], b: list[Row], **described_b: Any) -> ManifestDiff:
    return diff_manifests(
        write_manifest(folder / "a", a),
        write_manifest(folder / "b", b, metadata=described(**described_b)),
    )


class TestDiff:
    def test_the_same(self, tmp_path: Path) -> None:
        found = diff(tmp_path, ROWS, ROWS)
        assert found.equal
        assert found.table().endswith("they say the same")
        assert found.content()["posts"] == [10, 10]

    @pytest.mark.parametrize(
        ("fields", "aspects"),
        [
            ({"label": "fear"}, {"label"}),
            ({"votes": 4}, {"votes"}),
            ({"split": "test"}, {"split"}),
            ({"image_sha256": b"x" * 16}, {"image"}),
            ({"text_sha256": None, "modalities": "image+tags"}, {"text"}),
            ({"tags_sha256": b"x" * 16, "split": "validation"}, {"tags", "split"}),
            ({"server": None, "secret": "0000000001"}, {"reference"}),
            ({"farm": "9"}, {"reference"}),
        ],
    )
    def test_changes_are_counted(self, tmp_path: Path, fields: Row, aspects: set[str]) -> None:
        changed = [row(it, **fields) if it in (2, 6) else row(it) for it in range(10)]
        found = diff(tmp_path, ROWS, changed)
        assert found.changed == {name: 2 * (name in aspects) for name in found.changed}
        assert (found.only_a, found.only_b, found.described) == (0, 0, {})
        assert not found.equal

    def test_differences_in_the_metadata(self, tmp_path: Path) -> None:
        given_b = options(seed=7, group_by="owner")
        found = diff(tmp_path, ROWS, ROWS, options=given_b, dataset_digest="1" * 64)
        assert found.described == {
            "option seed": [0, 7],
            "option group_by": [None, "owner"],
            "dataset_digest": ["0" * 64, "1" * 64],
        }
        assert not found.equal
        assert "option seed: 0 and 7" in found.table()

    def test_distributions(self, tmp_path: Path) -> None:
        described_b = described(version=3)
        schema = schema_of(parse_description(json.dumps(described_b).encode()))
        shares = {"awe": 1.0, "fear": 0.0}, {"awe": 0.5, "fear": 0.5}

        def with_shares(name: str, *given: int | None) -> Path:
            rows = [
                row(n, vote_distribution=None if it is None else shares[it])
                for n, it in enumerate(given)
            ]
            return write_manifest(tmp_path / name, rows, schema=schema, metadata=described_b)

        a = with_shares("a", 0, 0, 1, None)
        assert diff_manifests(a, with_shares("b", 0, 1, 1, 0)).changed["vote_distribution"] == 2
        older = write_manifest(tmp_path / "older", ROWS[:4])
        for pair in ((a, older), (older, a)):
            found = diff_manifests(*pair)
            assert found.changed["vote_distribution"] == 3
            assert sum(found.changed.values()) == 3

    def test_an_invalid_manifest_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="row 2"):
            diff(tmp_path, ROWS, [row(0), row(1, label="joy")])

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        in_a=st.sets(st.integers(0, 60), min_size=1),
        in_b=st.sets(st.integers(0, 60), min_size=1),
        batch=st.integers(1, 70),
    )
    def test_posts_are_matched_whatever_the_batches(
        self, tmp_path: Path, in_a: set[int], in_b: set[int], batch: int
    ) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("flickr_emotion.harvest.manifests.file._BATCH", batch)
            found = diff(
                tmp_path,
                [row(number) for number in sorted(in_a)],
                [row(number, votes=number % 2 + 4) for number in sorted(in_b)],
            )
        assert (found.only_a, found.only_b) == (len(in_a - in_b), len(in_b - in_a))
        assert found.changed["votes"] == sum(number % 2 == 0 for number in in_a & in_b)
        assert found.changed["text"] == 0
