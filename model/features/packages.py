"""Finds packages and the files that they carry, without importing them."""

from importlib.util import find_spec
from pathlib import Path

from flickr_emotion.model.errors import ModelError


def is_installed(module: str) -> bool:
    """Return whether a package can be imported; a folder of its name that holds no code cannot.

    Some packages leave folders of their own name where they have worked.
    """
    found = find_spec(module)
    return found is not None and found.origin is not None


def package_folder(module: str, advice: str) -> Path:
    """Return a package's folder; raises ``ModelError``, which ends in ``advice``, if it is absent.

    ``module`` is the name that it would be imported by.
    """
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ModelError(advice)
    return Path(found.origin).parent


def check_transformers() -> None:
    """Refuse to go on without transformers."""
    package_folder(
        "transformers",
        "text encoders and hub:NAME need the package transformers: install the extra `pretrained` "
        "of pyproject.toml",
    )
