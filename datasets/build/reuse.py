"""What a build takes over from the data set that it replaces: all of it, or its decisions.

Where posts, options and code are the same, the data set stays as it is. Otherwise the build reuses
what ``decisions.parquet`` holds. In both cases every file must be undamaged, because nothing that
is taken over is computed again.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flickr_emotion.common.takedown.tombstones import Tombstones
from flickr_emotion.datasets.build.built_from import (
    BuiltFrom,
    digest_of_rest,
    write_built_from,
)
from flickr_emotion.datasets.build.saying import Say
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder import decisions
from flickr_emotion.datasets.folder.file_digests import OWN_DIGEST, damaged_files
from flickr_emotion.datasets.folder.layout import CARD
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
    """None if there is none that can be read."""
    is_whole: bool = False
    """Whether its decisions and pictures can be reused."""

    @property
    def decisions(self) -> Path | None:
        """The file of its decisions, if they can be reused."""
        usable = self.dataset is not None and self.is_whole
        return self.dataset.folder / decisions.FILE_NAME if self.dataset and usable else None

    def unchanged(self, input_digest: str, rest: str, built_from: BuiltFrom | None) -> bool:
        """Return whether a build would give this data set again."""
        return (
            self.dataset is not None
            and self.is_whole
            and built_from is not None
            and built_from.is_of(self.dataset, input_digest, rest)
            and (self.dataset.folder / CARD).is_file()
        )


def previous_at(out: Path, seed: int, say: Say) -> Previous:
    """Return what can be reused of the data set at ``out``; ``seed`` is that of the build."""
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
        return Previous(dataset=dataset)
    if damaged := next(damaged_files(dataset.folder, dataset.files), None):
        say(f"{dataset.folder}: {damaged}; nothing of it is reused, everything is built again")
        return Previous(dataset=dataset)
    return Previous(dataset=dataset, is_whole=True)


def rest_of(posts: Input, withdrawn: Tombstones) -> str:
    """Return a digest of what a data set depends on beside the content of its input."""
    return digest_of_rest(
        {
            "options": asdict(posts.options),
            "described": posts.described(),
            "reading": posts.reading,
            "withdrawn": sorted(withdrawn.by_digest),
        }
    )


def keep_built_from(
    folder: Path, content: dict[str, Any], posts: Input, rest: str, said: list[str]
) -> None:
    """Write what the data set in ``folder`` was built from; ``content``: its description."""
    write_built_from(
        folder,
        BuiltFrom(
            input=None if posts.has_pictures() else posts.content_digest,
            rest=rest,
            dataset=content[OWN_DIGEST],
            said=said,
        ),
    )
