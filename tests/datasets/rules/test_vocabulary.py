"""The vocabulary: counts of words and tags, whatever order the posts come in."""

import pyarrow as pa

from flickr_emotion.datasets.rules.vocabulary import VocabularyCounter


def lists(*rows: list[str] | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(rows, pa.list_(pa.string()))])


def counted(*posts: tuple[list[str] | None, list[str] | None]) -> VocabularyCounter:
    counter = VocabularyCounter()
    for text, tags in posts:
        counter.add(lists(text), lists(tags))
    return counter


def test_words_and_tags_are_counted_apart_and_each_time_they_occur() -> None:
    counter = counted((["sea", "sea", "sky"], ["sea"]), (["sky"], ["sea", "dog"]))
    assert counter.counts() == {"words": {"sea": 2, "sky": 2}, "tags": {"sea": 2, "dog": 1}}


def test_most_frequent_first_and_ties_by_the_alphabet() -> None:
    posts = [(["b", "c", "a", "c"], ["z", "y"]), (["d"], ["z"])]
    for order in (posts, posts[::-1]):
        counts = counted(*order).counts()
        assert [*counts["words"].items()] == [("c", 2), ("a", 1), ("b", 1), ("d", 1)]
        assert [*counts["tags"].items()] == [("z", 2), ("y", 1)]


def test_what_a_post_does_not_have_counts_nothing() -> None:
    counter = counted((None, None), ([], []), (None, ["dog"]))
    assert counter.counts() == {"words": {}, "tags": {"dog": 1}}


def test_rare_ones_are_kept_and_the_file_says_where_to_cut() -> None:
    content = counted((["once"], None)).content(5)
    assert content == {"min_count": 5, "words": {"once": 1}, "tags": {}}
    assert [*content] == ["min_count", "words", "tags"]
