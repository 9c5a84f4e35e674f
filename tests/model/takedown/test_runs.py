"""A run folder after a takedown: marked, whole, and without what only withdrawn posts had."""

import json
import shutil
from pathlib import Path

import pytest

from flickr_emotion.common.takedown.tombstones import POST, Tombstones, tombstone
from flickr_emotion.datasets.takedown.trail import Trail
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.digests import verify_run
from flickr_emotion.model.runs.files import read_config
from flickr_emotion.model.runs.withdrawn import withdrawn_from
from flickr_emotion.model.takedown.card import card_with
from flickr_emotion.model.takedown.runs import take_down_run
from tests.commands import run

STONES = Tombstones.of([tombstone(POST, "1003", "asked by mail")])


def trail_of(run_folder: Path, *, words: frozenset[str], tags: frozenset[str]) -> Trail:
    """A takedown of one post from the data set that a run was trained on."""
    before = read_config(run_folder)["dataset"]["digest"]
    change = {"from": before, "to": "f" * 64, "withdrawn": list(STONES.by_digest)}
    return Trail(
        digest="f" * 64,
        changes=(change,),
        tombstones=dict(STONES.by_digest),
        words=words,
        tags=tags,
    )


@pytest.fixture
def marked(run_folder: Path, tmp_path: Path) -> Path:
    """A copy of the run after a takedown that took its first word and its first tag."""
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    config = read_config(copy)
    trail = trail_of(copy, words=frozenset(config["words"][1:]), tags=frozenset(config["tags"][1:]))
    assert take_down_run(copy, [trail], STONES, ["1003"]).since == 1
    return copy


def test_it_says_so_and_is_whole(marked: Path) -> None:
    assert verify_run(marked) == []
    assert withdrawn_from(marked) == [*STONES]
    assert (marked / "README.md").read_text().count("## Withdrawn posts") == 1
    done = run("predict", marked, "--tags", "riot")
    assert (done.code, "1 post was withdrawn since" in done.err) == (0, True)


def test_damage_to_its_tombstones_is_seen(marked: Path) -> None:
    path = marked / "tombstones.json"
    path.write_text(path.read_text().replace("mail", "nail"))
    (damage,) = verify_run(marked)
    assert f"{path} is damaged" in damage


def test_words_that_are_left_keep_their_places(marked: Path, run_folder: Path) -> None:
    old, new = read_config(run_folder), read_config(marked)
    for name in ("words", "tags"):
        assert new[name] == [f"withdrawn {name} 0", *old[name][1:]]
    assert (marked / "model.safetensors").read_bytes() == (
        run_folder / "model.safetensors"
    ).read_bytes()


def test_the_same_again_changes_nothing(marked: Path) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in marked.iterdir()}

    before, trail = files(), trail_of(marked, words=frozenset(), tags=frozenset())
    indirect = Trail(**{**vars(trail), "digest": "e" * 64})  # a build came after the takedown
    take_down_run(marked, [indirect], STONES, ["1003"])
    assert files() == before


def test_another_data_set_marks_nothing(run_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    found = take_down_run(tmp_path / "run", [], STONES, ["1003"])
    assert (found.since, found.known) == (0, False)
    assert withdrawn_from(tmp_path / "run") == []
    assert json.loads((tmp_path / "run" / "tombstones.json").read_text())["tombstones"]
    assert verify_run(tmp_path / "run") == []
    assert "Withdrawn" not in (tmp_path / "run" / "README.md").read_text()


def test_a_new_training_may_replace_a_marked_run(marked: Path) -> None:
    from flickr_emotion.model.runs.files import own_entries

    assert {path.name for path in own_entries(marked)} == {path.name for path in marked.iterdir()}


def test_an_older_section_of_a_card_is_replaced() -> None:
    card = "# Run\n\n## Loading\n\ntext\n"
    once = card_with(card, [*STONES])
    assert card_with(once, [*STONES]) == once
    assert once.startswith(card)


@pytest.mark.parametrize("name", ["config.json", "README.md"])
def test_damage_does_not_get_a_new_digest(run_folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes() + b" ")
    before = path.read_bytes()
    with pytest.raises(ModelError, match=rf"/run/{name} has \d+ bytes, but"):
        take_down_run(tmp_path / "run", [], STONES, ["1003"])
    assert path.read_bytes() == before
    assert not (tmp_path / "run" / "tombstones.json").exists()
