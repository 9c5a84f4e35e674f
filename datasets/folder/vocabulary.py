"""The words and tags of a data set, and which of them a network tells apart."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Words and tags of the training split with their counts, most frequent first."""

    min_count: int
    """The network replaces words and tags with smaller counts by ``<UNK>``."""
    words: dict[str, int]
    tags: dict[str, int]

    def kept_words(self) -> list[str]:
        """Return the words that are not ``<UNK>``, most frequent first."""
        return [word for word, count in self.words.items() if count >= self.min_count]

    def kept_tags(self) -> list[str]:
        """Return the tags that are not ``<UNK>``, most frequent first."""
        return [tag for tag, count in self.tags.items() if count >= self.min_count]
