"""The description in a manifest's metadata: what it may say, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.harvest.manifests.description import parse_description
from tests.harvest.written_manifests import (
    anyhow,
    described,
    options,
    refusal,
    row,
    write_manifest,
)


class TestMetadata:
    @pytest.mark.parametrize(
        ("metadata", "said"),
        [
            ("no json", "is not JSON"),
            ("[" * 50_000, "is not JSON"),
            ('{"version": NaN}', "version"),
            ("[1]", "version"),
            (described(version=6), "update the program"),
            (described(version=4), "its metadata lack flickr-emotion-tombstones"),
            (described(version=10**4000), "update the program"),
            (described(version=1), "image_size"),
            (described(image_size=...), "image_size"),
            (described(image_size="k"), "image_size"),
            (described(image_size=["b"]), "image_size"),
            (described(version="1"), "version"),
            (described(version=True), "version"),
            (described(version=0), "version"),
            (described(classes=...), "'classes'"),
            (described(owner="somebody"), "'owner'"),
            (described(kind="own"), "kind"),
            (described(kind=["votes"]), "kind"),
            (described(service="example.org"), "service"),
            (described(dataset_digest="0" * 63), "dataset_digest"),
            (described(dataset_digest=7), "dataset_digest"),
            (described(classes=[]), "classes"),
            (described(classes="awe"), "classes"),
            (described(classes=["awe", "fear", "awe"]), "duplicates"),
            (described(classes=["awe", "fear", "\x1b[31m"]), "printable"),
            (described(classes=["awe", "fear", "x" * 101]), "1 to 100 characters"),
            (described(classes=["awe", "fear", 7]), "printable"),
            (described(classes=["awe"]), "not one of the classes"),
            (described(options=[]), "options"),
            (described(options=options(min_votes="3")), "min_votes"),
            (described(options=options(min_votes=True)), "min_votes"),
            (described(options=options(max_words=10**7)), "max_words"),
            (described(options=options(min_words=200)), "min_words is more"),
            (described(options=options(short_side=1)), "short_side"),
            (described(options=options(seed=-1)), "seed"),
            (described(options=options(seed=...)), "seed"),
            (described(options=options(language="../en")), "language"),
            (described(options=options(language="english please")), "language"),
            (described(options=options(incomplete="maybe")), "incomplete"),
            (described(options=options(**{"rm -rf": 1})), "rm -rf"),
            (described(options=options(group_by={"a": 1})), "group_by"),
            (described(options=options(group_by="x" * 41)), "group_by"),
            (described(options=options(**{f"o{n}": 1 for n in range(60)})), "options"),
            (described(classes=["x" * 100 + str(n) for n in range(999)]), "bytes"),
        ],
    )
    def test_what_is_not_as_it_should_be(
        self, tmp_path: Path, metadata: dict[str, Any] | str, said: str
    ) -> None:
        line = refusal(write_manifest(tmp_path / "m", [row(1)], metadata=metadata))
        assert said in line
        assert line.isprintable()

    def test_options_of_later_builds_are_kept(self) -> None:
        later = options(group_by=["owner", "near-duplicate"], fold="2/5", engine=None)
        assert parse_description(json.dumps(described(options=later)).encode()).options == later

    @anyhow
    @given(
        name=st.sampled_from(sorted(described())),
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
            lambda inner: (
                st.lists(inner, max_size=5)
                | st.dictionaries(st.text(max_size=10), inner, max_size=5)
            ),
            max_leaves=10,
        ),
    )
    def test_any_value_is_refused_or_kept(self, name: str, value: Any) -> None:
        content = described(**{name: value})
        said, found = "", None
        try:
            found = parse_description(json.dumps(content).encode())
        except ValueError as error:
            said = str(error)
        assert said.isprintable()
        assert len(said) < 400
        assert said or (found and json.loads(found.to_json()) == content)
