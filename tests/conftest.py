"""What tests of every part share."""

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from flickr_emotion.common.checkout import PROJECT

pytest_plugins = ["tests.browser"]

# How long an example takes says something of the machine, not of the code.
# `make mutants` runs a test several times in a process, which Hypothesis would take for a mistake.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)
settings.load_profile("project")


def pytest_collection_finish() -> None:
    """Keep the modules out of each search for garbage, which takes a second among so many."""
    gc.freeze()


_SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party data that lies beside the project, never in it."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the third-party data is not beside this checkout (../shared/data)")
    return _SHARED_DATA


@pytest.fixture(autouse=True)
def _no_key_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own key must not reach a test's output."""
    monkeypatch.delenv("FLICKR_API_KEY", raising=False)
    monkeypatch.delenv("FLICKR_API_SECRET", raising=False)
