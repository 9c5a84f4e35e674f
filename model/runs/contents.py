"""Digests of all that a training reads: posts, vocabulary, files of vectors and weights.

What was made from other options or from other files must not be taken for one's own. A data set's
``digest`` covers its posts with the pictures as they were fetched; a network also depends on how
these were prepared, on the vocabulary and on which of its words are ``<UNK>`` (``--min-count``). A
file is known by its content, because another one may have its name and its size.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError

_FILES = "word_vectors", "image_weights"


def training_digest(dataset: Dataset) -> str:
    """Return a digest of what a training reads of a data set."""
    vocabulary = dataset.vocabulary()
    read = [dataset.digest, dataset.preparation, vocabulary.min_count]
    read += [[*vocabulary.words.items()], [*vocabulary.tags.items()]]
    return hashlib.sha256(json.dumps(read).encode()).hexdigest()


def file_contents(config: TrainingConfig) -> dict[str, str]:
    """Return the SHA-256 of each file that an option names, by the option.

    A file that cannot be read has none: its reader says what is wrong.
    """
    found = {}
    for name in _FILES:
        given = getattr(config, name)
        try:
            if given and Path(given).is_file():
                with Path(given).open("rb") as file:
                    found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
    return found


def has_word_vectors(config: TrainingConfig) -> bool:
    """Return whether the file of ``--word-vectors`` is there, if one was given."""
    return config.word_vectors is None or config.word_vectors.exists()


def recorded_of_lost_vectors(
    description: dict[str, Any] | None, config: TrainingConfig
) -> dict[str, Any]:
    """Return what a resumed run goes on to record of word vectors whose file is gone.

    Empty if the file is there, or if nothing is resumed (``description`` is None).
    """
    if description is None or has_word_vectors(config):
        return {}
    return {
        "words_with_vector": description.get("words_with_vector"),
        "files": file_contents(config) | description.get("files", {}),
    }


def check_same_files(description: dict[str, Any], config: TrainingConfig) -> None:
    """Refuse to resume with files that have changed; ``description`` is that of the run.

    A file of word vectors that is no longer there is no change. Runs of earlier versions do not say
    which files they read. Raises ``ModelError``.
    """
    recorded = description.get("files")
    if not isinstance(recorded, dict):
        return
    found = file_contents(config)
    for name in _FILES:
        if name == "word_vectors" and not has_word_vectors(config):
            continue  # a network that has begun has them in its checkpoint
        if recorded.get(name) != found.get(name):
            raise ModelError(
                f"--{name.replace('_', '-')} {getattr(config, name)} differs from the file that "
                "the training began with: put that file back, or train again"
            )
