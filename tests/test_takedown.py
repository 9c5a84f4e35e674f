"""``takedown`` over real folders, as a user calls it."""

from pathlib import Path

import pytest

from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from tests.byte_scan import traces
from tests.commands import run
from tests.takedown_world import WITHDRAWN, build, copied, crawl_list, make_list, traces_of

GONE = WITHDRAWN.photo_id


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the list, the harvest and the data set: do not change it."""
    folder = tmp_path_factory.mktemp("takedown")
    crawl_list(make_list(folder / "list"), folder / "harvest")
    build(folder / "harvest", folder / "dataset")
    return folder


@pytest.fixture
def place(taken: Path, tmp_path: Path) -> Path:
    """A copy of these folders."""
    return copied(taken, tmp_path / "place")


def test_no_byte_of_the_post_is_left(place: Path) -> None:
    folders = [place / "harvest", place / "dataset"]
    assert {line.partition(" in ")[0] for line in traces(folders, traces_of(WITHDRAWN))} == {
        *traces_of(WITHDRAWN)
    }
    done = run("takedown", GONE, "--in", *folders)
    assert done.code == 0, done
    print(done.out)
    assert traces(folders, traces_of(WITHDRAWN)) == []
    for folder in folders:
        assert run("verify", folder).code == 0
    with Ledger(place / "harvest" / FILE_NAME) as ledger:
        assert len(ledger.query("SELECT * FROM photos")) == 90
