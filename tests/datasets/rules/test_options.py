"""The options of a build: their bounds, their defaults, and what a manifest does to them."""

from dataclasses import asdict, replace
from typing import Any

import pytest

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.rules.options import BuildOptions


def refusal(**fields: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        BuildOptions(**fields)
    return str(caught.value)


class TestValues:
    def test_as_many_words_at_least_as_at_most(self) -> None:
        assert BuildOptions(min_words=7, max_words=7).max_words == 7
        assert refusal(min_words=8, max_words=7) == (
            "--min-words 8 is more than --max-words 7: give at most as many"
        )

    def test_bounds_are_checked(self) -> None:
        assert BuildOptions(min_votes=1).min_votes == 1
        assert refusal(min_votes=0) == "--min-votes 0: give at least 1"
        assert refusal(group_by=("owner", "camera")).startswith("--group-by camera is not known")

    @pytest.mark.parametrize(
        ("fold", "expected"), [("1/2", (1, 2)), ("2/2", (2, 2)), ("1/3", (1, 3))]
    )
    def test_folds(self, fold: str, expected: tuple[int, int]) -> None:
        assert BuildOptions(fold=fold).fold_of == expected

    @pytest.mark.parametrize("fold", ["3/2", "1/1", "0/5", "2", "1/5/5", ""])
    def test_what_is_no_fold(self, fold: str) -> None:
        assert refusal(fold=fold) == f"--fold {fold!r}: give K/N, such as 1/5 to 5/5"

    def test_without_folds(self) -> None:
        assert BuildOptions().fold_of is None

    def test_the_language_is_one_that_can_be_detected(self) -> None:
        assert BuildOptions(language="fr").language == "fr"
        assert refusal(language="XX").startswith("--language XX: give one of ")

    def test_incomplete_posts_are_kept_but_for_lists_of_sentiment(self) -> None:
        assert BuildOptions().incomplete_posts("votes") == "keep"
        assert BuildOptions().incomplete_posts("sentiment") == "drop"
        assert BuildOptions(incomplete="drop").incomplete_posts("votes") == "drop"
        assert BuildOptions(incomplete="keep").incomplete_posts("sentiment") == "keep"


class TestUnderManifest:
    fixed = BuildOptions(min_words=4, group_by=("owner",), seed=3)

    def content(self, **fields: Any) -> dict[str, Any]:
        """The options as a manifest's metadata holds them, which is JSON."""
        return asdict(self.fixed) | {"group_by": ["owner"], "kind": "votes"} | fields

    def test_the_manifests_options_are_taken(self) -> None:
        assert BuildOptions().under_manifest(self.content()) == self.fixed

    def test_a_user_may_repeat_them(self) -> None:
        assert replace(BuildOptions(), min_words=4).under_manifest(self.content()) == self.fixed

    def test_a_user_may_not_change_them(self) -> None:
        with pytest.raises(DatasetError) as caught:
            BuildOptions(min_words=6).under_manifest(self.content())
        assert str(caught.value) == (
            "--min-words 6: the harvest was made from a manifest, which fixes this option at 4: "
            "omit it"
        )

    @pytest.mark.parametrize(("lost", "named"), [("seed", "'seed'"), ("group_by", "'group_by'")])
    def test_an_option_that_the_manifest_lacks(self, lost: str, named: str) -> None:
        content = self.content()
        del content[lost]
        with pytest.raises(DatasetError) as caught:
            BuildOptions().under_manifest(content)
        assert str(caught.value) == (
            f"the harvest's manifest has no usable option {named}: it was made by another "
            "version; export it again"
        )

    def test_an_option_of_another_type(self) -> None:
        with pytest.raises(DatasetError, match="has no usable option"):
            BuildOptions().under_manifest(self.content(group_by=5))

    def test_an_option_that_is_out_of_bounds(self) -> None:
        with pytest.raises(DatasetError) as caught:
            BuildOptions().under_manifest(self.content(min_votes=0))
        assert str(caught.value) == (
            "the harvest's manifest fixes an option that is not valid: "
            "--min-votes 0: give at least 1"
        )
