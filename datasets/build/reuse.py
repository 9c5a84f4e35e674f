"""What a build takes over from the data set that it replaces: all of it, or its decisions.

Where posts, options and code are the same, the data set stays as it is. Where some posts have
changed, only these are judged again (``judged_posts``). Otherwise the build reuses what
``decisions.parquet`` holds. Every file must be undamaged, because nothing that is taken over is
computed again.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.datasets.build.built_from import (
    BuiltFrom,
    digest_of_rules,
    write_built_from,
)
from flickr_emotion.datasets.build.judged_posts import JudgedPosts
from flickr_emotion.datasets.build.judging import Judge
from flickr_emotion.datasets.build.saying import Say
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import decisions
from flickr_emotion.datasets.folder.file_digests import OWN_DIGEST, damaged_files, file_sha256
from flickr_emotion.datasets.folder.layout import CARD, JUDGED
from flickr_emotion.datasets.folder.reading import (
    WITHOUT_DISTRIBUTIONS,
    Dataset,
    open_dataset,
)
from flickr_emotion.datasets.sources.inputs import Input


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The data set that is replaced, as far as it can be reused."""

    dataset: Dataset | None = None
    """None if none of it can be reused."""
    former: Dataset | None = None
    """The same, or one of which only the features can be kept."""
    built_from: BuiltFrom | None = None
    """What it was built from, if its folder says it."""

    @property
    def decisions(self) -> Path | None:
        """The file of its decisions."""
        return self.dataset.folder / decisions.FILE_NAME if self.dataset else None

    def unchanged(self, input_digest: str, rest: str) -> Dataset | None:
        """Return the data set if a build would give it again."""
        if (
            self.dataset is not None
            and self.built_from is not None
            and (self.built_from.input, self.built_from.rest) == (input_digest, rest)
            and (self.dataset.folder / CARD).is_file()
        ):
            return self.dataset
        return None

    def judged(self, rules: str) -> JudgedPosts | None:
        """Return its judged posts if they were judged by the same rules."""
        if self.dataset is None or self.built_from is None or self.built_from.rules != rules:
            return None
        path = self.dataset.folder / JUDGED
        try:
            return JudgedPosts(path) if file_sha256(path) == self.built_from.judged else None
        except (OSError, pa.ArrowException):
            return None


def previous_at(out: Path, built_from: BuiltFrom | None, seed: int, say: Say) -> Previous:
    """Return what can be reused of the data set at ``out``; ``seed`` is that of the build.

    ``built_from``: what its folder says that it was built from.
    """
    try:
        dataset = open_dataset(out) if out.exists() and any(out.iterdir()) else None
    except DatasetError as error:
        say(f"nothing is reused from the data set that is replaced: {error}")
        return Previous()
    # With another seed, the pictures are stored in another order.
    if (
        dataset is None
        or dataset.version < WITHOUT_DISTRIBUTIONS
        or dataset.options.get("seed") != seed
        or decisions.FILE_NAME not in dataset.files
    ):
        return Previous(former=dataset)
    if damaged := next(damaged_files(dataset.folder, dataset.files), None):
        say(f"{dataset.folder}: {damaged}; nothing of it is reused, everything is built again")
        return Previous(former=dataset)
    if built_from is not None and built_from.dataset != dataset.described.get(OWN_DIGEST):
        built_from = None
    return Previous(dataset=dataset, former=dataset, built_from=built_from)


def rules_of(posts: Input, judge: Judge) -> str:
    """Return a digest of what the judgement of each post depends on beside the post itself."""
    corrected = judge.corrections
    return digest_of_rules(
        {
            **({"corrections": corrected.described()} if corrected is not None else {}),
            "options": asdict(judge.options),
            "keep_incomplete": judge.keep_incomplete,
            "withdrawn": sorted(judge.withdrawn.by_digest),
            "source": posts.source.facts(),
        }
    )


def rest_of(posts: Input, rules: str) -> str:
    """Return a digest of what a data set depends on beside the content of its input.

    ``rules``: the digest of what the judgement of its posts depends on.
    """
    whole = {"rules": rules, "described": posts.described(), "reading": posts.reading}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def keep_built_from(
    folder: Path, content: dict[str, Any], posts: Input, rules: str, said: list[str]
) -> None:
    """Write what the data set in ``folder`` was built from; ``content``: its description."""
    write_built_from(
        folder,
        BuiltFrom(
            input=None if posts.has_pictures() else posts.content_digest,
            rest=rest_of(posts, rules),
            rules=rules,
            judged=file_sha256(folder / JUDGED),
            dataset=content[OWN_DIGEST],
            said=said,
        ),
    )
